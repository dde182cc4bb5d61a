//! The table of the lab's verbs, and the help that is made from it.
//!
//! It is the only place that describes them in words. It follows the house plan §4.

use crate::observe::nearest;

/// What the table says of one verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerbDoc {
    /// The word that a line starts with.
    pub name: &'static str,
    /// The forms of its arguments.
    pub forms: &'static [&'static str],
    /// One line of help.
    pub about: &'static str,
    /// A line that parses.
    pub example: &'static str,
}

const fn doc(
    name: &'static str,
    forms: &'static [&'static str],
    about: &'static str,
    example: &'static str,
) -> VerbDoc {
    VerbDoc { name, forms, about, example }
}

const TABLE: &[VerbDoc] = &[
    doc("on", &["HOST"], "run the commands that follow on another host (also: ssh HOST)", "on w1"),
    doc(
        "wait",
        &["DURATION", "until CONDITION [for up to DURATION]"],
        "let virtual time pass",
        "wait until services[\"web\"].running == 6 for up to 2m",
    ),
    doc(
        "kill",
        &["HOST", "HOST daemon", "TASK"],
        "cut a host's power; or kill its docker daemon (containers live on); or kill a task's container",
        "kill w1 daemon",
    ),
    doc("boot", &["HOST", "HOST daemon"], "power a host on, or start its docker daemon again", "boot w1"),
    doc("stop", &["HOST", "HOST daemon"], "shut a host down cleanly, or only its docker daemon", "stop m2"),
    doc("pause", &["HOST"], "freeze a host's docker daemon without killing it", "pause m1"),
    doc("resume", &["HOST"], "let a frozen daemon go on", "resume m1"),
    doc("crash", &["TASK [exit STATUS]"], "make a task's program end by itself", "crash web.1 exit 137"),
    doc("unhealthy", &["TASK"], "make a task's health check fail from now on", "unhealthy web.2"),
    doc(
        "partition",
        &["HOST.. | HOST.. [| HOST..]"],
        "cut the network into parts that do not hear each other",
        "partition m1 m2 | m3 w1",
    ),
    doc("heal", &["[HOST..]"], "mend every cut and partition, or those of the hosts named", "heal"),
    doc("cut", &["HOST -> HOST"], "lose every packet from one host to another, one way only", "cut m1 -> m2"),
    doc("block", &["HOST PORT"], "let no packet in to a port of a host, like a firewall", "block w1 7946"),
    doc("unblock", &["[HOST [PORT]]"], "take such a rule away, or all of them", "unblock w1 7946"),
    doc(
        "link",
        &[
            "HOST HOST [latency=DURATION] [jitter=DURATION] [loss=N%] [duplicate=N%]",
            "HOST HOST down|up",
            "HOST HOST flap=DURATION|off",
        ],
        "change how the wire between two hosts behaves, or take it down and up",
        "link m1 m2 latency=200ms jitter=20ms loss=5% duplicate=1%",
    ),
    doc(
        "clock",
        &["HOST +DURATION", "HOST -DURATION", "HOST drift=Nppm"],
        "set a host's clock wrong: by up to 876000h (100 years), or by up to 100000ppm from now on",
        "clock w1 +30s",
    ),
    doc("disk", &["HOST full", "HOST slow=DURATION", "HOST ok"], "fill or slow a host's disk", "disk m1 slow=200ms"),
    doc(
        "backup",
        &["HOST as NAME"],
        "copy what a host whose daemon is stopped keeps of its swarm: identity, certificate, keys, Raft log, tasks",
        "backup m1 as monday",
    ),
    doc(
        "restore",
        &["HOST from NAME"],
        "put such a copy back on its host (no other); then boot it and docker swarm init --force-new-cluster",
        "restore m1 from monday",
    ),
    doc(
        "policy",
        &["", "swarm|spread|binpack|random"],
        "say how nodes are ranked from now on (only `swarm` is what Docker Swarm does), or tell how they are",
        "policy binpack",
    ),
    doc(
        "registry",
        &["down|up [for HOST..]", "slow=DURATION"],
        "stop, start or slow the image registry, for all hosts or for some",
        "registry down for w1",
    ),
    doc(
        "image",
        &["IMAGE exits=STATUS [after=DURATION]", "IMAGE missing|needs_login|ok", "IMAGE KEY[=VALUE].."],
        "change how an image behaves: its containers that are made from now on, not those that run (keys as in a scenario's [images])",
        "image nginx:1.26 exits=1 after=20s",
    ),
    doc(
        "put",
        &["LOCALFILE as PATH"],
        "copy a file of the real machine to this host's disk",
        "put app.yml as stack.yml",
    ),
    doc(
        "open",
        &["http://HOST[:PORT][/PATH] [--times N]"],
        "open an address from outside the cluster, as a browser does",
        "open http://w1:8080/ --times 5",
    ),
    doc(
        "load",
        &["http://HOST[:PORT][/PATH] rate=N/s for=DURATION"],
        "send clients at a steady rate and measure how long they wait",
        "load http://w1:8080/ rate=200/s for=1m",
    ),
    doc("hosts", &[""], "list the hosts and their state", "hosts"),
    doc("look", &["[raft|net|time]"], "show the world as it is, not as the cluster believes it to be", "look raft"),
    doc(
        "why",
        &["SUBJECT"],
        "explain why a task, a node or a service is as it is, or who leads (`leader`)",
        "why web.1",
    ),
    doc("mark", &["NAME"], "name this moment, to come back to it", "mark before-update"),
    doc("note", &["TEXT"], "write a remark into the story", "note now the quorum is lost"),
    doc("save", &["FILE"], "save the recording of this session", "save lab.rec"),
    doc("undo", &[""], "take the last input back (not in scenarios)", "undo"),
    doc("fork", &[""], "go on in a second world from this moment (not in scenarios)", "fork"),
    doc("seek", &["TIME", "MARK"], "go to another moment of this world (not in scenarios)", "seek 1m30s"),
    doc("help", &["[VERB]"], "list the verbs of the lab, or explain one", "help partition"),
];

/// All verbs, in the order in which help shows them.
pub fn table() -> &'static [VerbDoc] {
    TABLE
}

impl VerbDoc {
    /// Its forms, one a line.
    pub fn usage(&self) -> String {
        let forms: Vec<String> =
            self.forms.iter().map(|form| format!("{} {form}", self.name).trim_end().to_string()).collect();
        forms.join("\n")
    }

    /// The help that an error ends with: what was expected, and an example.
    pub fn expected(&self) -> String {
        let forms = self.usage().replace('\n', "` or `");
        if forms == self.example {
            format!("write `{forms}`")
        } else {
            format!("write `{forms}`, as in `{}`", self.example)
        }
    }
}

/// The text of `help` or of `help VERB`; the error names the nearest verb.
pub fn help(topic: Option<&str>) -> Result<String, String> {
    let Some(topic) = topic else {
        let width = TABLE.iter().map(|doc| doc.name.len()).max().unwrap_or(0);
        let mut out = String::from("The lab's own commands (docker's are found with `docker --help`):\n\n");
        for doc in TABLE {
            out += &format!("  {:width$}  {}\n", doc.name, doc.about);
        }
        out += "\nFilters behind a pipe: grep wc head tail sort uniq awk cut tr sed cat.\n";
        out += "`help VERB` shows its arguments and an example.\n";
        return Ok(out);
    };
    match TABLE.iter().find(|doc| doc.name == topic) {
        Some(doc) => {
            let usage = doc.usage().replace('\n', "\n  ");
            Ok(format!("{}: {}\n\n  {usage}\n\nExample: {}\n", doc.name, doc.about, doc.example))
        }
        None => Err(match nearest(topic, TABLE.iter().map(|doc| doc.name)) {
            Some(name) => format!("no verb is called `{topic}`; did you mean `{name}`?"),
            None => format!("no verb is called `{topic}`; `help` lists them"),
        }),
    }
}

//! The table of every name that a condition may use: roots, their fields, types and meaning.
//!
//! Conditions are checked against it and the reference page is made from it ([`documentation`]); a test holds it
//! against what [`Thing::get`](super::Thing::get) gives. It follows the house plan §5.

use super::Root;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// true or false
    Bool,
    /// a whole number
    Int,
    /// a number with a fraction
    Double,
    /// a text
    Text,
    /// a whole number or null
    IntOrNull,
    /// texts by text
    Labels,
    /// an object
    Object(&'static Object),
    /// a list of objects
    List(&'static Object),
    /// a list of objects that are also found by name
    Named(&'static Object),
}

impl Kind {
    /// Its name in the documentation.
    pub fn name(self) -> String {
        match self {
            Self::Bool => "bool".into(),
            Self::Int => "int".into(),
            Self::Double => "double".into(),
            Self::Text => "string".into(),
            Self::IntOrNull => "int or null".into(),
            Self::Labels => "map of strings".into(),
            Self::Object(object) => object.name.into(),
            Self::List(object) => format!("list of {}s", object.name),
            Self::Named(object) => format!("{}s by name", object.name),
        }
    }
}

/// A field of an object.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// What it means.
    pub about: &'static str,
}

/// A kind of object.
#[derive(Debug, PartialEq)]
pub struct Object {
    /// Its name in the documentation.
    pub name: &'static str,
    /// Its fields, in the order of the documentation.
    pub fields: &'static [Field],
}

impl Object {
    /// Its field of that name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A name that a condition may begin with.
#[derive(Debug, PartialEq)]
pub struct RootDoc {
    /// The name: `services`, or `truth.hosts`.
    pub name: &'static str,
    /// What is read.
    pub root: Root,
    /// Its type.
    pub kind: Kind,
    /// What it means.
    pub about: &'static str,
}

const fn field(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, about }
}

const UPDATE: Object = Object {
    name: "update",
    fields: &[
        field("state", Kind::Text, "`updating`, `paused`, `completed`, `rollback_started`, ..; empty before the first"),
        field("message", Kind::Text, "Docker's sentence about it"),
    ],
};

const PORT: Object = Object {
    name: "port",
    fields: &[
        field("published", Kind::Int, "the port on the hosts"),
        field("target", Kind::Int, "the port in the containers"),
        field("protocol", Kind::Text, "`tcp`, `udp` or `sctp`"),
    ],
};

const SERVICE: Object = Object {
    name: "service",
    fields: &[
        field("name", Kind::Text, "its name"),
        field("id", Kind::Text, "its id"),
        field("image", Kind::Text, "the image its tasks should run"),
        field("mode", Kind::Text, "`replicated`, `global`, `replicated-job` or `global-job`"),
        field("replicas", Kind::Int, "how many replicas are asked for"),
        field("running", Kind::Int, "how many of its tasks are believed to run"),
        field("desired", Kind::Int, "how many of its tasks should run"),
        field("update", Kind::Object(&UPDATE), "how far its last update or rollback has come"),
        field("ports", Kind::List(&PORT), "its published ports"),
        field("vip", Kind::Text, "its virtual address on its first network; empty without one"),
        field("vips", Kind::Labels, "its virtual addresses by network, the routing mesh's (`ingress`) among them"),
    ],
};

const NODE: Object = Object {
    name: "node",
    fields: &[
        field("name", Kind::Text, "its host's name"),
        field("id", Kind::Text, "its id"),
        field("role", Kind::Text, "`manager` or `worker`"),
        field("status", Kind::Text, "`ready`, `down` or `unknown`"),
        field("availability", Kind::Text, "`active`, `pause` or `drain`"),
        field("leader", Kind::Bool, "whether it leads"),
        field("reachability", Kind::Text, "of a manager `reachable`, `unreachable` or `unknown`; empty of a worker"),
        field("labels", Kind::Labels, "its labels in the swarm"),
        field("address", Kind::Text, "its address"),
    ],
};

const TASK: Object = Object {
    name: "task",
    fields: &[
        field("id", Kind::Text, "its id"),
        field("service", Kind::Text, "its service's name"),
        field("slot", Kind::Int, "its slot; 0 for a task of a global service"),
        field("name", Kind::Text, "its name without the id, such as `web.1`"),
        field("node", Kind::Text, "its node's name; empty before it has one"),
        field("desired", Kind::Text, "the state it should have: `running`, `shutdown`, .."),
        field("state", Kind::Text, "the state it is believed to have: `pending`, `running`, `failed`, .."),
        field("message", Kind::Text, "Docker's sentence about its state"),
        field("error", Kind::Text, "why it failed; empty otherwise"),
        field("image", Kind::Text, "its image"),
        field("version", Kind::Int, "the version of its service's specification"),
        field("addresses", Kind::Labels, "its addresses by network"),
    ],
};

const NETWORK: Object = Object {
    name: "network",
    fields: &[
        field("name", Kind::Text, "its name"),
        field("id", Kind::Text, "its id"),
        field("driver", Kind::Text, "its driver; empty while it has not been allocated"),
        field("subnet", Kind::Text, "its first subnet, such as `10.0.1.0/24`; empty without one"),
        field("gateway", Kind::Text, "the gateway of its first subnet"),
        field("vxlan", Kind::Int, "the VXLAN id of its first subnet; 0 without one"),
        field("ingress", Kind::Bool, "whether it carries the routing mesh"),
        field("balancers", Kind::Labels, "the load balancers' addresses on it by node"),
    ],
};

const MEMBER: Object = Object {
    name: "member",
    fields: &[
        field("name", Kind::Text, "its host's name"),
        field("role", Kind::Text, "`leader`, `candidate`, `follower` or `down`"),
        field("term", Kind::Int, "its term"),
        field("commit", Kind::Int, "its commit index"),
        field("applied", Kind::Int, "the index its store has applied"),
        field("up", Kind::Bool, "whether its process runs"),
    ],
};

const RAFT: Object = Object {
    name: "consensus",
    fields: &[
        field("leader", Kind::Text, "the leader of the highest term; empty if there is none"),
        field("term", Kind::Int, "the highest term"),
        field("quorum", Kind::Bool, "whether a majority of the members is up and mutually reachable"),
        field("commit", Kind::Int, "the highest index known to be committed"),
        field("members", Kind::Named(&MEMBER), "its members"),
    ],
};

const HOST: Object = Object {
    name: "host",
    fields: &[
        field("name", Kind::Text, "its name"),
        field("up", Kind::Bool, "whether it has power and has booted"),
        field("daemon", Kind::Bool, "whether its docker daemon runs"),
        field("paused", Kind::Bool, "whether that daemon is frozen"),
        field("manager", Kind::Bool, "whether a manager runs in it, of whatever cluster"),
    ],
};

const CONTAINER: Object = Object {
    name: "container",
    fields: &[
        field("id", Kind::Text, "its id"),
        field("service", Kind::Text, "the service of its task; empty outside the swarm"),
        field("task", Kind::Text, "its task's name, such as `web.1`"),
        field("node", Kind::Text, "the host it is on"),
        field("image", Kind::Text, "its image"),
        field("running", Kind::Bool, "whether its program runs"),
        field("exit_code", Kind::IntOrNull, "the status its program ended with, once it has"),
        field("state", Kind::Text, "`created`, `running`, `paused`, `exited`"),
        field("health", Kind::Text, "`starting`, `healthy`, `unhealthy`; empty where nothing is checked"),
        field("oom_killed", Kind::Bool, "whether the kernel ended its program for its memory"),
    ],
};

const ROOTS: &[RootDoc] = &[
    RootDoc {
        name: "services",
        root: Root::Services,
        kind: Kind::Named(&SERVICE),
        about: "the services, as the leader's store has them; unknown without a leader",
    },
    RootDoc {
        name: "nodes",
        root: Root::Nodes,
        kind: Kind::Named(&NODE),
        about: "the nodes, as the leader's store has them; unknown without a leader",
    },
    RootDoc {
        name: "tasks",
        root: Root::Tasks,
        kind: Kind::List(&TASK),
        about: "the tasks with their history, as the leader's store has them; unknown without a leader",
    },
    RootDoc {
        name: "networks",
        root: Root::Networks,
        kind: Kind::Named(&NETWORK),
        about: "the networks of the swarm, as the leader's store has them; unknown without a leader",
    },
    RootDoc { name: "raft", root: Root::Raft, kind: Kind::Object(&RAFT), about: "the consensus as it is" },
    RootDoc {
        name: "truth.hosts",
        root: Root::Hosts,
        kind: Kind::Named(&HOST),
        about: "the machines as they are, whatever the swarm believes",
    },
    RootDoc {
        name: "truth.containers",
        root: Root::Containers,
        kind: Kind::List(&CONTAINER),
        about: "the containers as they are, those included that the swarm has lost sight of",
    },
    RootDoc { name: "time", root: Root::Time, kind: Kind::Double, about: "seconds since the start" },
];

/// Every name that a condition may begin with, in the order of the documentation.
pub fn roots() -> &'static [RootDoc] {
    ROOTS
}

/// The reference page of the view, in Markdown.
pub fn documentation() -> String {
    let mut out = String::from("| name | type | meaning |\n| --- | --- | --- |\n");
    for root in ROOTS {
        out += &format!("| `{}` | {} | {} |\n", root.name, root.kind.name(), root.about);
        let (object, path) = match root.kind {
            Kind::Named(object) => (object, format!("{}[NAME]", root.name)),
            Kind::List(object) => (object, format!("{}[I]", root.name)),
            Kind::Object(object) => (object, root.name.to_string()),
            _ => continue,
        };
        rows(object, &path, &mut out);
    }
    out
}

fn rows(object: &Object, path: &str, out: &mut String) {
    for field in object.fields {
        let path = format!("{path}.{}", field.name);
        *out += &format!("| `{path}` | {} | {} |\n", field.kind.name(), field.about);
        match field.kind {
            Kind::Object(object) => rows(object, &path, out),
            Kind::List(object) => rows(object, &format!("{path}[I]"), out),
            Kind::Named(object) => rows(object, &format!("{path}[NAME]"), out),
            _ => {}
        }
    }
}

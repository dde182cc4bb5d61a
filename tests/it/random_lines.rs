//! Random and mutated lines at the prompt of a lab: never a panic, never a hang, always an exit status, and a text where a
//! command of docker or of the lab fails.
//!
//! The lines are of three kinds: put together from what completion offers (every command, every flag) and from the lab's
//! table of verbs; lines of the recordings with a few things broken; and words thrown together. They are played one after
//! the other at the prompt of a small swarm that stands, by the same door as the program's own prompt ([`Timeline`]).
//!
//! By default a few hundred lines. 100,000 lines (each case has four):
//! `PROPTEST_CASES=25000 cargo test --release --test it random_lines`.

use crate::common::{cases, root};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::sync::LazyLock;
use swarmlab::docker::{complete, refusal};
use swarmlab::engine::Duration;
use swarmlab::scenario::run::built_in_images;
use swarmlab::session::shell::{Command, Dialect, List, PieceKind, parse, verb};
use swarmlab::session::{Entered, Session, Stop, TerminalId, Timeline};
use swarmlab::swarm::world::DataCentre;

/// What a line may take of real time, unoptimized and on a busy machine: most take a thousandth of a second.
const REAL: std::time::Duration = std::time::Duration::from_secs(60);
/// Ctrl-C is pressed after so long.
const PATIENCE: Duration = Duration::from_secs(90);
/// And so often, at most: once for each command of a line, and more for a program that does not hear the first.
const INTERRUPTS: usize = 200;
/// Events that one line may cause: more is a loop.
const EVENTS: u64 = 3_000_000;

/// Names of things that are there, of things that are not, and values that mean something somewhere or nothing anywhere.
const WORDS: &[&str] = &[
    "web",
    "web",
    "web.1",
    "jobs",
    "own",
    "stored",
    "m1",
    "w1",
    "w2",
    "w9",
    "self",
    "nope",
    "net",
    "bridge",
    "ingress",
    "pass",
    "conf",
    "shop",
    "shop_front",
    "shop.yml",
    "broken.yml",
    "nosuch.yml",
    "-",
    "--",
    "=",
    "",
    "nginx",
    "nginx:1.25",
    "NGINX",
    "redis@sha256:0",
    "0",
    "1",
    "2",
    "-1",
    "-0",
    "3",
    "65536",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "9223372036854775807",
    "1e99",
    "0x10",
    "0.5",
    "NaN",
    "5s",
    "0s",
    "-5s",
    "1000000h",
    "292y",
    "1h",
    "10m",
    "9999999999g",
    "a=b",
    "a=",
    "=b",
    "web=3",
    "web=0",
    "web=-1",
    "web=99999999999999999999",
    "80:80",
    "8080-8082:80",
    "1-65535:1-65535",
    "99999:80",
    "target=80,mode=host",
    "type=bind,src=/a,dst=/b",
    "type=,",
    "src=pass,target=x,mode=9999",
    "global",
    "replicated",
    "replicated-job",
    "global-job",
    "worker",
    "manager",
    "drain",
    "active",
    "pause",
    "any",
    "none",
    "on-failure",
    "json",
    "table",
    "pretty",
    "raw",
    "{{.Name}}",
    "{{json .}}",
    "{{",
    "{{.ID}}",
    "{{range .}}x{{end}}",
    "table {{.ID}}\\t{{.Name}}",
    "{{printf \"%9999999999d\" 1}}",
    "{{.Nope.Deep}}",
    "{{slice .ID 1 99}}",
    "{{index . 1}}",
    "spread=node.labels.a",
    "node.role==worker",
    "node.role=~x",
    "node.labels.é!=…",
    "name=web",
    "desired-state=running",
    "desired-state=x",
    "é…\u{202e}\u{0}",
    "👩‍👩‍👧",
    "\u{fffd}",
    "10.0.0.0/8",
    "10.0.0.0/33",
    "256.1.1.1",
    "::1",
    "10.0.0.1:99999",
    "--help",
    "-h",
    "-f",
    "-q",
    "-d",
    "--force",
    "--detach",
    "--detach=false",
    "time > 5",
    "until",
    "for",
    "up",
    "to",
    "|",
    "->",
    "exit",
    "daemon",
    "5%",
    "200%",
    "x/0s",
    "http://m1:80/",
    "http://m1:0/",
    "./relative",
    "/",
    "..",
    "/dev/zero",
];

/// What is put between the words, around them and into them.
const SPICE: &[&str] = &[
    "'",
    "\"",
    "`",
    "\\",
    "$",
    "$(",
    ")",
    "$()",
    "${",
    "${X}",
    "$X",
    "$?",
    "|",
    "||",
    "&",
    "&&",
    ";",
    ";;",
    "<",
    ">",
    ">>",
    "2>",
    "2>&1",
    "<<E",
    "#",
    "\n",
    "\t",
    "\r\n",
    " ",
    "\u{0}",
    "é",
    "\u{202e}",
    "😀",
    "{}",
    "{{",
    "}}",
    "*",
    "?",
    "!",
    "~",
    "=",
    "-",
    "--",
    ",",
    ":",
    "99999999999999999999",
    "-1",
    "$(docker ps -q)",
    "$(docker service ls -q | head -1)",
    "| grep -c .",
    "| head -1",
    "| wc -l",
    "> f",
    ">> f",
    "< f",
    "2> e",
    "&& echo yes",
    "|| echo no",
    "; sleep 1",
    "X=1 ",
    "export X=2;",
];

/// Lines that a lab's prompt knows and no recording has.
const OWN: &[&str] = &[
    "echo a b | tr a-z A-Z | sort -r | uniq -c | cut -d' ' -f1 | awk '{print $1, NR}' | sed -n '1,2p'",
    "printf '%5s|%-3d\\n' a 1 b 2",
    "head -c 100 /dev/zero | wc -c",
    "tail -n +2 shop.yml",
    "grep -nE 'im(a|x)+ge' shop.yml",
    "docker stack deploy -c shop.yml shop",
    "docker stack config -c shop.yml",
    "docker stack rm shop",
    "cat <<E | docker stack deploy -c - other\nservices:\n  a: {image: nginx}\nE",
    "for i in 1 2; do echo $i; done",
    "date; pwd; ls; hostname",
    "docker run --rm nginx:1.25 true",
    "docker exec own ls",
    "docker logs own",
    "docker events --since 1m --until 0s",
    "docker stats --no-stream",
    "docker service logs web",
    "docker swarm unlock",
    "docker service create --name more --replicas 3 --limit-memory 99g nginx",
    "docker service create --mode global-job --name gone crash:1",
    "docker service scale web=5 jobs=2",
    "docker swarm ca --rotate",
    "docker network create -d overlay --subnet 10.9.0.0/30 tiny",
    "docker node update --availability drain w1",
    "docker swarm leave --force",
    "docker secret create more - < shop.yml",
    "docker service rollback web",
    "docker service ps web --no-trunc",
    "sleep 1000000h",
    "sleep 5d",
    "wait 1000000h",
    "wait 5s",
    "wait 30s",
    "wait until false",
    "wait until time > 1h",
    "seek 0s",
    "seek 10s",
    "seek now",
    "undo",
    "fork",
    "why web",
    "mark here",
    "seek here",
];

/// Every command with its flags, as completion tells them.
static COMMANDS: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| {
    let next = |words: &[&str]| -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        complete(&words).into_iter().map(|completion| completion.word).filter(|word| word != "--help").collect()
    };
    let mut all = Vec::new();
    for first in next(&[""]) {
        let flags = next(&[&first, "-"]);
        let second = if flags.is_empty() { next(&[&first, ""]) } else { Vec::new() };
        all.extend(second.iter().map(|word| (format!("{first} {word}"), next(&[&first, word, "-"]))));
        all.push((first, flags));
    }
    all
});

/// Every line that somebody typed at the real one, once, and those of the lab.
static CORPUS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = root().join("tests/recordings/docker-29");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("there are recordings").map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    let mut lines: Vec<String> = OWN.iter().map(|line| (*line).to_owned()).collect();
    for file in files {
        for line in std::fs::read_to_string(file).expect("readable").lines() {
            let entry: serde_json::Value = serde_json::from_str(line).expect("a recording has JSON on each line");
            lines.extend(entry["cmd"].as_str().map(here));
        }
    }
    lines.extend(verb::table().iter().map(|doc| doc.example.to_owned()));
    lines.sort();
    lines.dedup();
    lines
});

/// A recorded line, about things that are in the lab.
fn here(line: &str) -> String {
    let names = [
        ("timecheck", "web"),
        ("manager1", "m1"),
        ("solo", "m1"),
        ("spare", "w1"),
        ("worker", "w"),
        ("db-pass", "pass"),
        ("overlay1", "net"),
        ("ch12-web", "ch12-timecheck"),
        ("/usr/local/bin/docker", "docker"),
        ("/usr/bin/docker", "docker"),
    ];
    names.iter().fold(line.to_owned(), |line, (old, new)| line.replace(old, new))
}

const SHOP: &str = "services:\n  front:\n    image: nginx:1.25\n    deploy: {replicas: 2}\n    ports: [\"8088:80\"]\n  \
                    back: {image: redis}\n";

/// A small swarm with something of everything, 40 s old.
static LAB: LazyLock<(Session, TerminalId)> = LazyLock::new(|| {
    let mut centre = DataCentre::swarm(5, 1, 2);
    centre.catalogue = built_in_images();
    let mut session = Session::new(&centre);
    session.put_file("shop.yml", SHOP.as_bytes());
    session.put_file("broken.yml", b"services: [\xff");
    let terminal = session.open(session.world().hosts()[0].id, None);
    let lines = "docker network create -d overlay --attachable net\n\
                 echo secret | docker secret create pass -\n\
                 echo config | docker config create conf -\n\
                 docker service create -d --name web --replicas 3 --network net --secret pass --config conf -p 8080:80 nginx:1.25\n\
                 docker service create -d --name jobs --mode replicated-job --replicas 2 crash:1\n\
                 docker volume create stored\n\
                 docker run -d --name own -v stored:/v nginx:1.25\n\
                 docker stack deploy -d -c shop.yml shop\n\
                 wait 40s\n";
    session.type_lines(terminal, lines).expect("they are of the grammar");
    let until = session.world().now() + Duration::from_minutes(5);
    assert_eq!(session.run_terminal(terminal, until), Stop::Idle);
    session.take_output(terminal);
    (session, terminal)
});

/// A word as somebody would type it: with blanks or quotes in it, quoted.
fn typed(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "")) }
}

/// What the client refuses about words that were typed behind `docker`, before it asks anybody.
fn refused(words: &[&str]) -> Option<String> {
    let words: Vec<String> = words.iter().flat_map(|word| word.split(' ')).map(str::to_owned).collect();
    refusal(&words)
}

/// The word at that place of [`WORDS`], or the next behind it that a flag takes.
fn fitting(path: &str, flag: &str, from: &Index) -> &'static str {
    let from = from.index(WORDS.len());
    let mut words = WORDS.iter().cycle().skip(from).take(40).filter(|word| !word.contains(' '));
    let takes = |word: &&&str| {
        refused(&[path, &format!("{flag}={word}")]).is_none_or(|why| !why.starts_with("invalid argument"))
    };
    words.find(takes).unwrap_or(&WORDS[from])
}

/// A command with some of its flags and some arguments: in most lines such as it takes.
fn built() -> impl Strategy<Value = String> {
    let flag = (any::<Index>(), any::<Index>(), 0..8_u8);
    let flags = prop::collection::vec(flag, 0..5);
    (
        any::<Index>(),
        flags,
        prop::collection::vec(prop_oneof![2 => select(&WORDS[..24]), 1 => select(WORDS)], 4),
        0..4_usize,
        0..24_u8,
    )
        .prop_map(|(command, flags, arguments, count, form)| {
            let (path, known) = command.get(&COMMANDS);
            let mut words = vec![path.clone()];
            // Detached in most lines, or those that are well would all be waited for.
            if form < 18 && known.iter().any(|flag| flag == "--detach") {
                words.push("-d".into());
            }
            for (which, value, form) in flags.iter().filter(|_| !known.is_empty()) {
                let flag = which.get(known);
                let valued = refused(&[path, flag]).is_some_and(|why| why.starts_with("flag needs an argument"));
                match (form, valued) {
                    (0, _) => words.push(flag.clone()),
                    (1, _) => words.push(format!("{flag}={}", typed(WORDS[value.index(WORDS.len())]))),
                    (_, true) => words.push(format!("{flag}={}", typed(fitting(path, flag, value)))),
                    (_, false) => words.push(flag.clone()),
                }
            }
            let begun: Vec<&str> = words.iter().map(String::as_str).collect();
            // As many arguments as it wants.
            let wanted = (0..4).find(|count| {
                let why = refused(&[begun.as_slice(), &["x"; 4][..*count]].concat());
                why.is_none_or(|why| !why.contains(" argument"))
            });
            let count = if form % 6 == 0 { count } else { wanted.unwrap_or(count) };
            let mut line = format!("docker {}", words.join(" "));
            arguments[..count].iter().for_each(|word| line += &format!(" {}", typed(word)));
            if form == 0 { format!("{line} {}", SPICE[line.len() % SPICE.len()]) } else { line }
        })
}

/// One change of a line.
fn broken(line: &str, (kind, at, other, spice): &(u8, Index, Index, &str)) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let chars: Vec<char> = line.chars().collect();
    let word = at.index(words.len());
    let second = other.index(words.len());
    let place = at.index(chars.len() + 1);
    let text = |chars: &[char]| chars.iter().collect::<String>();
    let with = |new: &str| {
        let changed = words.iter().enumerate().map(|(index, old)| if index == word { new } else { old });
        changed.collect::<Vec<_>>().join(" ")
    };
    match kind {
        0 => words
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != word)
            .map(|(_, word)| *word)
            .collect::<Vec<_>>()
            .join(" "),
        1 => with(&format!("{0} {0}", words[word])),
        2 => {
            let mut words = words.clone();
            words.swap(word, second);
            words.join(" ")
        }
        3 => with(&typed(WORDS[other.index(WORDS.len())])),
        4 => with(WORDS[other.index(WORDS.len())]),
        5 => with(""),
        6 => text(&chars[..place]) + &text(chars.get(place + 1..).unwrap_or_default()),
        7 => text(&chars[..place]) + spice + &text(&chars[place..]),
        8 => text(&chars[..place]),
        9 => format!("{line} {spice}"),
        10 => format!("{line}; {}", other.get(&CORPUS)),
        11 => format!("{line} | {}", other.get(&CORPUS)),
        12 => with(&format!("$({})", other.get(&CORPUS))),
        13 => with(&words[word].repeat(40)),
        _ => {
            let mut chars = chars.clone();
            let last = chars.len().saturating_sub(1);
            if last > 0 {
                chars.swap(place.min(last), other.index(last + 1));
            }
            text(&chars)
        }
    }
}

fn mutated() -> impl Strategy<Value = String> {
    let change = (0..16_u8, any::<Index>(), any::<Index>(), select(SPICE));
    (any::<Index>(), prop::collection::vec(change, 0..4)).prop_map(|(line, changes)| {
        changes.iter().fold(line.get(&CORPUS).clone(), |line, change| broken(&line, change))
    })
}

fn thrown() -> impl Strategy<Value = String> {
    let word = prop_oneof![3 => select(WORDS).prop_map(str::to_owned), 1 => select(SPICE).prop_map(str::to_owned), 1 => ".{0,10}"];
    let first = (any::<Index>(), any::<bool>()).prop_map(|(verb, docker)| match docker {
        true => "docker".to_owned(),
        false => verb.get(verb::table()).name.to_owned(),
    });
    (first, prop::collection::vec(word, 0..7)).prop_map(|(first, words)| format!("{first} {}", words.join(" ")))
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![4 => built(), 5 => mutated(), 2 => thrown()]
}

/// What came of a line.
struct Ran {
    status: i32,
    printed: String,
    interrupted: bool,
    /// The world is at its end: no line can follow.
    over: bool,
}

/// Types a line as the program's prompt does, with somebody who presses Ctrl-C where it takes too long.
fn enter(lab: &mut Timeline, terminal: TerminalId, line: &str) -> Ran {
    let ended = |status: i32, printed: String| Ran { status, printed, interrupted: false, over: false };
    match lab.enter(terminal, line) {
        Ok(Entered::Begun) => {}
        Ok(Entered::Told(text)) => {
            lab.take_output(terminal);
            return ended(0, text);
        }
        Ok(Entered::Asks) => return ended(1, "this is the past".into()),
        Ok(Entered::Aside { mut session, terminal }) => {
            let until = session.world().now() + Duration::from_minutes(1);
            session.run_terminal(terminal, until);
            let printed = session.take_output(terminal).into_iter().map(|chunk| chunk.text).collect();
            return ended(session.terminal(terminal).status, printed);
        }
        Err(error) => return ended(2, error.to_string()),
    }
    let begun = lab.present().position();
    let (mut printed, mut interrupts) = (String::new(), 0);
    loop {
        let until = lab.present().world().now() + PATIENCE;
        let stop = lab.run_terminal(terminal, until);
        printed.extend(lab.take_output(terminal).into_iter().map(|chunk| chunk.text));
        lab.take_saves();
        for want in lab.present().wants() {
            lab.hand_in(want.terminal, Err("nobody has it".into()));
        }
        let events = lab.present().position() - begun;
        assert!(events < EVENTS, "{line:?} caused {events} events");
        match stop {
            Stop::Idle => break,
            Stop::Broken(text) => panic!("{line:?} broke the world: {text}"),
            Stop::Wants => continue,
            Stop::Reached => {}
        }
        interrupts += 1;
        assert!(interrupts <= INTERRUPTS, "{line:?} does not hear Ctrl-C:\n{printed}");
        lab.interrupt(terminal);
    }
    let state = lab.present().terminal(terminal);
    Ran { status: state.status, printed, interrupted: interrupts > 0, over: state.exited }
}

/// Whether what fails on such a line says so: one verb of the lab, or one docker command whose output goes nowhere else and
/// whose status is its own (not that of a program in a container).
fn speaks(list: &List) -> bool {
    let [chain] = list.items.as_slice() else { return false };
    let ([command], []) = (chain.first.commands.as_slice(), chain.rest.as_slice()) else { return false };
    let Command::Simple(simple) = command else { return true };
    let words: Vec<&str> = simple
        .words
        .iter()
        .map(|word| match word.pieces.as_slice() {
            [piece] => match &piece.kind {
                PieceKind::Text(text) => text.as_str(),
                _ => "",
            },
            _ => "",
        })
        .collect();
    let of_container = words.iter().any(|word| matches!(*word, "run" | "exec" | "start" | "attach"));
    words.first() == Some(&"docker") && simple.redirects.is_empty() && !of_container
}

#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test is an edge: that a line takes too long is seen on a real clock only"
)]
fn check(lab: &mut Timeline, terminal: TerminalId, line: &str) -> bool {
    let speaks = parse(line, Dialect::Lab).is_ok_and(|list| speaks(&list));
    let begun = std::time::Instant::now();
    let ran = enter(lab, terminal, line);
    let took = begun.elapsed();
    assert!(took < REAL, "{line:?} took {took:?}");
    assert!((0..256).contains(&ran.status), "{line:?} ended with {}", ran.status);
    if speaks && ran.status != 0 && !ran.interrupted {
        assert!(!ran.printed.trim().is_empty(), "{line:?} ended with {} and without a word", ran.status);
    }
    !ran.over
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 400, ..ProptestConfig::with_cases(cases(80)) })]
    #[test]
    fn every_line_ends_with_a_status_and_a_text(lines in prop::collection::vec(line(), 4)) {
        let (session, terminal) = LAB.clone();
        let mut lab = Timeline::new(session);
        for line in &lines {
            if !check(&mut lab, terminal, line) {
                break;
            }
        }
    }
}

#[test]
fn the_lines_are_made_of_everything_there_is() {
    assert!(COMMANDS.len() > 80, "{}", COMMANDS.len());
    assert!(COMMANDS.iter().any(|(path, flags)| path == "service create" && flags.len() > 50));
    assert!(CORPUS.len() > 600, "{}", CORPUS.len());
}

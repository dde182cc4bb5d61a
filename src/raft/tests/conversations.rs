//! Scripted conversations with their exact outcome.
//!
//! Each file in `conversations/` is one story, checked whole: the commands are run again and the file is written anew
//! in memory; it must come out as it is. Not a place for chance: timeouts are fixed and every message is moved by
//! hand. The manner is that of the interaction tests of etcd's raft; format and stories are this room's own.
//!
//! A block is a command, a line `----`, and what it showed (`ok` if nothing). Lines with `#` are for the reader.
//!
//! | command                          | what it does                                                            |
//! |----------------------------------|-------------------------------------------------------------------------|
//! | `members N [checkquorum=no] [inflight=N] [bytes=N]` | members 1 to N, all voters, with empty logs          |
//! | `member I voters=1,2 terms=1,1,2 [term=T] [commit=C]` | one member whose disk holds entries of these terms |
//! | `joiner I`                       | one member with an empty disk                                           |
//! | `campaign I`                     | asks for votes now                                                      |
//! | `tick I N`                       | lets N ticks pass                                                       |
//! | `propose I TEXT`                 | proposes a command                                                      |
//! | `add I J` / `remove I J`         | proposes that J joins or leaves                                         |
//! | `transfer I J`                   | asks I to hand the leadership to J                                      |
//! | `unreachable I J`                | tells I that a message to J was lost                                    |
//! | `reports off`, `report I J failed` | nobody tells of snapshots any more / tells I that one to J was lost   |
//! | `ready I`                        | works on the Readys of I until there is none                            |
//! | `ready I crash=WHEN`             | works on one and crashes: `before-write`, `after-write` or `after-send` |
//! | `deliver I [WHICH]`              | brings I what was sent to it                                            |
//! | `drop I [WHICH]`                 | loses it. WHICH: `first`, `from J`, or `only KIND`                      |
//! | `stabilize [I ...]`              | `ready` and `deliver` for all (or these) until nothing is left to do    |
//! | `quietly COMMAND`                | shows nothing                                                           |
//! | `crash I` / `restart I`          | loses the memory / starts again from the disk                           |
//! | `powercut I`                     | loses the memory and what the disk had not flushed                      |
//! | `compact I N`                    | makes a snapshot of all that is applied, drops entries up to N          |
//! | `status I` / `log I`             | shows the role and, of a leader, what it knows of the others / the log  |
//!
//! The situations that etcd's own suite plays, where they apply to this configuration, are all among them:
//!
//! | etcd's file                            | here                                     |
//! |----------------------------------------|------------------------------------------|
//! | `campaign`                             | `campaign`                               |
//! | `single_node`                          | `single`                                 |
//! | `checkquorum`                          | `check_quorum`                           |
//! | `confchange_v1_add_single`             | `add_member`                             |
//! | `confchange_v1_remove_leader`          | `remove_leader`, `removed_leader`        |
//! | `heartbeat_resp_recovers_from_probing` | `recovers_from_probing`                  |
//! | `lagging_commit`                       | `lagging_commit`, `heartbeat_commit`     |
//! | `probe_and_replicate`                  | `seven_logs`, `divergent_logs`           |
//! | `replicate_pause`                      | `inflight`                               |
//! | `slow_follower_after_compaction`       | `slow_follower`                          |
//! | `snapshot_succeed_via_app_resp`        | `snapshot_answer`                        |
//! | `snapshot_succeed_via_app_resp_behind` | `snapshot_older`                         |

use std::fmt::Write;

use super::group::{Crash, Draws, Group, Input, Text};
use crate::raft::{
    ConfChangeKind, Config, Entry, EntryKind, HardState, Log, MemberId, Message, MessageKind, NONE, ProgressState,
    Ready, Role, Stored, Term,
};

/// Runs one file and compares it with what its commands show.
fn converse(text: &str) {
    let told = retell(text);
    assert!(told == text, "the conversation went differently:\n{}", difference(text, &told));
}

/// The file as it must be: the same commands, and what they show.
fn retell(text: &str) -> String {
    let mut group = Group::default();
    let mut told = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        told.push_str(line);
        told.push('\n');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        assert_eq!(lines.next(), Some("----"), "after the command `{line}` comes the rule line");
        while lines.peek().is_some_and(|next| !next.is_empty()) {
            lines.next();
        }
        let mut shown = String::new();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["quietly", ..] => run(&mut group, &words[1..], &mut String::new()),
            _ => run(&mut group, &words, &mut shown),
        }
        if shown.is_empty() {
            shown.push_str("ok\n");
        }
        told.push_str("----\n");
        told.push_str(&shown);
        assert_eq!(group.ledger.broken, None, "after `{line}`");
    }
    told
}

/// The two texts line by line, as `diff` would show them around the first difference.
fn difference(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let same = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    for line in &expected[same.saturating_sub(8)..same] {
        let _ = writeln!(text, "  {line}");
    }
    for (sign, lines) in [('-', &expected), ('+', &found)] {
        for line in lines.iter().skip(same).take(24) {
            let _ = writeln!(text, "{sign} {line}");
        }
    }
    text
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("`{word}` should be a number"))
}

fn numbers(words: &str) -> Vec<u64> {
    words.split(',').filter(|word| !word.is_empty()).map(number).collect()
}

/// The value of `key=value` among the words.
fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn run(group: &mut Group, words: &[&str], shown: &mut String) {
    match *words {
        ["members", count, ..] => {
            let voters: Vec<MemberId> = (1..=number(count)).collect();
            for &id in &voters {
                let stored = Stored { voters: voters.clone(), ..Stored::default() };
                start(group, id, words, stored);
            }
        }
        ["member", id, ..] => {
            let stored = Stored { voters: numbers(option(words, "voters").unwrap_or("")), ..disk(words) };
            start(group, number(id), words, stored);
        }
        ["joiner", id] => start(group, number(id), words, Stored::joining()),
        ["campaign", id] => drop(group.give(number(id), Input::Campaign)),
        ["tick", id, count] => (0..number(count)).for_each(|_| group.tick(number(id))),
        ["propose", id, text] => {
            if let Err(error) = group.give(number(id), Input::Propose(Text(text.to_string()))) {
                let _ = writeln!(shown, "refused: {error}");
            }
        }
        ["add", id, member] => drop(group.change(number(id), ConfChangeKind::AddMember, number(member))),
        ["remove", id, member] => drop(group.change(number(id), ConfChangeKind::RemoveMember, number(member))),
        ["transfer", id, to] => drop(group.give(number(id), Input::Transfer(number(to)))),
        ["unreachable", id, peer] => drop(group.give(number(id), Input::Unreachable(number(peer)))),
        ["reports", "off"] => group.no_reports = true,
        ["report", id, peer, "failed"] => drop(group.give(number(id), Input::SnapshotArrived(number(peer), false))),
        ["ready", id, "crash=before-write"] => crash(group, number(id), Crash::BeforeWrite, shown),
        ["ready", id, "crash=after-write"] => crash(group, number(id), Crash::AfterWrite, shown),
        ["ready", id, "crash=after-send"] => crash(group, number(id), Crash::AfterSend, shown),
        ["ready", id] => {
            while let Some(ready) = group.ready(number(id), Crash::No) {
                show_ready(number(id), &ready, shown);
            }
        }
        ["deliver", to, ref from @ ..] => {
            for message in pick(group, to, from) {
                let _ = writeln!(shown, "{to} receives {}", show_message(&message));
                group.deliver(message);
            }
        }
        ["drop", to, ref from @ ..] => {
            for message in pick(group, to, from) {
                let _ = writeln!(shown, "lost: {}", show_message(&message));
                group.lose(message);
            }
        }
        ["stabilize", ref ids @ ..] => {
            let all = group.nodes.keys().copied().collect();
            let ids = if ids.is_empty() { all } else { ids.iter().map(|id| number(id)).collect::<Vec<_>>() };
            group.stabilize(&ids, &mut |id, ready| show_ready(id, ready, shown));
        }
        ["crash", id] => group.crash(number(id)),
        ["powercut", id] => group.cut_power(number(id)),
        ["restart", id] => group.restart(number(id)),
        ["compact", id, through] => group.compact(number(id), number(through)),
        ["status", id] => show_status(group, number(id), shown),
        ["log", id] => {
            let log = group.raft(number(id)).log();
            let entries: Vec<_> = log.iter_from(1).map(show_entry).collect();
            let _ = writeln!(shown, "{}", if entries.is_empty() { "(empty)".to_string() } else { entries.join(", ") });
        }
        _ => panic!("no such command: `{}`", words.join(" ")),
    }
}

/// Works on one Ready up to a crash, and shows what was done before it.
fn crash(group: &mut Group, id: MemberId, when: Crash, shown: &mut String) {
    let (mut all, written) = (String::new(), format!("{id} writes"));
    if let Some(ready) = group.ready(id, when) {
        show_ready(id, &ready, &mut all);
    }
    let sent = format!("{id}->");
    for line in all.lines() {
        let done = line.starts_with(&written) && when != Crash::BeforeWrite
            || line.starts_with(&sent) && when == Crash::AfterSend;
        if done {
            let _ = writeln!(shown, "{line}");
        }
    }
    let _ = writeln!(shown, "{id} crashes");
}

fn start(group: &mut Group, id: MemberId, words: &[&str], stored: Stored<Text>) {
    let mut config = Config::swarm(id);
    config.check_quorum = option(words, "checkquorum") != Some("no");
    config.max_inflight = option(words, "inflight").map_or(config.max_inflight, |count| number(count) as usize);
    config.max_message_size = option(words, "bytes").map_or(config.max_message_size, |size| number(size) as usize);
    group.start(config, Draws::Fixed(id as u32 - 1), stored);
}

/// The disk that `terms=`, `term=` and `commit=` describe: empty entries, one for each term listed.
fn disk(words: &[&str]) -> Stored<Text> {
    let terms: Vec<Term> = numbers(option(words, "terms").unwrap_or(""));
    let entries: Vec<_> =
        terms.iter().zip(1..).map(|(&term, index)| Entry { term, index, kind: EntryKind::Empty }).collect();
    let mut log = Log::new();
    log.append(&entries);
    let term = option(words, "term").map_or(log.last_term(), number);
    let commit = option(words, "commit").map_or(0, number);
    Stored { hard_state: HardState { term, vote: NONE, commit }, log, ..Stored::default() }
}

/// Takes messages to a member off the wire: all, those of one sender, those of one kind, or the first.
fn pick(group: &mut Group, to: &str, which: &[&str]) -> Vec<Message<Text>> {
    let all = group.take(&[number(to)]);
    let mut nth = 0;
    let (taken, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|message| {
        nth += 1;
        match which {
            [] => true,
            ["first"] => nth == 1,
            ["from", from] => number(from) == message.from,
            ["only", kind] => *kind == format!("{:?}", message.kind),
            _ => panic!("after the receiver comes nothing, `first`, `from` a sender or `only` a kind"),
        }
    });
    group.wire.extend(left);
    taken
}

fn show_ready(id: MemberId, ready: &Ready<Text>, shown: &mut String) {
    if let Some((role, leader)) = ready.soft_state {
        let _ = match (role, leader) {
            (Role::Leader, _) => writeln!(shown, "{id} leads"),
            (Role::Candidate, _) => writeln!(shown, "{id} is a candidate"),
            (Role::Follower, NONE) => writeln!(shown, "{id} follows nobody"),
            (Role::Follower, leader) => writeln!(shown, "{id} follows {leader}"),
        };
    }
    let mut writes = Vec::new();
    if let Some(state) = ready.hard_state {
        let vote = if state.vote == NONE { String::new() } else { format!(", vote for {}", state.vote) };
        writes.push(format!("term {}{vote}, commit {}", state.term, state.commit));
    }
    if let Some(snapshot) = &ready.snapshot {
        writes.push(format!("snapshot {}/{}", snapshot.term, snapshot.index));
    }
    writes.extend(ready.entries.iter().map(show_entry));
    if !writes.is_empty() {
        let _ = writeln!(shown, "{id} writes {}", writes.join("; "));
    }
    for message in &ready.messages {
        let _ = writeln!(shown, "{}", show_message(message));
    }
    if let Some(snapshot) = &ready.snapshot {
        let _ = writeln!(shown, "{id} restores {}/{}", snapshot.term, snapshot.index);
    }
    if !ready.committed.is_empty() {
        let entries: Vec<_> = ready.committed.iter().map(show_entry).collect();
        let _ = writeln!(shown, "{id} applies {}", entries.join(", "));
    }
}

fn show_entry(entry: &Entry<Text>) -> String {
    let what = match &entry.kind {
        EntryKind::Empty => "-".to_string(),
        EntryKind::Normal(Text(text)) => text.clone(),
        EntryKind::ConfChange(change) => match change.kind {
            ConfChangeKind::AddMember => format!("add({})", change.member),
            ConfChangeKind::RemoveMember => format!("remove({})", change.member),
            ConfChangeKind::UpdateMember => format!("update({})", change.member),
        },
    };
    format!("{}/{} {what}", entry.term, entry.index)
}

fn show_message(message: &Message<Text>) -> String {
    let (log_term, index, commit) = (message.log_term, message.index, message.commit);
    let what = match message.kind {
        MessageKind::Append => {
            let entries: Vec<_> = message.entries.iter().map(show_entry).collect();
            format!("after {log_term}/{index} [{}] commit {commit}", entries.join(", "))
        }
        MessageKind::AppendResponse if message.reject => {
            format!("not after {index}, try {log_term}/{}", message.reject_hint)
        }
        MessageKind::AppendResponse => format!("has {index}"),
        MessageKind::Vote if message.campaign_transfer => format!("last {log_term}/{index}, by transfer"),
        MessageKind::Vote => format!("last {log_term}/{index}"),
        MessageKind::VoteResponse => if message.reject { "no" } else { "yes" }.to_string(),
        MessageKind::Heartbeat => format!("commit {commit}"),
        MessageKind::Snapshot => {
            let snapshot = message.snapshot.as_ref().expect("a snapshot message carries one");
            format!("{}/{} of voters {:?}", snapshot.term, snapshot.index, snapshot.voters)
        }
        MessageKind::HeartbeatResponse | MessageKind::TimeoutNow | MessageKind::TransferLeader => String::new(),
    };
    let text = format!("{}->{} {:?} t{} {what}", message.from, message.to, message.kind, message.term);
    text.trim_end().to_string()
}

fn show_status(group: &mut Group, id: MemberId, shown: &mut String) {
    let raft = group.raft(id);
    let (term, commit, last, leader) = (raft.term(), raft.commit(), raft.last_index(), raft.leader());
    let role = match raft.role() {
        Role::Leader => "leads".to_string(),
        Role::Candidate => "is a candidate".to_string(),
        Role::Follower if leader == NONE => "follows nobody".to_string(),
        Role::Follower => format!("follows {leader}"),
    };
    let voters: Vec<MemberId> = raft.voters().collect();
    let _ = writeln!(shown, "{id} {role}, term {term}, commit {commit}, last {last}, voters {voters:?}");
    if raft.role() != Role::Leader {
        return;
    }
    for progress in raft.progress().filter(|progress| progress.id != id) {
        let _ = write!(
            shown,
            "  {}: {:?}, match {}, next {}",
            progress.id, progress.state, progress.matched, progress.next
        );
        if progress.state == ProgressState::Snapshot {
            let _ = write!(shown, ", snapshot {}", progress.pending_snapshot);
        }
        if progress.inflight() > 0 {
            let _ = write!(shown, ", {} in flight", progress.inflight());
        }
        if progress.paused {
            shown.push_str(", paused");
        }
        if !progress.recent_active {
            shown.push_str(", not heard");
        }
        shown.push('\n');
    }
}

/// One test for each file, so that a failure names its story.
macro_rules! conversations {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                converse(include_str!(concat!("conversations/", stringify!($name), ".txt")));
            }
        )*

        /// Writes the outcomes anew. For use by hand after a change of format, and to be read before it is kept.
        #[test]
        #[ignore = "it rewrites the conversations"]
        fn rewrite() {
            for name in [$(stringify!($name)),*] {
                let path = format!("{}/src/raft/tests/conversations/{name}.txt", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(&path).expect("a file for each test");
                std::fs::write(&path, retell(&text)).expect("a writable file");
            }
        }

        /// No file is forgotten above.
        #[test]
        fn every_file_is_a_test() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/raft/tests/conversations");
            let files = std::fs::read_dir(folder).expect("the conversations stand beside their test");
            let names = files.map(|file| file.expect("a readable folder").file_name().into_string());
            let mut found: Vec<String> = names.map(|name| name.expect("plain names")).collect();
            found.sort();
            let listed: Vec<String> = [$(stringify!($name)),*].iter().map(|name| format!("{name}.txt")).collect();
            assert_eq!(found, listed, "in alphabetical order");
        }
    };
}

conversations! {
    add_member
    campaign
    check_quorum
    divergent_logs
    heartbeat_commit
    inflight
    lagging_commit
    old_term
    proposals_lost
    recovers_from_probing
    remove_leader
    removed_leader
    restart
    seven_logs
    single
    slow_follower
    snapshot
    snapshot_answer
    snapshot_older
    split_vote
    transfer
    two_members
}

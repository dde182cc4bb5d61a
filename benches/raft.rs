//! What consensus costs: `cargo bench --bench raft`. Members in one process, with a disk and a wire that take no time.

use divan::Bencher;
use divan::counter::ItemsCount;
use std::sync::Arc;
use swarmlab::raft::{Config, EntryKind, MemberId, Message, Payload, Raft, Role, Stored, Timeouts};

fn main() {
    divan::main();
}

/// A command of 100 bytes, shared as the manager's proposals are. The state is the number of commands applied.
#[derive(Clone)]
struct Command(#[expect(dead_code)] Arc<[u8; 100]>);

impl Payload for Command {
    type State = u64;

    fn size(&self) -> usize {
        100
    }
}

/// Always the shortest timeout: the benches say who campaigns.
#[derive(Clone)]
struct Shortest;

impl Timeouts for Shortest {
    fn draw(&mut self, low: u32, _: u32) -> u32 {
        low
    }
}

struct Member {
    raft: Raft<Command, Shortest>,
    disk: Stored<Command>,
    applied: u64,
}

struct Group {
    members: Vec<Member>,
    wire: Vec<Message<Command>>,
    /// Nothing reaches or leaves this one.
    cut_off: MemberId,
}

impl Group {
    fn of(count: MemberId) -> Self {
        let voters: Vec<(MemberId, u64)> = (1..=count).map(|id| (id, 0)).collect();
        let members = (1..=count).map(|id| {
            let disk = Stored::bootstrap(&voters);
            Member { raft: Raft::new(Config::swarm(id), Shortest, disk.clone()), disk, applied: 0 }
        });
        let mut group = Group { members: members.collect(), wire: Vec::new(), cut_off: 0 };
        group.settle();
        group
    }

    /// A group that member 1 leads.
    fn led(count: MemberId) -> Self {
        let mut group = Group::of(count);
        group.elect(1);
        group
    }

    fn member(&mut self, id: MemberId) -> &mut Member {
        &mut self.members[id as usize - 1]
    }

    fn elect(&mut self, id: MemberId) {
        self.member(id).raft.campaign();
        self.settle();
        assert_eq!(self.member(id).raft.role(), Role::Leader);
    }

    /// All work and talk until nothing is left to do.
    fn settle(&mut self) {
        loop {
            for member in &mut self.members {
                member.work(&mut self.wire);
            }
            if self.wire.is_empty() {
                return;
            }
            for message in std::mem::take(&mut self.wire) {
                if self.cut_off != message.to && self.cut_off != message.from {
                    self.member(message.to).raft.step(message);
                }
            }
        }
    }

    /// So many commands, of which so many come at a time.
    fn write(&mut self, count: u64, at_a_time: u64, command: &Command) {
        for _ in 0..count / at_a_time {
            for _ in 0..at_a_time {
                self.member(1).raft.propose(command.clone()).expect("member 1 leads");
            }
            self.settle();
        }
    }
}

impl Member {
    /// The owner's loop.
    fn work(&mut self, wire: &mut Vec<Message<Command>>) {
        while self.raft.has_ready() {
            let ready = self.raft.ready();
            self.disk.write(&ready);
            wire.extend(ready.messages);
            if let Some(snapshot) = &ready.snapshot {
                self.applied = snapshot.data;
            }
            for entry in &ready.committed {
                match &entry.kind {
                    EntryKind::Normal(_) => self.applied += 1,
                    EntryKind::ConfChange(change) => self.raft.apply_conf_change(change),
                    EntryKind::Empty => {}
                }
            }
            self.raft.advance();
        }
    }

    /// Makes a snapshot of everything and keeps the last 500 entries, as SwarmKit does.
    fn compact(&mut self) {
        let (index, voters) = (self.raft.applied(), self.raft.voters().collect());
        let snapshot = self.raft.create_snapshot(index, voters, self.applied).expect("something is new");
        self.disk.put_snapshot(snapshot);
        self.raft.compact(index - 500);
        self.disk.compact(index - 500);
    }
}

const COMMANDS: u64 = 100_000;

/// Commands proposed, written, sent, acknowledged, committed and applied on five members.
#[divan::bench(args = [1, 10, 100], sample_count = 5)]
fn a_hundred_thousand_commands_through_five(bencher: Bencher, at_a_time: u64) {
    let command = Command(Arc::new([7; 100]));
    bencher.counter(ItemsCount::new(COMMANDS)).with_inputs(|| Group::led(5)).bench_local_values(|mut group| {
        group.write(COMMANDS, at_a_time, &command);
        assert!(group.members.iter().all(|member| member.applied == COMMANDS));
        group
    });
}

/// From the campaign to the first commit of the new leader, known to all.
#[divan::bench(args = [3, 5, 7])]
fn an_election(bencher: Bencher, members: MemberId) {
    bencher.with_inputs(|| Group::of(members)).bench_local_values(|mut group| {
        group.elect(1);
        group
    });
}

/// A member that missed 10,000 commands, of which only the last 500 are still in the log: snapshot, then the rest.
#[divan::bench]
fn a_catch_up_by_snapshot(bencher: Bencher) {
    let command = Command(Arc::new([7; 100]));
    let behind = || {
        let mut group = Group::led(3);
        group.cut_off = 3;
        group.write(10_000, 100, &command);
        group.member(1).compact();
        group.write(500, 100, &command);
        group.cut_off = 0;
        group
    };
    bencher.with_inputs(behind).bench_local_values(|mut group| {
        let mut ticks = 0;
        while group.member(3).applied < 10_500 {
            // The network tells the leader that its snapshot has arrived, or that appends were lost: probing begins.
            group.member(1).raft.report_unreachable(3);
            group.member(1).raft.tick();
            group.settle();
            ticks += 1;
            assert!(ticks < 5, "a tick or two are enough");
        }
        group
    });
}

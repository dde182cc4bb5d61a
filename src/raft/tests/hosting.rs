//! What a manager asks of the machine beyond the algorithm: its disk, snapshots on the way, leaders that leave, groups
//! of two, and the forced new cluster.
//!
//! Follows raft-and-security.md §1.3, §1.8, §2.10 and §4.4 of the project's reference.

use super::group::{Crash, Draws, Group, Text};
use crate::raft::{
    ConfChange, ConfChangeKind, Config, Entry, EntryKind, HardState, Log, MemberId, MessageKind, Role, Snapshot, Stored,
};
use std::sync::Arc;

fn led_by_1(members: MemberId) -> Group {
    let mut group = Group::of(members);
    group.raft(1).campaign();
    group.settle();
    assert_eq!(group.raft(1).role(), Role::Leader);
    group
}

fn change(kind: ConfChangeKind, member: MemberId) -> EntryKind<Text> {
    EntryKind::ConfChange(ConfChange { kind, member, context: 0 })
}

/// A disk of a member of term 3 whose log begins at index 1.
fn disk(voters: &[MemberId], commit: u64, kinds: Vec<EntryKind<Text>>) -> Stored<Text> {
    let entries: Vec<_> = kinds.into_iter().zip(1..).map(|(kind, index)| Entry { term: 2, index, kind }).collect();
    let mut log = Log::new();
    log.append(&entries);
    Stored { hard_state: HardState { term: 3, vote: 1, commit }, log, snapshot: None, voters: voters.to_vec() }
}

#[test]
fn a_snapshot_on_its_way_names_the_voters_of_now() {
    let mut group = led_by_1(1);
    group.propose(1, "a");
    group.settle();
    group.compact(1, 2);
    assert_eq!(group.raft(1).snapshot().map(|kept| kept.voters.clone()), Some(vec![1]));
    group.start(Config::swarm(2), Draws::Fixed(1), Stored::joining());
    group.change(1, ConfChangeKind::AddMember, 2);
    let mut sent = Vec::new();
    group.stabilize(&[1, 2], &mut |_, ready| sent.extend(ready.messages.iter().filter_map(|m| m.snapshot.clone())));
    assert_eq!(sent.iter().map(|snapshot| snapshot.voters.clone()).collect::<Vec<_>>(), [[1, 2]]);
    assert_eq!(group.raft(1).snapshot().map(|kept| kept.voters.clone()), Some(vec![1]), "its own keeps what it was");
    assert_eq!((group.node(2).state.clone(), group.raft(2).promotable()), (vec!["a".to_string()], true));
}

#[test]
fn who_applies_the_removal_of_its_leader_campaigns_at_once() {
    let mut group = led_by_1(3);
    group.change(1, ConfChangeKind::RemoveMember, 1);
    // The group's owner asks for the campaign from within its apply loop, before it advances.
    let mut candidates = Vec::new();
    group.stabilize(&[1, 2, 3], &mut |id, ready| {
        if ready.soft_state.is_some_and(|(role, _)| role == Role::Candidate) {
            candidates.push(id);
        }
    });
    assert_eq!(candidates, [2, 3], "both, before any tick");
    assert_eq!(group.raft(1).voters().len(), 2);
    assert_eq!(group.ledger.broken, None);
}

#[test]
fn a_campaign_asked_for_in_the_apply_loop_begins_with_the_advance() {
    let mut group = led_by_1(3);
    group.change(1, ConfChangeKind::RemoveMember, 1);
    group.stabilize(&[1], &mut |_, _| {});
    for (to, from) in [(2, 1), (1, 2), (2, 1)] {
        for message in group.take(&[to]).into_iter().filter(|message| message.from == from) {
            group.deliver(message);
        }
        if to == 1 {
            group.stabilize(&[1], &mut |_, _| {});
        } else if group.raft(2).commit() < 2 {
            group.ready(2, Crash::No);
        }
    }
    let raft = group.raft(2);
    assert_eq!((raft.commit(), raft.applied()), (2, 1));
    raft.campaign();
    assert_eq!(raft.role(), Role::Follower, "a change waits and nobody works on it: refused");
    let ready = raft.ready();
    let EntryKind::ConfChange(removal) = &ready.committed[0].kind else { panic!("the removal was committed") };
    raft.apply_conf_change(removal);
    raft.campaign();
    assert_eq!(raft.role(), Role::Follower);
    raft.advance();
    assert_eq!((raft.role(), raft.term()), (Role::Candidate, 2));
}

#[test]
fn the_one_that_stays_of_two_commits_alone() {
    let mut group = led_by_1(2);
    group.change(1, ConfChangeKind::RemoveMember, 2);
    group.stabilize(&[1], &mut |_, _| {});
    for message in group.take(&[2]) {
        group.deliver(message);
    }
    group.ready(2, Crash::No);
    group.crash(2);
    // Proposed while two were still needed.
    group.propose(1, "a");
    group.stabilize(&[1], &mut |_, _| {});
    assert_eq!((group.raft(1).voters().collect::<Vec<_>>(), group.raft(1).commit()), (vec![1], 3));
    (0..50).for_each(|_| group.tick(1));
    group.propose(1, "b");
    group.stabilize(&[1], &mut |_, _| {});
    assert_eq!((group.raft(1).role(), group.node(1).state.clone()), (Role::Leader, vec!["a".into(), "b".into()]));
    assert_eq!(group.ledger.broken, None);
}

#[test]
fn the_follower_that_stays_of_two_leads_alone() {
    let mut group = led_by_1(2);
    group.change(1, ConfChangeKind::RemoveMember, 1);
    // The owner of the removed leader stops it as soon as it has applied its own removal; what it sent arrives.
    while group.raft(1).voters().len() == 2 {
        group.ready(1, Crash::No);
        for message in group.take(&[1, 2]) {
            group.deliver(message);
        }
        while group.ready(2, Crash::No).is_some() {}
    }
    group.crash(1);
    group.stabilize(&[2], &mut |_, _| {});
    assert_eq!((group.raft(2).role(), group.raft(2).voters().collect::<Vec<_>>()), (Role::Leader, vec![2]));
    assert!(group.propose(2, "alone"));
    group.stabilize(&[2], &mut |_, _| {});
    assert_eq!(group.node(2).state, ["alone"]);
}

#[test]
fn a_disk_tells_its_voters_and_who_was_removed() {
    let kinds = vec![
        change(ConfChangeKind::AddMember, 9),
        change(ConfChangeKind::RemoveMember, 2),
        change(ConfChangeKind::UpdateMember, 1),
        change(ConfChangeKind::RemoveMember, 3),
    ];
    let mut stored = disk(&[1, 2, 3], 3, kinds);
    assert_eq!(stored.voters_at_commit(), [1, 3, 9], "the last removal is not committed");
    assert_eq!(stored.removed(), [2]);
    stored.put_snapshot(Arc::new(Snapshot { index: 2, term: 2, voters: vec![1, 3, 9], data: Vec::new() }));
    stored.compact(1);
    assert_eq!(stored.removed(), [2], "entries that the snapshot includes but the log still holds count");
    stored.compact(2);
    assert_eq!((stored.voters_at_commit(), stored.removed()), (vec![1, 3, 9], vec![]));
    stored.hard_state.commit = 4;
    assert_eq!((stored.voters_at_commit(), stored.removed()), (vec![1, 9], vec![3]));
}

#[test]
fn a_disk_written_as_a_ready_says_starts_the_member_again() {
    let mut group = led_by_1(3);
    (0..5).for_each(|n| assert!(group.propose(1, &n.to_string())));
    group.settle();
    group.compact(1, 4);
    group.propose(1, "last");
    group.settle();
    let disk = &group.nodes[&1].disk;
    assert_eq!((disk.log.first_index(), disk.snapshot.as_ref().map(|kept| kept.index), disk.commit()), (5, Some(6), 7));
    group.crash(1);
    group.restart(1);
    assert_eq!((group.raft(1).applied(), group.raft(1).commit(), group.raft(1).last_index()), (6, 7, 7));
    while group.ready(1, Crash::No).is_some() {}
    assert_eq!(group.node(1).state, ["0", "1", "2", "3", "4", "last"]);
}

#[test]
fn a_forced_new_cluster_keeps_what_was_committed_and_nobody_else() {
    for compacted in [false, true] {
        let mut group = led_by_1(3);
        group.propose(1, "kept");
        group.settle();
        if compacted {
            group.compact(1, 2);
        }
        group.propose(1, "lost");
        group.stabilize(&[1], &mut |_, _| {});
        (1..=3).for_each(|id| group.crash(id));
        group.wire.clear();
        let stored = &mut group.node(1).disk;
        assert_eq!(stored.force_new_cluster(1, 0), [2, 3]);
        assert_eq!((stored.voters_at_commit(), stored.removed()), (vec![1], vec![2, 3]));
        assert_eq!((stored.commit(), stored.log.last_index(), stored.log.last_term()), (4, 4, 1));
        // Another line of history begins here.
        group.ledger = Default::default();
        group.restart(1);
        while group.ready(1, Crash::No).is_some() {}
        group.raft(1).campaign();
        group.stabilize(&[1], &mut |_, _| {});
        assert!(group.propose(1, "new"));
        group.stabilize(&[1], &mut |_, _| {});
        assert_eq!(group.node(1).state, ["kept", "new"]);
        assert!(
            group.take(&[2, 3]).iter().all(|message| message.kind == MessageKind::Append),
            "a last word to the others"
        );
        assert_eq!(group.ledger.broken, None);
    }
}

#[test]
fn a_forced_new_cluster_of_one_that_was_no_voter_adds_it_first() {
    let mut stored = disk(&[1, 2], 1, vec![EntryKind::Empty, EntryKind::Empty]);
    assert_eq!(stored.force_new_cluster(7, 70), [1, 2]);
    let kinds: Vec<_> = stored.log.iter_from(2).map(|entry| (entry.term, entry.kind.clone())).collect();
    let added = EntryKind::ConfChange(ConfChange { kind: ConfChangeKind::AddMember, member: 7, context: 70 });
    let removed = |member| (3, change(ConfChangeKind::RemoveMember, member));
    assert_eq!(kinds, [(3, added), removed(1), removed(2)]);
    assert_eq!((stored.hard_state, stored.voters_at_commit()), (HardState { term: 3, vote: 1, commit: 4 }, vec![7]));
    assert_eq!(stored.force_new_cluster(7, 70), [0; 0], "once more changes nothing");
    assert_eq!(stored.log.last_index(), 4);
}

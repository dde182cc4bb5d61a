//! Our entries, changes, snapshots and messages in the words of the other library.
//!
//! Not where the two differ in what they do: that is in `shadow`.

use raft_rs::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2, Entry as TheirEntry, EntryType};
use raft_rs::eraftpb::{Message as TheirMessage, MessageType, Snapshot as TheirSnapshot};

use super::group::Text;
use crate::raft::{ConfChange, ConfChangeKind, Entry, EntryKind, Message, MessageKind, NONE, Snapshot};

pub fn their_snapshot(snapshot: &Snapshot<Text>) -> TheirSnapshot {
    let mut theirs = TheirSnapshot::default();
    let meta = theirs.mut_metadata();
    (meta.index, meta.term) = (snapshot.index, snapshot.term);
    meta.mut_conf_state().voters = snapshot.voters.clone();
    theirs
}

pub fn their_change(change: &ConfChange) -> ConfChangeV2 {
    let mut single = ConfChangeSingle { node_id: change.member, ..ConfChangeSingle::default() };
    match change.kind {
        ConfChangeKind::AddMember => single.set_change_type(ConfChangeType::AddNode),
        ConfChangeKind::RemoveMember => single.set_change_type(ConfChangeType::RemoveNode),
        ConfChangeKind::UpdateMember => single.node_id = NONE,
    }
    ConfChangeV2 { changes: vec![single].into(), ..ConfChangeV2::default() }
}

/// The bytes of an entry. Those of a change are protocol-buffer fields 2 (what) and 3 (who), as a proposal needs them.
fn bytes(kind: &EntryKind<Text>) -> Vec<u8> {
    match kind {
        EntryKind::Empty => Vec::new(),
        EntryKind::Normal(Text(text)) => text.clone().into_bytes(),
        EntryKind::ConfChange(change) => {
            let single = &their_change(change).changes[0];
            vec![0x10, single.get_change_type() as u8, 0x18, single.node_id as u8]
        }
    }
}

pub fn says(theirs: &TheirEntry, kind: &EntryKind<Text>) -> bool {
    let change = matches!(kind, EntryKind::ConfChange(_));
    let data: &[u8] = &theirs.data;
    (theirs.get_entry_type() == EntryType::EntryConfChange) == change
        && match kind {
            EntryKind::Normal(Text(text)) => data == text.as_bytes(),
            _ => data == bytes(kind),
        }
}

pub fn their_entry(entry: &Entry<Text>) -> TheirEntry {
    let mut theirs = TheirEntry { term: entry.term, index: entry.index, ..TheirEntry::default() };
    theirs.data = bytes(&entry.kind).into();
    if matches!(entry.kind, EntryKind::ConfChange(_)) {
        theirs.set_entry_type(EntryType::EntryConfChange);
    }
    theirs
}

pub fn proposal(kind: &EntryKind<Text>) -> TheirMessage {
    let mut message = TheirMessage::default();
    message.set_msg_type(MessageType::MsgPropose);
    message.entries = vec![their_entry(&Entry { term: 0, index: 0, kind: kind.clone() })].into();
    message
}

const KINDS: [(MessageKind, MessageType); 9] = [
    (MessageKind::Append, MessageType::MsgAppend),
    (MessageKind::AppendResponse, MessageType::MsgAppendResponse),
    (MessageKind::Vote, MessageType::MsgRequestVote),
    (MessageKind::VoteResponse, MessageType::MsgRequestVoteResponse),
    (MessageKind::Heartbeat, MessageType::MsgHeartbeat),
    (MessageKind::HeartbeatResponse, MessageType::MsgHeartbeatResponse),
    (MessageKind::Snapshot, MessageType::MsgSnapshot),
    (MessageKind::TimeoutNow, MessageType::MsgTimeoutNow),
    (MessageKind::TransferLeader, MessageType::MsgTransferLeader),
];

pub fn their_message(message: &Message<Text>) -> TheirMessage {
    let kind = KINDS.iter().find(|(ours, _)| *ours == message.kind).expect("every kind is listed").1;
    let mut theirs = TheirMessage {
        to: message.to,
        from: message.from,
        term: message.term,
        log_term: message.log_term,
        index: message.index,
        commit: message.commit,
        reject: message.reject,
        reject_hint: message.reject_hint,
        ..TheirMessage::default()
    };
    theirs.set_msg_type(kind);
    theirs.entries = message.entries.iter().map(their_entry).collect::<Vec<_>>().into();
    if message.campaign_transfer {
        theirs.context = b"CampaignTransfer".to_vec().into();
    }
    if let Some(snapshot) = &message.snapshot {
        theirs.set_snapshot(their_snapshot(snapshot));
    }
    theirs
}

/// What must be the same in a message, if its kind is one that must.
pub type Words = (MessageKind, [u64; 6], [bool; 2]);

pub fn words(mut messages: Vec<Words>) -> Vec<Words> {
    messages.sort_unstable();
    messages
}

pub fn our_words(message: &Message<Text>) -> Option<Words> {
    their_words(&their_message(message))
}

pub fn their_words(message: &TheirMessage) -> Option<Words> {
    let kind = KINDS.iter().find(|(_, theirs)| *theirs == message.get_msg_type())?.0;
    let commit = match kind {
        MessageKind::Append | MessageKind::Snapshot | MessageKind::TimeoutNow => return None,
        MessageKind::Heartbeat => message.commit,
        _ => message.reject_hint,
    };
    let numbers = [message.to, message.from, message.term, message.log_term, message.index, commit];
    Some((kind, numbers, [message.reject, !message.context.is_empty() && kind == MessageKind::Vote]))
}

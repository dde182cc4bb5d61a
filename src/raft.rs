//! Raft: one consensus member as a pure machine.

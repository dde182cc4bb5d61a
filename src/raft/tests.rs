//! The room's tests, for reading as much as for running.
//!
//! | part            | what it does                                                                     |
//! |-----------------|----------------------------------------------------------------------------------|
//! | `group`         | a group of members with disks and a wire, driven by hand                         |
//! | `ledger`        | the invariants of Raft, checked after every step of a group                      |
//! | `hosting`       | disks, leaders that leave, groups of two, the forced new cluster                 |
//! | `conversations` | scripted exchanges with their exact outcome, in `conversations/*.txt`            |
//! | `properties`    | random networks: losses, duplicates, partitions, crashes, changes of membership  |
//! | `history`       | random histories: what can happen to a group                                     |
//! | `differential`  | the same histories for members of another library, compared after every step     |
//! | `shadow`        | those members, and where the two libraries differ                                |
//! | `translation`   | our messages and entries in the words of that library                            |
//! | `mutants`       | each deliberate fault is caught by an invariant                                  |
//! | `units`         | the log, the progress of a follower, the contract with the owner                 |

mod conversations;
mod differential;
mod group;
mod history;
mod hosting;
mod ledger;
mod mutants;
mod properties;
mod shadow;
mod translation;
mod units;

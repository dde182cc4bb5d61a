//! swarmlab: a deterministic cluster simulator and teaching lab for Docker Swarm.
//!
//! A **world** is a whole simulated data centre: hosts with a Docker engine each, the wires between them, one virtual
//! clock, one seed. Nothing in it can see the real machine, and a clone of it is a world. A **session** is a world and its
//! terminals; it changes in one way only, by inputs at virtual times, so that seed and inputs rebuild every event.
//!
//! # The house
//!
//! A room uses only rooms below it:
//!
//! | floor | rooms |
//! | --- | --- |
//! | 7 | the binary: `main`, `args`, `command` |
//! | 5 | [`report`]: a run told in text, JSON and a trace |
//! | 4 | [`scenario`]: scripts in TOML: parse, run, judge, measure, sweep over seeds |
//! | 3 | [`session`]: terminals and their shell, the single door for change |
//! | 2 | [`docker`]: the docker client · [`observe`]: the read-only picture · [`predicate`]: conditions in CEL |
//! | 1 | [`swarm`]: the model of Docker Engine in Swarm mode, in SwarmKit's folder names |
//! | 0 | [`engine`]: time, events, chance, trace · [`raft`]: one consensus member · [`net`]: hosts' wires |
//!
//! A wrong column in `docker service ls`? `docker::command::service_list`. A bad placement? `swarm::scheduler`. An update that
//! pauses wrongly? `swarm::orchestrator`, its `update`. A fault with the wrong symptom? `swarm::world::fault`.
//!
//! # A swarm in ten lines
//!
//! ```
//! use swarmlab::engine::{Duration, Time};
//! use swarmlab::session::Session;
//! use swarmlab::swarm::world::DataCentre;
//!
//! let mut lab = Session::new(&DataCentre::swarm(0, 3, 2));
//! let m1 = lab.world().host_named("m1").unwrap();
//! let terminal = lab.open(m1, None);
//! lab.type_lines(terminal, "docker service create --name web --replicas 5 --detach nginx; wait 10s; docker service ls -q | wc -l").unwrap();
//! lab.run_terminal(terminal, Time::ZERO + Duration::from_secs(60));
//!
//! let printed: String = lab.take_output(terminal).into_iter().map(|chunk| chunk.text).collect();
//! assert!(printed.ends_with("1\n"), "{printed}");
//! assert_eq!(lab.terminal(terminal).status, 0);
//! ```

pub mod docker;
pub mod engine;
pub mod net;
pub mod observe;
pub mod predicate;
pub mod raft;
pub mod report;
pub mod scenario;
pub mod session;
pub mod swarm;

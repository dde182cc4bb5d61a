//! What a line costs whoever typed it: `cargo bench --bench shell`.
//!
//! From Enter to output: the text is parsed, the client runs, its requests cross the simulated wire to the daemon and back, and
//! the table is laid out. On a cluster of 100 nodes and 1,000 tasks the slowest that may be is 5 ms of real time, so that
//! nobody at a prompt notices it.

use divan::Bencher;
use swarmlab::engine::{Duration, Time};
use swarmlab::scenario::run::built_in_images;
use swarmlab::session::{Session, Stop, TerminalId};
use swarmlab::swarm::world::DataCentre;

fn main() {
    divan::main();
}

/// 3 managers and 97 workers with 1,000 tasks of ten services, a minute after they were asked for; and the prompt.
fn cluster() -> (Session, TerminalId) {
    let mut centre = DataCentre::swarm(1, 3, 97);
    centre.catalogue = built_in_images();
    let mut session = Session::new(&centre);
    let terminal = session.open(session.world().hosts()[0].id, None);
    let create = |number| format!("docker service create --detach --name s{number} --replicas 100 nginx\n");
    session.type_lines(terminal, &(0..10).map(create).collect::<String>()).expect("they are of the shell's grammar");
    session.run(Time::ZERO + Duration::from_secs(60), |_| true);
    let _ = session.take_output(terminal);
    let shown = enter(&mut session, terminal, "docker service ls");
    assert_eq!(shown.matches("100/100").count(), 10, "{shown}");
    (session, terminal)
}

/// Types a line and lets time pass until the prompt is back; what it printed.
fn enter(session: &mut Session, terminal: TerminalId, line: &str) -> String {
    session.type_lines(terminal, line).expect("it is of the shell's grammar");
    let until = session.world().now() + Duration::from_minutes(1);
    assert_eq!(session.run_terminal(terminal, until), Stop::Idle);
    session.take_output(terminal).into_iter().map(|chunk| chunk.text).collect()
}

/// One line at the prompt of that cluster. `docker service ls` is the one that is promised.
#[divan::bench(args = ["docker service ls", "docker node ls", "docker service ps s0"], sample_count = 100, sample_size = 1)]
fn from_enter_to_output(bencher: Bencher<'_, '_>, line: &str) {
    let (session, terminal) = cluster();
    bencher.with_inputs(|| session.clone()).bench_local_refs(|session| enter(session, terminal, line));
}

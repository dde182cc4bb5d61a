//! Recordings of real swarms, replayed: the same situation is built here, the same commands are run at the same moments
//! of the story, and the tables are compared after replacing ids, names of nodes and ages by what they stand for.

use crate::lab::cells;
use swarmlab::engine::{Duration, Time};
use swarmlab::scenario::run::built_in_images;
use swarmlab::session::{Session, Stop, TerminalId};
use swarmlab::swarm::object::Role;
use swarmlab::swarm::world::{DataCentre, HostSpec};

/// A lab whose hosts are named as in the recordings.
struct Lab {
    session: Session,
    terminal: TerminalId,
}

impl Lab {
    fn of_hosts(seed: u64, managers: &[&str], workers: &[&str]) -> Self {
        let hosts =
            |names: &[&str], role| names.iter().map(move |name| HostSpec::new(*name, Some(role))).collect::<Vec<_>>();
        let mut all = hosts(managers, Role::Manager);
        all.extend(hosts(workers, Role::Worker));
        let mut centre = DataCentre::of(seed, all);
        centre.catalogue = built_in_images();
        let mut session = Session::new(&centre);
        let first = session.world().host_named(managers[0]).expect("the first manager");
        let terminal = session.open(first, None);
        Self { session, terminal }
    }

    /// Runs a line to its end; what it printed on stdout.
    fn run(&mut self, line: &str) -> String {
        self.session.type_lines(self.terminal, line).unwrap_or_else(|error| panic!("{}", error.render(line)));
        let limit = self.session.world().now() + Duration::from_secs(120);
        assert_eq!(self.session.run_terminal(self.terminal, limit), Stop::Idle, "{line}");
        let printed = self.session.take_output(self.terminal);
        let errors: String = printed.iter().filter(|chunk| chunk.stderr).map(|chunk| chunk.text.as_str()).collect();
        assert_eq!(errors, "", "{line}");
        printed.into_iter().map(|chunk| chunk.text).collect()
    }

    fn seconds(&self) -> f64 {
        (self.session.world().now() - Time::ZERO).as_millis() as f64 / 1000.0
    }
}

const WORKER_KILLED: &str = include_str!("../recordings/docker-29-02-worker-killed.txt");

/// One table of a recording.
struct Recorded {
    /// Seconds since the fault.
    at: f64,
    command: String,
    lines: Vec<String>,
}

fn recorded(text: &str) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match line.strip_prefix("@ ").and_then(|rest| rest.split_once(' ')) {
            Some((at, command)) => {
                let at = at.parse().expect("a moment in seconds");
                all.push(Recorded { at, command: command.to_owned(), lines: Vec::new() });
            }
            None => all.last_mut().expect("a table follows its command").lines.push(line.to_owned()),
        }
    }
    all
}

/// What a table says: its header, and its rows without ids, with the dead node told from the others, with states and
/// without their ages, in an order that does not depend on which slot was where.
fn meaning(lines: &[String]) -> Vec<String> {
    let rows = cells(lines);
    let header = rows[0].clone();
    let mut said: Vec<String> = rows[1..]
        .iter()
        .map(|row| {
            let mut words = Vec::new();
            for (name, cell) in header.iter().zip(row) {
                words.push(match name.as_str() {
                    "ID" => continue,
                    "NAME" if cell.starts_with("\\_") => "history".to_owned(),
                    "NAME" => "current".to_owned(),
                    "NODE" if cell == "worker1" => "dead".to_owned(),
                    "NODE" => "other".to_owned(),
                    "CURRENT STATE" => cell.split(' ').next().unwrap_or_default().to_owned(),
                    _ => cell.clone(),
                });
            }
            words.join(" | ")
        })
        .collect();
    said.sort();
    said.insert(0, header.join(" | "));
    said
}

/// docker-29, topic 02: the worker is down after 10 to 16 s, the replacements wait in desired state Ready and run 5.4 s
/// later, the old tasks stay Shutdown / Running, end as Failed when the daemon is back, and nothing moves.
#[test]
fn a_killed_worker_is_told_as_it_was_recorded() {
    let tables = recorded(WORKER_KILLED);
    for seed in 0..20 {
        let mut lab = Lab::of_hosts(seed, &["manager1", "manager2", "manager3"], &["worker1", "worker2"]);
        lab.run("docker service create -d --name timecheck --replicas 10 diamol/ch12-timecheck:1.0; wait 20s");
        lab.run("kill worker1 daemon");
        let killed = lab.seconds();
        lab.run("wait until nodes['worker1'].status == 'down' for up to 20s");
        let down = lab.seconds() - killed;
        assert!((8.0..=16.6).contains(&down), "seed {seed}: down after {down} s");
        let compare = |lab: &mut Lab, table: &Recorded| {
            let printed: Vec<String> = lab.run(&table.command).lines().map(str::to_owned).collect();
            let (ours, theirs) = (meaning(&printed), meaning(&table.lines));
            assert_eq!(ours, theirs, "seed {seed}: {} {} s after the kill", table.command, table.at);
        };
        compare(&mut lab, &tables[0]);
        lab.run("wait until tasks.filter(t, t.desired == 'ready' && t.state == 'preparing').size() == 2 for up to 2s");
        compare(&mut lab, &tables[1]);
        lab.run("wait until tasks.filter(t, t.desired == 'ready' && t.state == 'ready').size() == 2 for up to 5s");
        compare(&mut lab, &tables[2]);
        compare(&mut lab, &tables[3]);
        lab.run(
            "wait until tasks.filter(t, t.state == 'running' && t.desired == 'running').size() == 10 for up to 10s",
        );
        let whole = lab.seconds() - killed - down;
        assert!((5.0..=6.5).contains(&whole), "seed {seed}: replaced {whole} s after Down");
        lab.run("boot worker1");
        lab.run("wait until nodes['worker1'].status == 'ready' for up to 20s");
        compare(&mut lab, &tables[4]);
        lab.run("wait 1s");
        compare(&mut lab, &tables[5]);
        lab.run("wait 20s");
        compare(&mut lab, &tables[6]);
    }
}

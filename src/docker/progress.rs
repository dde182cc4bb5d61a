//! The wait of an attached create, update, scale or rollback: polls the service and its tasks every 200 ms and draws
//! how far they are, until the service has been converged for as long as the monitor says.
//!
//! cli.md §6. What each mode counts and draws is in `updater`; how lines reach a terminal or a pipe is in `screen`; the
//! wait for a new root certificate, which looks the same from outside, is in `rotation`.

mod job;
mod rotation;
mod screen;
mod stack;
mod updater;

use super::script::{Wait, refusal};
use crate::swarm::api::{Answer, Filters, Node, Request, Response, Service, Task};
use rotation::Rotation;
pub use rotation::trust_root;
use screen::Screen;
use stack::Ending;
use std::collections::BTreeSet;
use std::sync::Arc;
use updater::Updater;

const TICK: i64 = 200_000_000;
const MONITOR: i64 = 5_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// What happened.
pub enum Event {
    /// It starts.
    Begin,
    /// The daemon answered.
    Answer(Answer),
    /// The tick is over.
    Timer,
}

/// What comes next.
pub enum Then {
    /// Ask this.
    Ask(Request),
    /// Wait so long.
    Sleep(i64),
    /// The wait is over.
    Done(Result<(), String>),
}

/// A wait, whatever is waited for: it asks, draws what it was told, sleeps for a tick, and asks again.
#[derive(Clone, Debug)]
pub struct Machine {
    quiet: bool,
    screen: Screen,
    asleep: bool,
    subject: Subject,
}

/// What is waited for.
#[derive(Clone, Debug)]
enum Subject {
    /// A service.
    Service(Progress),
    /// A new root certificate.
    Rotation(Rotation),
    /// The tasks of a removed stack.
    Stack(Ending),
}

impl Machine {
    /// Before its first look; `terminal_width` is absent where stdout is no terminal.
    pub fn new(wait: &Wait, terminal_width: Option<u16>) -> Machine {
        let mut screen = Screen::new(terminal_width);
        let (quiet, subject) = match wait {
            Wait::Service { service, quiet, .. } => (*quiet, Subject::Service(Progress::new(service))),
            Wait::Stack { name } => (true, Subject::Stack(Ending::new(name))),
            Wait::Rotation { quiet } => (*quiet, Subject::Rotation(Rotation::new(*quiet, &mut screen))),
        };
        Machine { quiet, screen, asleep: false, subject }
    }

    /// Whether it waits for an answer rather than for time.
    pub fn asks(&self) -> bool {
        !self.asleep
    }

    /// Ctrl-C: what is printed; the command ends with status 0.
    pub fn interrupt(&mut self) -> String {
        let advice = match &self.subject {
            Subject::Service(progress) => progress.advice(),
            Subject::Rotation(rotation) => rotation.advice(),
            Subject::Stack(_) => None,
        };
        if let Some(advice) = advice {
            self.screen.message("Operation continuing in background.");
            self.screen.message(&advice);
        }
        self.output()
    }

    /// Goes on; what is printed, and what comes next.
    pub fn step(&mut self, event: Event, now: i64) -> (String, Then) {
        let then = match event {
            Event::Begin | Event::Timer => {
                match &mut self.subject {
                    Subject::Service(progress) => progress.phase = Phase::Service,
                    Subject::Rotation(rotation) => rotation.begin(),
                    Subject::Stack(_) => {}
                }
                Then::Ask(self.request())
            }
            Event::Answer(Err(failure)) => Then::Done(Err(refusal(&failure, &self.request()).text)),
            Event::Answer(Ok(response)) => match &mut self.subject {
                Subject::Service(progress) => progress.answer(response, &mut self.screen, now),
                Subject::Rotation(rotation) => rotation.answer(response, &mut self.screen),
                Subject::Stack(ending) => ending.answer(response),
            },
        };
        self.asleep = matches!(then, Then::Sleep(_));
        (self.output(), then)
    }

    fn request(&self) -> Request {
        match &self.subject {
            Subject::Service(progress) => progress.request(),
            Subject::Rotation(rotation) => rotation.request(),
            Subject::Stack(ending) => ending.request(),
        }
    }

    fn output(&mut self) -> String {
        let output = self.screen.take();
        if self.quiet { String::new() } else { output }
    }
}

/// An answer that is none to what was asked.
fn out_of_place() -> Then {
    Then::Done(Err("swarmlab: the daemon gave an answer of another kind".into()))
}

#[derive(Clone, Debug)]
enum Phase {
    Service,
    Tasks(Arc<Service>),
    Nodes(Arc<Service>, Arc<Vec<Task>>),
}

/// The wait for one service.
#[derive(Clone, Debug)]
struct Progress {
    service: String,
    updater: Option<Updater>,
    phase: Phase,
    converged: bool,
    converged_at: Option<i64>,
    monitor: i64,
    rollback: bool,
    message: Option<String>,
}

impl Progress {
    /// For the service as it is addressed.
    fn new(service: &str) -> Progress {
        Progress {
            service: service.to_owned(),
            updater: None,
            phase: Phase::Service,
            converged: false,
            converged_at: None,
            monitor: MONITOR,
            rollback: false,
            message: None,
        }
    }

    /// What Ctrl-C says of going on; nothing once it has converged.
    fn advice(&self) -> Option<String> {
        (!self.converged).then(|| format!("Use `docker service ps {}` to check progress.", self.service))
    }

    fn request(&self) -> Request {
        match &self.phase {
            Phase::Tasks(service) => {
                let mut filters = Filters::default();
                filters.add("service", &service.id);
                filters.add("_up-to-date", "true");
                Request::TaskList(filters)
            }
            Phase::Nodes(..) => Request::NodeList(Filters::default()),
            Phase::Service => Request::ServiceInspect { id: self.service.clone(), insert_defaults: false },
        }
    }

    fn answer(&mut self, response: Response, screen: &mut Screen, now: i64) -> Then {
        match (self.phase.clone(), response) {
            (Phase::Service, Response::Service(service)) => {
                if let Some(end) = self.status(&service, screen, now) {
                    return Then::Done(end);
                }
                self.phase = Phase::Tasks(service);
                Then::Ask(self.request())
            }
            (Phase::Tasks(service), Response::Tasks(tasks)) => {
                self.phase = Phase::Nodes(service, tasks);
                Then::Ask(self.request())
            }
            (Phase::Nodes(service, tasks), Response::Nodes(nodes)) => {
                let end = self.draw(screen, &service, &tasks, &nodes, now);
                end.map_or(Then::Sleep(TICK), Then::Done)
            }
            _ => out_of_place(),
        }
    }

    /// What the service's own state says of the end.
    fn status(&mut self, service: &Service, screen: &mut Screen, now: i64) -> Option<Result<(), String>> {
        let monitor = service.spec.update_config.as_ref().map_or(0, |config| config.monitor);
        if monitor != 0 {
            self.monitor = monitor;
        }
        if let Some(status) = &service.update_status {
            match status.state.as_str() {
                "updating" => self.rollback = false,
                "completed" if !self.converged => return Some(Ok(())),
                "paused" => return Some(Err(format!("service update paused: {}", status.message))),
                "rollback_started" => {
                    if !self.rollback && !status.message.is_empty() {
                        screen.update("rollback", &status.message, None);
                    }
                    self.rollback = true;
                }
                "rollback_paused" => return Some(Err(format!("service rollback paused: {}", status.message))),
                "rollback_completed" => {
                    if !self.converged {
                        self.message = Some(status.message.clone());
                    }
                    self.rollback = true;
                }
                _ => {}
            }
        }
        let since = self.converged_at.filter(|_| self.converged)?;
        if now - since < self.monitor {
            return None;
        }
        screen.update("verify", &format!("Service {} converged", self.service), None);
        if let Some(message) = self.message.take() {
            screen.message(&format!("rollback: {message}"));
        }
        Some(Ok(()))
    }

    /// Draws a tick; an end only for jobs.
    fn draw(
        &mut self,
        screen: &mut Screen,
        service: &Service,
        tasks: &[Task],
        nodes: &[Node],
        now: i64,
    ) -> Option<Result<(), String>> {
        let active: BTreeSet<&str> =
            nodes.iter().filter(|node| node.status.state != "down").map(|node| node.id.as_str()).collect();
        let updater = self.updater.get_or_insert_with(|| Updater::new(service));
        self.converged = updater.update(screen, service, tasks, &active, self.rollback);
        if self.converged {
            if service.job_status.is_some() {
                screen.message("job complete");
                return Some(Ok(()));
            }
            let since = *self.converged_at.get_or_insert(now);
            let wait = self.monitor - (now - since);
            if wait >= 0 {
                let seconds = ((wait + SECOND - 1) / SECOND).max(1);
                let text = format!("Waiting {seconds} seconds to verify that tasks are stable...");
                screen.update("verify", &text, None);
            }
        } else if self.converged_at.take().is_some() {
            screen.update("verify", "Detected task failure", None);
        }
        None
    }
}

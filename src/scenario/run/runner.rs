//! Plays a scenario on a session: types what is due, judges and measures at every instant, gathers what is printed.
//!
//! It decides when to look and when to type; what a look means is `judge`'s and `gauge`'s business.

use super::Printed;
use crate::engine::Time;
use crate::observe::Observed;
use crate::predicate::Watcher;
use crate::scenario::{Finish, Gauge, Judge, Judgement, Measured, OutputCheck, Scenario, Side, Step, StepRun};
use crate::session::{Session, Stop, TerminalId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A scenario in play.
pub(super) struct Runner {
    steps: Vec<Step>,
    /// What is to be typed, and when: steps of one instant in their order.
    agenda: BTreeSet<(Time, usize)>,
    /// Moments at which something must be looked at although no event may happen.
    moments: BTreeSet<Time>,
    /// A step was put on the agenda while time passed.
    added: bool,
    watchers: Vec<Watcher>,
    judges: Vec<Judge>,
    /// By expectation: what it looked like at its last moment, where it was not settled then.
    closing: Vec<Option<String>>,
    gauges: Vec<Measuring>,
    /// By step; none before it has begun.
    terminals: Vec<Option<TerminalId>>,
    /// Steps whose lines have not ended.
    active: Vec<Active>,
    /// By step: what its last run printed, and its status, where it is typed again and again.
    before: Vec<Option<(String, i32)>>,
    pub(super) printed: Vec<Printed>,
    pub(super) quiet: Vec<(Time, Arc<str>)>,
}

/// A measure with what it looks at.
struct Measuring {
    gauge: Gauge,
    begin: Option<Watcher>,
    end: Option<Watcher>,
    /// The expectation that it follows.
    follows: Option<usize>,
}

/// Lines that have been typed and not ended.
struct Active {
    step: usize,
    terminal: TerminalId,
    begun: Time,
    /// Where in what is printed it may begin.
    first: usize,
    output: String,
}

impl Runner {
    /// The scenario with these steps, before its beginning.
    pub(super) fn new(scenario: &Scenario, steps: Vec<Step>) -> Self {
        let judges: Vec<Judge> = scenario.expectations.iter().map(|e| Judge::new(e.when)).collect();
        let measuring = |measure: &crate::scenario::Measure| Measuring {
            begin: measure.from_when.clone().map(Watcher::new),
            end: match &measure.until {
                Finish::Holds(condition) => Some(Watcher::new(condition.clone())),
                _ => None,
            },
            follows: match measure.until {
                Finish::Expectation(index) => Some(index),
                _ => None,
            },
            gauge: Gauge::new(measure.clone()),
        };
        let gauges: Vec<Measuring> = scenario.measures.iter().map(measuring).collect();
        let firsts = gauges.iter().map(|measuring| measuring.gauge.first());
        Self {
            agenda: steps.iter().enumerate().map(|(number, step)| (Time::ZERO + step.at, number)).collect(),
            moments: judges.iter().flat_map(|judge| <[Time; 2]>::from(judge.span())).chain(firsts).collect(),
            closing: vec![None; judges.len()],
            added: false,
            watchers: scenario.expectations.iter().map(|e| Watcher::new(e.condition.clone())).collect(),
            terminals: vec![None; steps.len()],
            before: vec![None; steps.len()],
            active: Vec::new(),
            printed: Vec::new(),
            quiet: Vec::new(),
            steps,
            judges,
            gauges,
        }
    }

    /// Plays to the end, or until something is broken: what.
    pub(super) fn play(&mut self, session: &mut Session, end: Time) -> Option<String> {
        loop {
            let due = self.agenda.first().map_or(end, |(at, _)| *at);
            let moment = due.min(self.moments.first().copied().unwrap_or(end)).min(end);
            self.added = false;
            let stop = session.run(moment, |session| {
                self.look(session);
                self.collect(session);
                !self.added
            });
            if let Stop::Broken(text) = stop {
                return Some(text);
            }
            if self.added {
                // Something may be due before that moment now.
                continue;
            }
            self.moments.retain(|at| *at > moment);
            while let Some(&(at, step)) = self.agenda.first()
                && at <= moment
            {
                self.agenda.pop_first();
                self.begin(session, step);
            }
            self.look(session);
            self.close(session);
            self.collect(session);
            if moment >= end {
                return None;
            }
        }
    }

    fn begin(&mut self, session: &mut Session, step: usize) {
        let wanted = &self.steps[step];
        let terminal = match self.terminals[step] {
            Some(terminal) => terminal,
            None => {
                // The file was checked: its hosts are there.
                let Some(host) = session.world().host_named(&wanted.on) else { return };
                session.open(host, None)
            }
        };
        self.terminals[step] = Some(terminal);
        session.begin(terminal, &wanted.run, wanted.list.clone());
        let (begun, first) = (session.world().now(), self.printed.len());
        self.active.push(Active { step, terminal, begun, first, output: String::new() });
    }

    /// Judges every expectation that may have changed. The last verdict of an instant counts.
    fn look(&mut self, session: &Session) {
        let view = Observed(session.world());
        let now = session.world().now();
        for (watcher, judge) in self.watchers.iter_mut().zip(&mut self.judges) {
            if judge.settled().is_some() || now > judge.span().1 {
                continue;
            }
            // Before its first moment only the last verdict matters, and that is made at the moment itself.
            if now < judge.span().0 {
                continue;
            }
            // A verdict holds until the next one: where nothing has changed there is none.
            let (verdict, true) = watcher.judge(&view) else { continue };
            let verdict = verdict.clone();
            judge.observe(now, &verdict, || watcher.condition().explain(&view));
        }
        for measuring in &mut self.gauges {
            while let Some(side) = measuring.gauge.wants(now) {
                let watcher = if side == Side::Begin { &mut measuring.begin } else { &mut measuring.end };
                let Some(watcher) = watcher else { break };
                if !measuring.gauge.observe(now, watcher.judge(&view).0) {
                    break;
                }
            }
        }
    }

    /// Keeps what expectations look like whose last moment this is.
    fn close(&mut self, session: &Session) {
        let now = session.world().now();
        for ((judge, watcher), closing) in self.judges.iter().zip(&self.watchers).zip(&mut self.closing) {
            if judge.span().1 == now && judge.settled().is_none() {
                *closing = Some(watcher.condition().explain(&Observed(session.world())));
            }
        }
    }

    /// How each expectation ended.
    pub(super) fn judged(&mut self, session: &Session) -> Vec<Judgement> {
        let now = session.world().now();
        let view = Observed(session.world());
        let ended = self.judges.drain(..).zip(&self.watchers).zip(&mut self.closing);
        ended
            .map(|((judge, watcher), closing)| {
                judge.finish(now, || closing.take().unwrap_or_else(|| watcher.condition().explain(&view)))
            })
            .collect()
    }

    /// Takes what was printed, and sees which lines have ended.
    fn collect(&mut self, session: &mut Session) {
        // Real files come into a run by the scenario's own table alone.
        if session.asks_owner() {
            session.refuse_wants("a scenario puts files on the hosts' disks with [files]");
        }
        let now = session.world().now();
        let mut ended = Vec::new();
        self.active.retain_mut(|active| {
            for chunk in session.take_output(active.terminal) {
                active.output.push_str(&chunk.text);
                self.printed.push(Printed { at: now, step: active.step, chunk, again: false });
            }
            let idle = session.is_idle(active.terminal);
            if idle {
                let status = session.terminal(active.terminal).status;
                ended.push((active.step, active.begun, active.first, std::mem::take(&mut active.output), status));
            }
            !idle
        });
        for (step, begun, first, output, status) in ended {
            let run = StepRun { step, begun, ended: now, output: &output, status };
            self.gauges.iter_mut().for_each(|measuring| measuring.gauge.ran(&run));
            let Some(repeat) = self.steps[step].repeat else { continue };
            let next = (begun + repeat.every).max(now);
            if next <= Time::ZERO + repeat.until && !session.terminal(run_terminal(&self.terminals, step)).exited {
                self.agenda.insert((next, step));
                self.added = true;
            }
            let seen = (output, status);
            if self.before[step].as_ref() == Some(&seen) {
                self.quiet.push((begun, self.steps[step].run.clone()));
                let own = self.printed[first..].iter_mut().filter(|printed| printed.step == step);
                own.for_each(|printed| printed.again = true);
            }
            self.before[step] = Some(seen);
        }
    }

    /// What came of each measure.
    pub(super) fn measured(&mut self) -> Vec<Measured> {
        for measuring in &mut self.gauges {
            if let Some(at) = measuring.follows.and_then(|index| self.judges.get(index)?.held_at()) {
                measuring.gauge.held(at);
            }
        }
        self.gauges.iter().map(|measuring| measuring.gauge.finish()).collect()
    }

    /// What is wrong with what a step printed.
    pub(super) fn check(&self, session: &Session, check: &OutputCheck) -> Vec<String> {
        let step = check.step.index;
        let text: String =
            self.printed.iter().filter(|printed| printed.step == step).map(|p| p.chunk.text.as_str()).collect();
        let status = self.terminals[step].map_or(0, |terminal| session.terminal(terminal).status);
        check.faults(&text, status)
    }
}

/// The terminal of a step that has begun.
fn run_terminal(terminals: &[Option<TerminalId>], step: usize) -> TerminalId {
    terminals[step].expect("a step that has ended has begun")
}

//! `why SUBJECT` of a session: the chain of causes, and of a task that was placed, or waits, the scheduler's table.
//!
//! The trace keeps decisions small. The table is worked out in the moment of the decision, which is found again by living
//! through the session once more up to there; on the way it is seen which event let a task in that had waited. That takes
//! as long as it took to simulate from the nearest moment before of which a copy was kept, or from the beginning, and only
//! who asks pays.

use super::Session;
use super::recording::MODEL;
use super::replay::Script;
use super::shell::{Command, List, Verb};
use crate::engine::{EventId, Time};
use crate::observe::decision::{self, Placement, Told};
use crate::observe::why::{self, Unlocked};
use crate::swarm::world::World;
use std::sync::Arc;

/// What was found by going back to a decision.
struct Past {
    /// The world of the moment before it.
    before: World,
    /// The event after which the node passed all filters, where the task had waited.
    unlocked: Option<EventId>,
}

impl Session {
    /// Why something is as it is.
    ///
    /// # Errors
    /// When nothing bears the name, or the trace knows nothing of it.
    pub fn why(&self, subject: &str) -> Result<String, String> {
        let placement = why::task_named(&self.world, subject).and_then(|named| decision::newest(&self.world, &named));
        let Some(placement) = placement else {
            let told = why::service_named(&self.world, subject)
                .and_then(|service| decision::everywhere(&self.world, &service));
            return self.tell_why(subject, why::Found::default(), told);
        };
        let past = placement.made.as_ref().and_then(|_| self.go_back(&placement));
        let unlocked = past.as_ref().and_then(|past| past.unlocked);
        let unlocked = unlocked.map(|event| Unlocked { task: placement.task, event });
        let told = match (&placement.made, &past) {
            (None, _) => decision::explain(&self.world, &placement),
            (Some(_), Some(past)) => decision::explain(&past.before, &placement),
            (Some(_), None) => None,
        };
        let decided = placement.made.as_ref().map(|made| made.decision.at);
        self.tell_why(subject, why::Found { unlocked, decided, ..why::Found::default() }, told)
    }

    /// The chain of causes, and below it the decision.
    fn tell_why(&self, subject: &str, found: why::Found, told: Option<Told>) -> Result<String, String> {
        let (table, stopped) = told.map_or_else(Default::default, |told| (told.text, told.stopped));
        Ok(why::explain(&self.world, subject, &why::Found { stopped, ..found })? + &table)
    }

    /// Before which moment whoever goes back for what these lines ask must begin; none where nobody has to.
    pub(super) fn asked_of(&self, list: &List) -> Option<Time> {
        let pipelines = list
            .items
            .iter()
            .flat_map(|chain| std::iter::once(&chain.first).chain(chain.rest.iter().map(|(_, pipeline)| pipeline)));
        let subjects = pipelines.flat_map(|pipeline| &pipeline.commands).filter_map(|command| match command {
            Command::Verb(command) => match &command.verb {
                Verb::Why { subject } => Some(subject),
                _ => None,
            },
            Command::Simple(_) => None,
        });
        let moments = subjects.filter_map(|subject| {
            let named = why::task_named(&self.world, subject)?;
            let made = decision::newest(&self.world, &named)?.made?;
            Some(made.waited.unwrap_or(made.decision.at))
        });
        moments.min()
    }

    /// Keeps a copy of its own past for whoever asks why.
    pub(super) fn keep_near(&mut self, past: &Self) {
        let mut past = past.clone();
        past.near = None;
        self.near = Some(Arc::new(past));
    }

    /// The world of the moment before a decision was made, and what let the task in.
    fn go_back(&self, placement: &Placement) -> Option<Past> {
        let made = placement.made.as_ref()?;
        let at = made.decision.at;
        let recording = self.recording();
        let script = Script { inputs: recording.inputs, end: recording.end, exact: recording.model == MODEL };
        let since = made.waited.unwrap_or(at);
        let near = self.near.as_ref().filter(|near| near.world.now() < since);
        let mut session = near.map_or_else(|| Self::new(&recording.start), |near| (**near).clone());
        session.keep_trace(false);
        let (mut unlocked, mut passed, mut stored) = (None, false, 0);
        while script.next_at(&mut session)? < at {
            script.step(&mut session).ok()?;
            session.forget_output();
            if made.waited.is_some_and(|since| session.world.now() >= since) {
                let state = decision::stored(&session.world);
                if state != stored {
                    stored = state;
                    let passes = decision::passes(&session.world, placement.task, &made.node);
                    if passes && !passed {
                        unlocked = Some(session.world.env.kernel.current());
                    }
                    passed = passes;
                }
            }
        }
        // Of the events of that very moment, the one after which the scheduler writes.
        while script.next_at(&mut session)? == at {
            let before = session.world.clone();
            script.step(&mut session).ok()?;
            if decision::is_made(&session.world, at) {
                return Some(Past { before, unlocked });
            }
        }
        None
    }
}

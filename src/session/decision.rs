//! `why TASK`, second half: the table of the decision that gave it its node, or of what it waits for.
//!
//! The trace keeps decisions small. The table is worked out in the moment of the decision, which is found again by living
//! through the session once more up to there; that costs as long as the session took to simulate, and only who asks pays.

use super::Session;
use super::recording::MODEL;
use super::replay::Script;
use crate::observe::decision::{self, Placement};
use crate::observe::why;
use crate::swarm::world::World;

impl Session {
    /// The table for the task that is asked about; none for another subject, or where nothing is known.
    pub(super) fn decision_table(&self, subject: &str) -> Option<String> {
        let (service, slot) = why::task_named(&self.world, subject)?;
        let placement = decision::newest(&self.world, &service, slot)?;
        match placement.made {
            None => decision::explain(&self.world, &placement),
            Some(_) => decision::explain(&self.world_before(&placement)?, &placement),
        }
    }

    /// The world of the moment before a decision was made.
    fn world_before(&self, placement: &Placement) -> Option<World> {
        let at = placement.made.as_ref()?.decision.at;
        let recording = self.recording();
        let script = Script { inputs: recording.inputs, end: recording.end, exact: recording.model == MODEL };
        let mut session = Self::new(&recording.start);
        session.keep_trace(false);
        while script.next_at(&mut session)? < at {
            script.step(&mut session).ok()?;
        }
        // Of the events of that very moment, the one after which the scheduler writes.
        while script.next_at(&mut session)? == at {
            let before = session.world.clone();
            script.step(&mut session).ok()?;
            if decision::is_made(&session.world, at) {
                return Some(before);
            }
        }
        None
    }
}

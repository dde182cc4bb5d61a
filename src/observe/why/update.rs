//! The updates of a service that matter to how it stands: the one that halted, was rolled back or is being rolled back, and
//! the halted one before it that made somebody act.
//!
//! Each is told as a chain of its own, from how it ended to the command that began it.
//!
//! Source: control-plane.md §6.4.

use super::History;
use crate::swarm::object::UpdateState;
use crate::swarm::world::record::What;

/// How many updates are told.
const MOST: usize = 4;

impl History<'_> {
    /// Adds the updates of a service that the chains told so far do not show.
    pub(super) fn tell_updates(&self, service: &str, told: &mut Vec<usize>, out: &mut String) {
        let Some(mut place) = self.update_before(self.records.len(), service) else { return };
        if !told.contains(&place) {
            if self
                .update_state(place)
                .is_none_or(|state| !is_unfinished(state) && state != UpdateState::RollbackCompleted)
            {
                return;
            }
            *out += "its last update:\n";
            told.extend(self.tell_chain(place, out));
        }
        for _ in 0..MOST {
            // What began it, and what had been left before that.
            let began = self.chain(place).into_iter().filter(|at| self.is_wish(*at, service)).min();
            let Some(before) = began.and_then(|began| self.update_before(began, service)) else { return };
            let unfinished = self.update_state(before).is_some_and(is_unfinished);
            if !unfinished || told.contains(&before) {
                return;
            }
            *out += "before that:\n";
            told.extend(self.tell_chain(before, out));
            place = before;
        }
    }

    fn tell_chain(&self, newest: usize, out: &mut String) -> Vec<usize> {
        let chain = self.chain(newest);
        self.tell(&chain, out);
        out.extend(self.blame(&chain));
        chain
    }

    fn update_state(&self, place: usize) -> Option<UpdateState> {
        match self.what(place) {
            What::Service { update: Some((state, _)), .. } => Some(*state),
            _ => None,
        }
    }

    /// The newest word on an update of this service before a place; none from before its creation.
    fn update_before(&self, place: usize, service: &str) -> Option<usize> {
        let newest = self.before(place, |what| match what {
            What::Service { name, update, created, .. } => **name == *service && (update.is_some() || *created),
            _ => false,
        })?;
        self.update_state(newest).map(|_| newest)
    }

    /// Whether a record is a change of what is wanted of this service.
    fn is_wish(&self, place: usize, service: &str) -> bool {
        matches!(self.what(place), What::Service { name, spec_changed: true, .. } if **name == *service)
    }
}

fn is_unfinished(state: UpdateState) -> bool {
    matches!(state, UpdateState::Paused | UpdateState::RollbackPaused | UpdateState::RollbackStarted)
}

//! Why a scale-down took this slot and not another: all slots as they were then, and the rule by which they are kept.
//!
//! The slots are worked out from the trace as of the moment before; where the rule does not lead from them to what was
//! really taken (a slot whose task had ended for good counts, too, and the trace does not tell those apart), nothing is said.
//!
//! Source: control-plane.md §4.1 "Scale-down order"; `orchestrator/slot.rs`.

use super::History;
use crate::observe::look::table;
use crate::swarm::object::{Mode, TaskKey, TaskState};
use crate::swarm::store::Why;
use crate::swarm::world::record::What;
use std::collections::{BTreeMap, BTreeSet};

/// Of more slots only some are shown: those around the last that was kept, and around the one that is asked about.
const ROWS: usize = 24;

/// How many on each side.
const AROUND: usize = 4;

/// From so many slots on the real Swarm's sort does not keep the order of equals.
const UNSTABLE: usize = 12;

/// A slot as it was before the scale-down.
struct Slot {
    number: u32,
    node: Option<String>,
    running: bool,
    /// The first copy on its node, the second, ..; none where it has no node or several tasks.
    copy: Option<u32>,
    several: bool,
}

impl History<'_> {
    /// The slots of the scale-down by which a task was told to go; none where the record at this place is no such, and
    /// where no slot was to stay.
    pub(super) fn surplus(&self, at: usize) -> Option<String> {
        let What::Task { service, slot: asked, .. } = self.what(at) else { return None };
        let wish = self.wanted(at, service).filter(|_| is_surplus(self.what(at)))?;
        let wanted = self.replicas(wish).filter(|wanted| *wanted > 0)?;
        let next = (at..self.records.len()).find(
            |place| matches!(self.what(*place), What::Service { name, spec_changed: true, .. } if name == service),
        );
        let places = wish..next.unwrap_or(self.records.len());
        let taken: Vec<(usize, u32)> = places
            .filter_map(|place| match self.what(place) {
                What::Task { service: other, slot, .. } if other == service && is_surplus(self.what(place)) => {
                    Some((place, *slot))
                }
                _ => None,
            })
            .collect();
        let slots = self.slots(taken.first()?.0, service);
        let taken: BTreeSet<u32> = taken.into_iter().map(|(_, slot)| slot).collect();
        let (kept, lost) = slots.split_at_checked(wanted as usize)?;
        if lost.iter().map(|slot| slot.number).collect::<BTreeSet<_>>() != taken {
            return None;
        }
        let own = lost.iter().find(|slot| slot.number == *asked)?;
        let mut rows = vec![["SLOT", "NODE", "ITS TASK", "COPY", "VERDICT"].map(str::to_owned).to_vec()];
        let (count, asked_place) = (slots.len(), slots.iter().position(|slot| slot.number == *asked)?);
        let near = |place: usize| place + AROUND >= kept.len() && place < kept.len() + AROUND;
        let shown = |place: usize| count <= ROWS || near(place) || place.abs_diff(asked_place) <= AROUND;
        for (place, slot) in slots.iter().enumerate().filter(|(place, _)| shown(*place)) {
            let copy = match (slot.copy, slot.several, &slot.node) {
                (Some(copy), _, Some(node)) => format!("{} on {node}", ordinal(copy)),
                (_, true, _) => "several tasks".to_owned(),
                _ => "no node yet".to_owned(),
            };
            rows.push(vec![
                format!("{service}.{}", slot.number),
                slot.node.clone().unwrap_or_else(|| "-".into()),
                if slot.running { "running" } else { "not running" }.to_owned(),
                copy,
                if place < kept.len() { "kept" } else { "removed" }.to_owned(),
            ]);
        }
        let mut out =
            format!("why {service}.{asked} and no other slot, when {service} went from {count} tasks to {wanted}:\n");
        out.extend(table(&rows).lines().map(|line| format!("  {line}\n")));
        if rows.len() <= count {
            out += &format!("  (these are {} of {count} slots, the best to keep first)\n", rows.len() - 1);
        }
        out += &format!("  {}\n", reason(own, kept));
        out += "  the rule: the 1st copy on each node is kept before any 2nd one, and so on;\n    \
                copies are counted with running tasks first, then by slot number; a slot\n    \
                whose task has no node goes first\n";
        if count > UNSTABLE {
            out += "  (with more than 12 slots the real Swarm may choose differently among equals)\n";
        }
        Some(out)
    }

    /// How many replicas a change of a service asks for.
    fn replicas(&self, wish: usize) -> Option<u32> {
        match self.what(wish) {
            What::Service { mode: Mode::Replicated { replicas }, .. } => Some(*replicas),
            _ => None,
        }
    }

    /// The slots of a service before a place, the best to keep first.
    fn slots(&self, before: usize, service: &str) -> Vec<Slot> {
        let mut newest: BTreeMap<TaskKey, (u32, &What)> = BTreeMap::new();
        for record in &self.records[..before] {
            if let What::Task { task, service: other, slot, .. } = &record.what
                && **other == *service
            {
                newest.insert(*task, (*slot, &record.what));
            }
        }
        let mut slots: BTreeMap<u32, Slot> = BTreeMap::new();
        for (number, what) in newest.values() {
            let What::Task { node, state, desired, .. } = what else { continue };
            if *desired > TaskState::Running {
                continue;
            }
            let running = *state == TaskState::Running;
            match slots.get_mut(number) {
                Some(slot) => (slot.several, slot.running) = (true, slot.running || running),
                None => {
                    let node = node.as_ref().map(|node| node.to_string());
                    slots.insert(*number, Slot { number: *number, node, running, copy: None, several: false });
                }
            }
        }
        let mut slots: Vec<Slot> = slots.into_values().collect();
        slots.sort_by_key(|slot| !slot.running);
        let mut copies: BTreeMap<String, u32> = BTreeMap::new();
        for slot in slots.iter_mut().filter(|slot| !slot.several) {
            let Some(node) = &slot.node else { continue };
            let copy = copies.entry(node.clone()).or_insert(0);
            *copy += 1;
            slot.copy = Some(*copy);
        }
        slots.sort_by_key(|slot| slot.copy.unwrap_or(u32::MAX));
        slots
    }
}

/// What decided against a slot.
fn reason(own: &Slot, kept: &[Slot]) -> String {
    let worst = kept.iter().filter_map(|slot| slot.copy).max();
    match (own.copy, worst) {
        (None, _) if own.several => "it had several tasks at once: such a slot goes first".to_owned(),
        (None, _) => "its task had no node yet: such a slot goes first".to_owned(),
        (_, None) => "no slot was to be kept".to_owned(),
        (Some(copy), Some(worst)) if copy > worst => format!(
            "it was the {} copy on its node, and of those that were kept none is more than the {}",
            ordinal(copy),
            ordinal(worst)
        ),
        (Some(copy), Some(_)) if !own.running && kept.iter().any(|slot| slot.copy == Some(copy) && slot.running) => {
            format!(
                "of the slots that are the {} copy on their node those that run are kept, and it did not run",
                ordinal(copy)
            )
        }
        (Some(copy), Some(_)) => {
            format!("of the slots that are the {} copy on their node those with lower numbers are kept", ordinal(copy))
        }
    }
}

/// `1st`, `2nd`, ..
fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, hundredth) if hundredth != 11 => "st",
        (2, hundredth) if hundredth != 12 => "nd",
        (3, hundredth) if hundredth != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Whether a record tells a task to go because its slot is one too many.
fn is_surplus(what: &What) -> bool {
    matches!(what, What::Task { why: Why::ScaleDown, desired: TaskState::Remove, from: Some((_, wanted)), .. }
        if *wanted != TaskState::Remove)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row() {
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21, 102, 113].map(ordinal).join(" "),
            "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 113th"
        );
    }

    #[test]
    fn what_decides_against_a_slot() {
        let slot = |copy: Option<u32>, running: bool, several: bool| {
            let node = copy.map(|_| "m1".to_owned());
            Slot { number: 9, node, running, copy, several }
        };
        let kept = [slot(Some(1), true, false), slot(Some(2), true, false)];
        let told = |own: Slot| reason(&own, &kept);
        assert_eq!(told(slot(None, false, false)), "its task had no node yet: such a slot goes first");
        assert_eq!(told(slot(None, true, true)), "it had several tasks at once: such a slot goes first");
        assert!(told(slot(Some(3), true, false)).starts_with("it was the 3rd copy on its node"));
        assert!(told(slot(Some(2), false, false)).ends_with("it did not run"));
        assert!(told(slot(Some(2), true, false)).ends_with("lower numbers are kept"));
        assert_eq!(reason(&slot(Some(1), true, false), &[]), "no slot was to be kept");
    }
}

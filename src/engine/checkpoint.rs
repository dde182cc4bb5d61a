//! Checkpoints: copies of a world taken along its way, and the way back to any event by re-simulating from the nearest.
//!
//! They are an aid to speed only. A world reached through a checkpoint is the world of a fresh run, and a run without
//! any checkpoint is the same run.

use super::time::Time;

/// A world that can be copied and run again, event by event.
pub trait Replay: Clone {
    /// Handles one event (or the next recorded input); false when nothing is left to do.
    fn step(&mut self) -> bool;
    /// How many events have been handled.
    fn number(&self) -> u64;
    /// The present moment.
    fn now(&self) -> Time;
    /// Bytes that a copy takes, roughly. What copies share is best left out.
    fn weight(&self) -> usize;
}

/// Copies are this many times denser than their distance: a seek costs at most an eighth of the way already gone.
const DENSITY: u64 = 8;

#[derive(Clone, Debug)]
struct Checkpoint<W> {
    number: u64,
    weight: usize,
    world: W,
}

/// The checkpoints of one run, in the order of their event numbers.
///
/// Near the end of the run, and near where somebody last looked, they stand `spacing` events apart; farther away, ever
/// more sparsely, so that there are about eight for each doubling of the distance.
#[derive(Clone, Debug)]
pub struct Checkpoints<W> {
    budget: usize,
    spacing: u64,
    kept: Vec<Checkpoint<W>>,
    weight: usize,
}

impl<W: Replay> Checkpoints<W> {
    /// No checkpoints yet. They will weigh no more than `budget` bytes together (but the first and the last are always
    /// kept) and stand no closer than `spacing` events.
    pub fn new(budget: usize, spacing: u64) -> Checkpoints<W> {
        Checkpoints { budget, spacing: spacing.max(1), kept: Vec::new(), weight: 0 }
    }

    /// Takes a checkpoint of `world` when one is due there: the first time, and then when the nearest at or before is
    /// `spacing` events away.
    ///
    /// The world may be in the past: while stepping back, offering the worlds passed on the way makes the next step
    /// cheap.
    pub fn offer(&mut self, world: &W) {
        let number = world.number();
        let at = self.kept.partition_point(|c| c.number <= number);
        if at > 0 && number - self.kept[at - 1].number < self.spacing {
            return;
        }
        let weight = world.weight();
        self.kept.insert(at, Checkpoint { number, weight, world: world.clone() });
        self.weight += weight;
        self.thin(number);
    }

    /// Whether [`Checkpoints::offer`] would take a world at that event number: a cheap question before an expensive
    /// call.
    pub fn due(&self, number: u64) -> bool {
        let at = self.kept.partition_point(|c| c.number <= number);
        at == 0 || number - self.kept[at - 1].number >= self.spacing
    }

    fn remove(&mut self, i: usize) {
        self.weight -= self.kept.remove(i).weight;
    }

    /// Drops what stands denser than its distance from `focus` and from the end deserves, then what is missed least
    /// until the budget holds.
    fn thin(&mut self, focus: u64) {
        let Some(end) = self.kept.last().map(|c| c.number) else { return };
        let gap = |kept: &[Checkpoint<W>], i: usize| kept[i + 1].number - kept[i - 1].number;
        let distance = |c: &Checkpoint<W>| c.number.abs_diff(focus).min(end - c.number);
        let mut i = 1;
        while i + 1 < self.kept.len() {
            if gap(&self.kept, i) <= distance(&self.kept[i]) / DENSITY {
                self.remove(i);
            } else {
                i += 1;
            }
        }
        while self.weight > self.budget {
            // The one whose loss makes the smallest gap for its distance, compared as ratios; of equals, the oldest.
            let loss = |i: usize| {
                (u128::from(gap(&self.kept, i)), u128::from(distance(&self.kept[i])) + u128::from(self.spacing))
            };
            let least = (1..self.kept.len().saturating_sub(1)).reduce(|a, b| {
                let ((gap_a, far_a), (gap_b, far_b)) = (loss(a), loss(b));
                if gap_b * far_a < gap_a * far_b { b } else { a }
            });
            let Some(least) = least else { return };
            self.remove(least);
        }
    }

    /// The last checkpoint at or before that event number.
    pub fn nearest(&self, number: u64) -> Option<&W> {
        let at = self.kept.partition_point(|c| c.number <= number);
        at.checked_sub(1).map(|i| &self.kept[i].world)
    }

    /// The last checkpoint at or before that moment.
    pub fn nearest_time(&self, t: Time) -> Option<&W> {
        let at = self.kept.partition_point(|c| c.world.now() <= t);
        at.checked_sub(1).map(|i| &self.kept[i].world)
    }

    /// The world as it was after `number` events: a copy of the nearest checkpoint, stepped forward. A world that ends
    /// before that is returned as it ended. None when no checkpoint is that old.
    pub fn seek(&self, number: u64) -> Option<W> {
        let mut world = self.nearest(number)?.clone();
        while world.number() < number && world.step() {}
        Some(world)
    }

    /// The world as it was when everything due up to `t`, and at `t`, had happened. None when no checkpoint is that
    /// old.
    pub fn seek_time(&self, t: Time) -> Option<W> {
        let at = self.kept.partition_point(|c| c.world.now() <= t);
        let nearest = &self.kept[at.checked_sub(1)?];
        // Only stepping tells that an event was too late, so the way is gone twice: to count, and to stop.
        let (mut scout, mut number) = (nearest.world.clone(), nearest.number);
        while scout.step() && scout.now() <= t {
            number = scout.number();
        }
        let mut world = nearest.world.clone();
        while world.number() < number && world.step() {}
        Some(world)
    }

    /// Forgets the checkpoints after that event number: the future they stood in is no more.
    pub fn truncate_after(&mut self, number: u64) {
        self.kept.truncate(self.kept.partition_point(|c| c.number <= number));
        self.weight = self.kept.iter().map(|c| c.weight).sum();
    }

    /// The event numbers at which checkpoints stand.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.kept.iter().map(|c| c.number)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What they weigh together, in bytes.
    pub fn weight(&self) -> usize {
        self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Duration, Fingerprint, Kernel, Limits, QueueKind, Seed, Stream};
    use proptest::prelude::*;

    #[derive(Clone)]
    struct Toy {
        kernel: Kernel<u32>,
        chance: Stream,
        end: u64,
    }

    impl Toy {
        fn new(end: u64) -> Toy {
            let mut kernel = Kernel::new(Time::ZERO, QueueKind::default(), Limits::default());
            (0..10).for_each(|i| {
                kernel.schedule(Time::from_nanos(i64::from(i)), i);
            });
            Toy { kernel, chance: Seed(3).stream("toy", &()), end }
        }

        fn state(&self) -> (u64, Time, Fingerprint) {
            (self.number(), self.now(), self.kernel.fingerprint())
        }
    }

    impl Replay for Toy {
        fn step(&mut self) -> bool {
            if self.kernel.handled() >= self.end {
                return false;
            }
            let Some(happening) = self.kernel.pop() else { return false };
            self.kernel.schedule_in(Duration::from_nanos(self.chance.below(50) as i64), happening.event);
            true
        }
        fn number(&self) -> u64 {
            self.kernel.handled()
        }
        fn now(&self) -> Time {
            self.kernel.now()
        }
        fn weight(&self) -> usize {
            1_000
        }
    }

    /// A run with its checkpoints, and the state after each number of events.
    fn run(end: u64, budget: usize, spacing: u64) -> (Checkpoints<Toy>, Vec<(u64, Time, Fingerprint)>) {
        let (mut world, mut checkpoints) = (Toy::new(end), Checkpoints::new(budget, spacing));
        let mut states = vec![world.state()];
        checkpoints.offer(&world);
        while world.step() {
            checkpoints.offer(&world);
            states.push(world.state());
        }
        (checkpoints, states)
    }

    proptest! {
        #[test]
        fn seeking_any_event_equals_a_fresh_run(
            end in 1u64..3_000, budget in 0usize..60_000, spacing in 0u64..300, at: prop::sample::Index,
        ) {
            let (checkpoints, states) = run(end, budget, spacing);
            let number = at.index(states.len());
            prop_assert_eq!(checkpoints.seek(number as u64).unwrap().state(), states[number]);
            let t = states[number].1;
            let last = states.iter().rposition(|s| s.1 <= t).unwrap();
            prop_assert_eq!(checkpoints.seek_time(t).unwrap().state(), states[last]);
            prop_assert!(checkpoints.weight() <= budget.max(2_000));
            prop_assert_eq!(checkpoints.weight(), checkpoints.len() * 1_000);
        }
    }

    #[test]
    fn old_ones_are_few_and_recent_ones_dense() {
        let (checkpoints, _) = run(100_000, usize::MAX, 100);
        assert!(checkpoints.len() < 150, "{}", checkpoints.len());
        let numbers: Vec<_> = checkpoints.numbers().collect();
        assert_eq!(numbers[0], 0);
        for pair in numbers.windows(2) {
            let distance = 100_000 - pair[1];
            assert!(pair[1] - pair[0] <= (distance / 4).max(100), "a gap at {pair:?}");
        }
    }

    #[test]
    fn beyond_the_end_is_the_end_and_before_the_beginning_is_nothing() {
        let (checkpoints, states) = run(500, usize::MAX, 50);
        assert_eq!(checkpoints.seek(9_999).unwrap().state(), *states.last().unwrap());
        assert!(checkpoints.seek_time(Time::from_nanos(-1)).is_none());
        let empty: Checkpoints<Toy> = Checkpoints::new(0, 1);
        assert!(empty.seek(0).is_none());
    }

    #[test]
    fn a_dropped_future_is_forgotten_and_the_past_can_be_refilled() {
        let (mut checkpoints, states) = run(50_000, usize::MAX, 50);
        checkpoints.truncate_after(30_000);
        assert!(checkpoints.numbers().all(|n| n <= 30_000));
        assert_eq!(checkpoints.seek(40_000).unwrap().state(), states[40_000]);
        // Looking into the past: what is offered on the way stays near.
        let mut world = checkpoints.nearest(10_000).unwrap().clone();
        while world.number() < 10_000 {
            world.step();
            checkpoints.offer(&world);
        }
        assert!(checkpoints.nearest(9_999).unwrap().number() >= 9_900);
    }
}

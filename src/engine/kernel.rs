//! The event loop's own state: clock, queue, payloads, causes, fingerprint, limits.
//!
//! It decides when and in which order; what an event means is the world's business. Payloads stand in a slab apart from
//! the queue, so that the queue moves small entries and a copy of the whole is a few runs of memory.

use std::fmt;
use std::hash::Hash;

use super::fingerprint::Fingerprint;
use super::limits::{LimitReached, Limits};
use super::queue::{Entry, EventQueue, Queue, QueueKind};
use super::time::{Duration, Time};

/// The name of an event: its sequence number, given when it is scheduled. It says in which order events were thought
/// of, not in which they were handled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct EventId(pub u64);

impl EventId {
    /// What was there before anything happened: the cause of everything scheduled outside of any event.
    pub const ROOT: EventId = EventId(0);
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event whose time has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Happening<E> {
    /// Its name.
    pub id: EventId,
    /// The event that was being handled when this one was scheduled.
    pub cause: EventId,
    /// When it happens, which is now.
    pub at: Time,
    /// What happens.
    pub event: E,
}

/// Where the present comes from: what a [trace](super::Trace) record says beside what happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The event being handled.
    pub event: EventId,
    /// Its cause.
    pub cause: EventId,
    /// The nearest event up the chain of causes that was [marked notable](Kernel::mark_notable), not counting `event`
    /// itself.
    pub landmark: EventId,
    /// Now.
    pub at: Time,
}

#[derive(Clone, Debug)]
struct Payload<E> {
    /// None when the place is free.
    event: Option<E>,
    cause: EventId,
    landmark: EventId,
}

/// The event loop's own state. The world owns one, pops an event, handles it, schedules what follows.
#[derive(Clone, Debug)]
pub struct Kernel<E> {
    now: Time,
    queue: Queue,
    payloads: Vec<Payload<E>>,
    free: Vec<u32>,
    /// The sequence number of the last event scheduled.
    last: u64,
    current: EventId,
    cause: EventId,
    landmark: EventId,
    notable: bool,
    handled: u64,
    fingerprint: Fingerprint,
    limits: Limits,
}

impl<E> Kernel<E> {
    /// A kernel whose clock shows `start`, with nothing scheduled.
    pub fn new(start: Time, queue: QueueKind, limits: Limits) -> Kernel<E> {
        Kernel {
            now: start,
            queue: Queue::new(queue),
            payloads: Vec::new(),
            free: Vec::new(),
            last: EventId::ROOT.0,
            current: EventId::ROOT,
            cause: EventId::ROOT,
            landmark: EventId::ROOT,
            notable: false,
            handled: 0,
            fingerprint: Fingerprint::new(),
            limits,
        }
    }

    /// The present moment.
    #[inline]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The event being handled (or handled last): the cause of what is scheduled now.
    #[inline]
    pub fn current(&self) -> EventId {
        self.current
    }

    /// The present with its causes, for the trace.
    #[inline]
    pub fn origin(&self) -> Origin {
        Origin { event: self.current, cause: self.cause, landmark: self.landmark, at: self.now }
    }

    /// Makes the event being handled a landmark: whatever follows from what is scheduled from here on can name it as
    /// its nearest notable cause, even when all between has been forgotten. Has no effect on the run or its
    /// fingerprint.
    #[inline]
    pub fn mark_notable(&mut self) {
        self.notable = true;
    }

    /// Lets `event` happen at `at`, caused by the event being handled. Of several at one moment, the first scheduled is
    /// first.
    ///
    /// # Panics
    /// If `at` has passed: that is a bug in the caller.
    #[inline]
    pub fn schedule(&mut self, at: Time, event: E) -> EventId {
        assert!(at >= self.now, "an event scheduled for {at}, which is past: it is {}", self.now);
        self.last += 1;
        let landmark = if self.notable { self.current } else { self.landmark };
        let payload = Payload { event: Some(event), cause: self.current, landmark };
        let slot = if let Some(slot) = self.free.pop() {
            self.payloads[slot as usize] = payload;
            slot
        } else {
            self.payloads.push(payload);
            u32::try_from(self.payloads.len() - 1).expect("fewer than 2^32 events wait; Limits::pending is far below")
        };
        self.queue.push(Entry { at, sequence: self.last, slot });
        EventId(self.last)
    }

    /// Lets `event` happen `after` from now; at once, when that is negative, as Go's timers do.
    #[inline]
    pub fn schedule_in(&mut self, after: Duration, event: E) -> EventId {
        self.schedule(self.now + after.max(Duration::ZERO), event)
    }

    /// Makes an input from outside an event of its own at the present moment: it has an id, counts as handled, is
    /// folded into the fingerprint, and is the cause of what is scheduled until the next event.
    pub fn begin(&mut self, event: &(impl Hash + ?Sized)) -> EventId {
        self.last += 1;
        self.enter(EventId(self.last), EventId::ROOT, EventId::ROOT);
        self.fingerprint.fold_hash(event);
        self.current
    }

    /// What is scheduled from here on, until the next event, follows from this input, which was handled earlier. It changes
    /// what the trace says of causes, and neither the run nor its fingerprint.
    pub fn attribute_to(&mut self, input: EventId) {
        (self.current, self.cause, self.landmark, self.notable) = (input, EventId::ROOT, EventId::ROOT, true);
    }

    /// When the next event is due.
    #[inline]
    pub fn next_time(&mut self) -> Option<Time> {
        self.queue.peek()
    }

    /// Takes the next event; the clock moves to its moment, and it becomes the [current](Kernel::current) one.
    #[inline]
    pub fn pop(&mut self) -> Option<Happening<E>>
    where
        E: Hash,
    {
        let entry = self.queue.pop()?;
        let payload = &mut self.payloads[entry.slot as usize];
        let event = payload.event.take().expect("a queue entry has its payload");
        let (cause, landmark) = (payload.cause, payload.landmark);
        self.free.push(entry.slot);
        self.now = entry.at;
        let id = EventId(entry.sequence);
        self.enter(id, cause, landmark);
        event.hash(&mut self.fingerprint);
        Some(Happening { id, cause, at: entry.at, event })
    }

    #[inline]
    fn enter(&mut self, id: EventId, cause: EventId, landmark: EventId) {
        (self.current, self.cause, self.landmark, self.notable) = (id, cause, landmark, false);
        self.handled += 1;
        self.fingerprint.fold(id.0);
        self.fingerprint.fold(self.now.nanos() as u64);
    }

    /// Moves the clock forward to `t` without handling anything. Call [`Kernel::begin`] before scheduling there: the
    /// current event stays.
    ///
    /// # Panics
    /// If `t` has passed or an event is due before it: that is a bug in the caller.
    pub fn advance_to(&mut self, t: Time) {
        assert!(t >= self.now, "the clock cannot go back from {} to {t}", self.now);
        if let Some(next) = self.next_time() {
            assert!(next >= t, "the clock cannot move to {t}: an event is due at {next}");
        }
        self.now = t;
    }

    /// How many events have been handled, inputs included: the "event number" of the present.
    #[inline]
    pub fn handled(&self) -> u64 {
        self.handled
    }

    /// How many events wait.
    #[inline]
    pub fn pending(&self) -> usize {
        self.queue.len()
    }

    /// The fingerprint of all that was handled or folded in so far.
    #[inline]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Folds something more into the fingerprint: a decision that no event shows.
    #[inline]
    pub fn fold(&mut self, value: &(impl Hash + ?Sized)) {
        self.fingerprint.fold_hash(value);
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The limit that the run has come to, if it has. Ask before each event.
    #[inline]
    pub fn limit_reached(&self) -> Option<LimitReached> {
        let at = self.now;
        if self.handled >= self.limits.events {
            Some(LimitReached::Events { limit: self.limits.events, at })
        } else if self.pending() > self.limits.pending {
            Some(LimitReached::Pending { limit: self.limits.pending, at })
        } else if at > self.limits.until {
            Some(LimitReached::Until { limit: self.limits.until, at })
        } else {
            None
        }
    }

    /// Bytes that a copy takes, roughly; what payloads own on the heap is not counted.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.queue.weight() + self.payloads.len() * (size_of::<Payload<E>>() + size_of::<u32>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Kernel<&'static str> {
        Kernel::new(Time::from_nanos(-5), QueueKind::default(), Limits::default())
    }

    #[test]
    fn equal_moments_keep_the_order_of_scheduling() {
        let mut k = kernel();
        for event in ["a", "b", "c"] {
            k.schedule(Time::ZERO, event);
        }
        k.schedule(Time::from_nanos(-1), "before");
        let order: Vec<_> = std::iter::from_fn(|| k.pop().map(|h| h.event)).collect();
        assert_eq!(order, ["before", "a", "b", "c"]);
        assert_eq!((k.handled(), k.pending(), k.now()), (4, 0, Time::ZERO));
    }

    #[test]
    fn causes_and_landmarks_follow_the_chain() {
        let mut k = kernel();
        let input = k.begin("an input");
        k.mark_notable();
        let a = k.schedule_in(Duration::from_secs(1), "a");
        k.pop();
        let b = k.schedule_in(Duration::from_secs(1), "b");
        assert_eq!(k.origin(), Origin { event: a, cause: input, landmark: input, at: k.now() });
        k.pop();
        assert_eq!(k.origin(), Origin { event: b, cause: a, landmark: input, at: k.now() });
        k.begin("another");
        assert_eq!(k.origin().cause, EventId::ROOT);
    }

    #[test]
    fn the_fingerprint_does_not_depend_on_the_queue_nor_on_marks() {
        let run = |kind, mark: bool, seed: u64| {
            let mut k = Kernel::new(Time::ZERO, kind, Limits::default());
            let mut chance = super::super::Seed(seed).stream("test", &());
            for i in 0..500u64 {
                k.schedule_in(Duration::from_nanos(chance.below(1 << 33) as i64), i);
            }
            while k.handled() < 20_000 {
                let happening = k.pop().unwrap();
                if mark && happening.event % 7 == 0 {
                    k.mark_notable();
                }
                k.schedule_in(Duration::from_nanos(chance.below(1 << 33) as i64), happening.event);
            }
            k.fingerprint()
        };
        let expected = run(QueueKind::Heap, false, 1);
        assert_eq!(run(QueueKind::Wheel, false, 1), expected);
        assert_eq!(run(QueueKind::Wheel, true, 1), expected);
        assert_ne!(run(QueueKind::Wheel, false, 2), expected);
    }

    #[test]
    fn a_copy_goes_on_the_same() {
        let mut k = kernel();
        k.schedule_in(Duration::from_secs(1), "a");
        k.schedule_in(Duration::from_secs(2), "b");
        k.pop();
        let mut copy = k.clone();
        assert_eq!(k.pop(), copy.pop());
        assert_eq!(k.fingerprint(), copy.fingerprint());
    }

    #[test]
    fn limits_say_what_was_reached() {
        let limits = Limits { events: 1, pending: 1, until: Time::ZERO };
        let mut k = Kernel::new(Time::from_nanos(-5), QueueKind::Heap, limits);
        assert_eq!(k.limit_reached(), None);
        k.schedule(Time::from_nanos(1), 1u8);
        k.schedule(Time::from_nanos(1), 2u8);
        assert!(matches!(k.limit_reached(), Some(LimitReached::Pending { limit: 1, .. })));
        k.pop();
        assert!(matches!(k.limit_reached(), Some(LimitReached::Events { limit: 1, .. })));
        let text = LimitReached::Pending { limit: 1, at: Time::ZERO }.to_string();
        assert!(text.contains("more than 1 events are waiting"), "{text}");
    }

    #[test]
    #[should_panic(expected = "which is past")]
    fn the_past_is_closed() {
        kernel().schedule(Time::from_nanos(-6), "too late");
    }

    #[test]
    #[should_panic(expected = "an event is due")]
    fn the_clock_passes_no_event() {
        let mut k = kernel();
        k.schedule(Time::ZERO, "due");
        k.advance_to(Time::from_nanos(1));
    }
}

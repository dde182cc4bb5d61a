//! Links that go down and up by themselves.

use crate::engine::Duration;
use crate::net::HostId;
use crate::swarm::world::World;
use crate::swarm::world::event::Event;
use crate::swarm::world::record::What;
use std::collections::BTreeMap;

/// The links that flap, each named by its lower host first.
#[derive(Clone, Debug, Default)]
pub struct Flaps {
    links: BTreeMap<(HostId, HostId), Flap>,
    begun: u64,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Flap {
    every: Duration,
    /// Which flapping it is: events of an earlier one are void.
    number: u64,
    down: bool,
}

fn pair(a: HostId, b: HostId) -> (HostId, HostId) {
    (a.min(b), a.max(b))
}

impl World {
    /// Cuts a link both ways, or mends it.
    pub(super) fn set_link_down(&mut self, a: HostId, b: HostId, down: bool) {
        if down {
            self.env.net.cut(a, b);
            self.env.net.cut(b, a);
        } else {
            self.env.net.heal_between(a, b);
        }
    }

    /// The link keeps the state that it has.
    pub(super) fn stop_flapping(&mut self, a: HostId, b: HostId) {
        self.env.flaps.links.remove(&pair(a, b));
    }

    /// The link begins to flap, down at first; or it is mended and stays so.
    pub(super) fn set_flapping(&mut self, a: HostId, b: HostId, every: Option<Duration>) {
        let (a, b) = pair(a, b);
        self.stop_flapping(a, b);
        self.set_link_down(a, b, every.is_some());
        if let Some(every) = every {
            self.env.flaps.begun += 1;
            let number = self.env.flaps.begun;
            self.env.flaps.links.insert((a, b), Flap { every, number, down: true });
            self.env.kernel.schedule_in(every, Event::Flap(a, b, number));
        }
    }

    /// It is time for the other state.
    pub(in crate::swarm::world) fn flap(&mut self, a: HostId, b: HostId, number: u64) {
        let Some(flap) = self.env.flaps.links.get_mut(&(a, b)).filter(|flap| flap.number == number) else { return };
        flap.down = !flap.down;
        let Flap { every, down, .. } = *flap;
        self.set_link_down(a, b, down);
        let way = if down { "down" } else { "up" };
        let text = format!("link {} {} {way}", self.env.name(a), self.env.name(b));
        self.env.record(What::Fault { text: text.into() });
        self.env.kernel.schedule_in(every, Event::Flap(a, b, number));
    }
}

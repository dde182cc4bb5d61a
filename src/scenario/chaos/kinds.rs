//! The kinds of faults that chaos may bring: one row each, with how its lines are drawn.
//!
//! A row knows the lab's verbs and nothing of worlds. Its draws come from the fault's own stream, so that a row more moves
//! no other fault.

use crate::engine::{Duration, Stream};
use crate::net::LinkSpec;
use crate::session::shell::amount::Share;

/// A kind of fault.
pub struct Kind {
    /// Its word in `faults = [..]`.
    pub word: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Draws one against `ground.victim`; none where it cannot be.
    pub(super) draw: fn(&Ground, &mut Stream) -> Option<Wound>,
}

/// What a fault is drawn from.
pub(super) struct Ground<'a> {
    /// Whom it hits.
    pub(super) victim: &'a str,
    /// Other targets that are whole, which may be hurt with it.
    pub(super) spare: Vec<&'a str>,
    /// Every host of the cluster.
    pub(super) hosts: Vec<&'a str>,
    /// How many hosts may be hurt, the victim included.
    pub(super) room: usize,
    /// How a wire is when it is well.
    pub(super) link: LinkSpec,
}

/// A fault drawn: the line that brings it, the line that mends it, and who is hurt meanwhile.
pub(super) struct Wound {
    pub(super) line: String,
    pub(super) mend: String,
    pub(super) hurt: Vec<String>,
}

impl Wound {
    /// One that hurts the victim alone.
    fn of(ground: &Ground, line: String, mend: String) -> Option<Self> {
        Some(Self { line, mend, hurt: vec![ground.victim.to_owned()] })
    }
}

/// Every kind. Its place has no meaning but in the documentation.
pub const KINDS: &[Kind] = &[
    Kind {
        word: "kill",
        about: "a power cut; the host boots again",
        draw: |ground, _| Wound::of(ground, format!("kill {}", ground.victim), format!("boot {}", ground.victim)),
    },
    Kind {
        word: "kill daemon",
        about: "SIGKILL of the docker daemon, whose containers live on; it is started again",
        draw: |ground, _| {
            Wound::of(ground, format!("kill {} daemon", ground.victim), format!("boot {}", ground.victim))
        },
    },
    Kind {
        word: "stop daemon",
        about: "the docker daemon is stopped in order, its containers with it; it is started again",
        draw: |ground, _| {
            Wound::of(ground, format!("stop {} daemon", ground.victim), format!("boot {}", ground.victim))
        },
    },
    Kind {
        word: "pause",
        about: "the host's processes stand still, then go on as if no time had passed",
        draw: |ground, _| Wound::of(ground, format!("pause {}", ground.victim), format!("resume {}", ground.victim)),
    },
    Kind {
        word: "partition",
        about: "some targets, and each host that is no target by the toss of a coin, are cut off from the rest",
        draw: partition,
    },
    Kind { word: "cut", about: "nothing that the host sends reaches one other; the way back stays open", draw: cut },
    Kind { word: "link", about: "the wire to one other host is slow (50ms to 1s) and lossy (0% to 30%)", draw: link },
    Kind { word: "disk", about: "each write to the host's disk takes 50ms to 2s", draw: disk },
    Kind {
        word: "disk full",
        about: "the host's disk takes no more writes; then there is room again",
        draw: |ground, _| {
            Wound::of(ground, format!("disk {} full", ground.victim), format!("disk {} ok", ground.victim))
        },
    },
    Kind { word: "flap", about: "the wire to one other host goes down and up every 1s to 10s", draw: flap },
];

/// The wounded go to one side, the whole targets to the other, and every other host to either.
fn partition(ground: &Ground, draw: &mut Stream) -> Option<Wound> {
    let mut spare = ground.spare.clone();
    draw.shuffle(&mut spare);
    let more = draw.below(ground.room.min(spare.len() + 1) as u64) as usize;
    let hurt: Vec<&str> = std::iter::once(ground.victim).chain(spare.into_iter().take(more)).collect();
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for &host in &ground.hosts {
        let side = match (hurt.contains(&host), ground.spare.contains(&host)) {
            (true, _) => true,
            (false, true) => false,
            (false, false) => draw.chance(1, 2),
        };
        if side { here.push(host) } else { there.push(host) }
    }
    if there.is_empty() {
        return None;
    }
    Some(Wound {
        line: format!("partition {} | {}", here.join(" "), there.join(" ")),
        // Every cut has one end on this side.
        mend: format!("heal {}", here.join(" ")),
        hurt: hurt.into_iter().map(str::to_owned).collect(),
    })
}

/// Any other host.
fn other<'a>(ground: &Ground<'a>, draw: &mut Stream) -> Option<&'a str> {
    let others: Vec<&str> = ground.hosts.iter().copied().filter(|host| *host != ground.victim).collect();
    (!others.is_empty()).then(|| others[draw.below(others.len() as u64) as usize])
}

fn cut(ground: &Ground, draw: &mut Stream) -> Option<Wound> {
    let other = other(ground, draw)?;
    Wound::of(ground, format!("cut {} -> {other}", ground.victim), format!("heal {}", ground.victim))
}

fn link(ground: &Ground, draw: &mut Stream) -> Option<Wound> {
    let other = other(ground, draw)?;
    let latency = Duration::from_millis(50 + 10 * draw.below(96) as i64);
    let jitter = latency / 2;
    let loss = Share(10_000 * draw.below(31) as u32);
    let (a, well) = (ground.victim, ground.link);
    let mend = format!(
        "link {a} {other} latency={} jitter={} loss={} duplicate={}",
        well.latency,
        well.jitter,
        Share(well.loss_per_million),
        Share(well.duplicate_per_million)
    );
    Wound::of(ground, format!("link {a} {other} latency={latency} jitter={jitter} loss={loss}"), mend)
}

fn flap(ground: &Ground, draw: &mut Stream) -> Option<Wound> {
    let other = other(ground, draw)?;
    let every = 1 + draw.below(10);
    let (a, mend) = (ground.victim, format!("link {} {other} flap=off", ground.victim));
    Wound::of(ground, format!("link {a} {other} flap={every}s"), mend)
}

fn disk(ground: &Ground, draw: &mut Stream) -> Option<Wound> {
    let slow = Duration::from_millis(50 + 10 * draw.below(196) as i64);
    Wound::of(ground, format!("disk {} slow={slow}", ground.victim), format!("disk {} ok", ground.victim))
}

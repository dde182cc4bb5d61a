//! The world from outside, in tables for people: consensus, wires, time.
//!
//! It tells what is, not what the cluster believes. It decides nothing and changes nothing.

use super::{Observed, View};
use crate::engine::{Duration, Time};
use crate::net::{HostId, LinkSpec};
use crate::raft::{MemberId, Role};
use crate::swarm::scheduler::Policy;
use crate::swarm::world::{Clock, DaemonState, World};
use std::fmt::Write;

/// Columns as wide as their widest cell; numbers would not be easier to read to the right.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        let _ = writeln!(out, "{}", cells.join("  ").trim_end());
    }
    out
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// How the registries are.
fn registry(world: &World) -> String {
    let registry = &world.env.registry;
    let lost: Vec<&str> = registry.lost().map(|host| &**world.env.name(host)).collect();
    let mut text = if registry.is_down() { "down" } else { "up" }.to_owned();
    if registry.delay() > Duration::ZERO && !registry.is_down() {
        let _ = write!(text, ", and every pull takes {} longer", registry.delay());
    }
    if !lost.is_empty() {
        let _ = write!(text, ", not reached by {}", lost.join(", "));
    }
    text
}

/// All of it in short.
pub fn summary(world: &World) -> String {
    let view = Observed(world);
    let consensus = view.raft();
    let mut out = format!("time      {}, {} events\n", world.now(), world.env.kernel.handled());
    let leader = if consensus.leader.is_empty() { "no leader" } else { &consensus.leader };
    let quorum = if consensus.quorum { "a quorum" } else { "no quorum" };
    let _ = writeln!(out, "raft      {leader}, term {}, {quorum}, commit {}", consensus.term, consensus.commit);
    let up = view.hosts().iter().filter(|host| host.daemon && !host.paused).count();
    let _ = writeln!(out, "hosts     {} of {} serve", up, world.hosts().len());
    let running = view.containers().iter().filter(|container| container.running).count();
    let _ = writeln!(out, "truth     {running} containers run");
    match view.tasks() {
        Some(tasks) => {
            let running = tasks.iter().filter(|task| &*task.state == "running").count();
            let _ = writeln!(out, "belief    {running} tasks run");
        }
        None => out.push_str("belief    none: nobody leads\n"),
    }
    let (cuts, blocked) = (world.env.net.cuts().len(), world.env.net.blocked().count());
    let _ = writeln!(out, "wires     {cuts} cut one way, {blocked} ports blocked");
    if world.env.policy != Policy::default() {
        let _ = writeln!(out, "placement {}", world.env.policy.about());
    }
    let _ = writeln!(out, "registry  {}", registry(world));
    out
}

/// The members of the consensus, and what the leader knows of its followers.
pub fn raft(world: &World) -> String {
    let view = Observed(world);
    let consensus = view.raft();
    if consensus.members.is_empty() {
        return "no host is a member of a swarm's consensus\n".into();
    }
    let leader = if consensus.leader.is_empty() { "nobody leads" } else { &consensus.leader };
    let quorum = if consensus.quorum { "a majority is up and reachable" } else { "no majority is up and reachable" };
    let mut out = format!("leader: {leader}   term: {}   quorum: {quorum}\n\n", consensus.term);
    let mut rows = vec![row(["MEMBER", "ROLE", "TERM", "VOTE", "LAST", "COMMIT", "APPLIED", "SILENT"])];
    for member in &consensus.members {
        let manager = world.host_named(&member.name).and_then(|host| world.host(host).manager.as_ref());
        let Some(manager) = manager else {
            rows.push(row([&member.name, "down", "-", "-", "-", "-", "-", "-"]));
            continue;
        };
        let machine = &manager.raft;
        let role = if member.up { member.role.to_string() } else { format!("{} (paused)", member.role) };
        let vote = name_of(world, machine.vote());
        let silent = match machine.role() {
            Role::Leader => "-".to_owned(),
            _ => format!("{} of {} ticks", machine.election_elapsed(), machine.randomized_timeout()),
        };
        let number = |number: u64| number.to_string();
        rows.push(vec![
            member.name.to_string(),
            role,
            number(machine.term()),
            vote,
            number(machine.last_index()),
            number(machine.commit()),
            number(machine.applied()),
            silent,
        ]);
    }
    out += &table(&rows);
    if let Some((host, manager)) = view.leader() {
        let _ = writeln!(out, "\nwhat {} knows of its followers:", world.env.name(host));
        let mut rows = vec![row(["FOLLOWER", "MATCH", "NEXT", "STATE", "IN FLIGHT", "HEARD OF"])];
        for progress in manager.raft.progress().filter(|progress| progress.id != manager.member) {
            rows.push(vec![
                name_of(world, progress.id),
                progress.matched.to_string(),
                progress.next.to_string(),
                format!("{:?}", progress.state).to_lowercase(),
                progress.inflight().to_string(),
                if progress.recent_active { "yes" } else { "no" }.to_owned(),
            ]);
        }
        out += &table(&rows);
    }
    out
}

/// The host of a Raft member.
fn name_of(world: &World, member: MemberId) -> String {
    let on_disk =
        |id: MemberId| world.hosts().iter().find(|h| h.disk.raft.as_ref().is_some_and(|raft| raft.member == id));
    let running = |id: MemberId| world.hosts().iter().find(|h| h.manager.as_ref().is_some_and(|m| m.member == id));
    match running(member).or_else(|| on_disk(member)) {
        Some(host) => host.name.to_string(),
        None => "-".into(),
    }
}

fn quality(spec: &LinkSpec) -> String {
    let percent = |per_million: u32| f64::from(per_million) / 10_000.0;
    let mut out = format!("latency {} + up to {}", spec.latency, spec.jitter);
    if spec.loss_per_million > 0 {
        let _ = write!(out, ", loss {}%", percent(spec.loss_per_million));
    }
    if spec.duplicate_per_million > 0 {
        let _ = write!(out, ", duplicate {}%", percent(spec.duplicate_per_million));
    }
    out
}

/// Wires and doors: what is cut, blocked, or unlike the others.
pub fn net(world: &World) -> String {
    let net = &world.env.net;
    let name = |host: HostId| &**world.env.name(host);
    let mut out = format!("every link: {}\n", quality(&net.default_link()));
    let own: Vec<_> = net.own_links().filter(|(a, b, _)| a < b).collect();
    for (a, b, spec) in &own {
        let _ = writeln!(out, "but {} - {}: {}", name(*a), name(*b), quality(spec));
    }
    let cuts = net.cuts();
    out.push_str(if cuts.is_empty() { "\nno wire is cut\n" } else { "\ncut:\n" });
    for &(a, b) in &cuts {
        let both = cuts.contains(&(b, a));
        if both && a < b {
            let _ = writeln!(out, "  {} | {}   both ways", name(a), name(b));
        } else if !both {
            let _ = writeln!(out, "  {} -> {}   one way", name(a), name(b));
        }
    }
    let blocked: Vec<_> = net.blocked().collect();
    out.push_str(if blocked.is_empty() { "no port is blocked\n" } else { "blocked:\n" });
    for (host, port) in blocked {
        let what = match port {
            2377 => " (managers: raft, agents, the API of other nodes)",
            7946 => " (gossip)",
            4789 => " (overlay networks)",
            _ => "",
        };
        let _ = writeln!(out, "  {} {port}{what}", name(host));
    }
    let silent: Vec<String> = world
        .hosts()
        .iter()
        .filter_map(|host| match host.daemon {
            DaemonState::Off => Some(format!("{} is off", host.name)),
            _ if host.is_paused() => Some(format!("{} is paused", host.name)),
            DaemonState::Killed | DaemonState::Stopped => Some(format!("the daemon of {} does not run", host.name)),
            DaemonState::Starting => Some(format!("the daemon of {} is starting", host.name)),
            DaemonState::Running => None,
        })
        .collect();
    for line in silent {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// How wrong a clock is: `+30s`, `-1.8ms, 50ppm slow`.
fn clock(clock: Clock, now: Time) -> String {
    if clock.is_right() {
        return "right".into();
    }
    let ahead = clock.wall(now) - now;
    let ahead = if ahead < Duration::ZERO { ahead.to_string() } else { format!("+{ahead}") };
    let (parts, way) = (clock.drift().unsigned_abs(), if clock.drift() < 0 { "slow" } else { "fast" });
    match (parts / 1000, parts % 1000) {
        (0, 0) => ahead,
        (ppm, 0) => format!("{ahead}, {ppm}ppm {way}"),
        (ppm, rest) => format!("{ahead}, {ppm}.{}ppm {way}", format!("{rest:03}").trim_end_matches('0')),
    }
}

/// Clocks, periods, and what runs towards an end.
pub fn time(world: &World) -> String {
    let settings = &world.env.settings;
    let mut out = format!(
        "it is {} ({} since the start); {} events are past, {} wait\n",
        world.now(),
        world.now().since(Time::ZERO),
        world.env.kernel.handled(),
        world.env.kernel.pending(),
    );
    let _ = writeln!(
        out,
        "raft: a tick is {}; a leader speaks every {}, an election comes after {} to {} silent ones",
        settings.tick,
        if settings.heartbeat_tick == 1 { "tick".to_owned() } else { format!("{} ticks", settings.heartbeat_tick) },
        settings.election_tick,
        settings.election_tick * 2 - 1,
    );
    let _ = writeln!(
        out,
        "agents: a heartbeat every {}; a node is down after 3 missed; {}\n",
        settings.heartbeat_period,
        match world.hosts().iter().filter(|host| !host.clock.is_right()).count() {
            0 => "every clock is right".to_owned(),
            1 => "one clock is wrong".to_owned(),
            wrong => format!("{wrong} clocks are wrong"),
        }
    );
    let mut rows = vec![row(["HOST", "BOOT", "CLOCK", "DISK WRITE", "ELECTION TIMER", "AGENT'S MANAGER"])];
    for host in world.hosts() {
        let timer = match &host.manager {
            None => "-".into(),
            Some(manager) if manager.raft.role() == Role::Leader => "leads".into(),
            Some(manager) => {
                format!("{} of {} ticks", manager.raft.election_elapsed(), manager.raft.randomized_timeout())
            }
        };
        let speaks_with = host.agent.as_ref().and_then(|agent| agent.manager());
        rows.push(vec![
            host.name.to_string(),
            host.boot.to_string(),
            clock(host.clock, world.now()),
            if host.disk.full { "full".into() } else { host.disk.latency.to_string() },
            timer,
            speaks_with.map_or_else(|| "-".into(), |manager| world.env.name(manager).to_string()),
        ]);
    }
    out + &table(&rows)
}

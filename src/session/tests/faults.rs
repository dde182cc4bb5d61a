//! Faults of clocks, disks, links and processes, played from the prompt.

use super::*;

fn swarm(managers: usize, workers: usize) -> Lab {
    Lab::of(&DataCentre::swarm(7, managers, workers))
}

#[test]
fn a_clock_that_jumps_moves_what_its_host_writes_and_nothing_else() {
    let mut lab = swarm(1, 1);
    lab.out("clock w1 +1h; clock m1 -30s; wait 5s");
    assert_eq!(lab.out("on w1; date"), "2026-01-05T10:00:05Z\n");
    assert_eq!(lab.out("on m1; date"), "2026-01-05T08:59:35Z\n");
    lab.out("docker service create --name web --constraint node.role==worker nginx > /dev/null; wait 10s");
    let world = lab.session.world();
    let state = &world.host(HostId(0)).manager.as_ref().expect("it leads").state;
    let task = state.tasks.values().next().expect("one task");
    let ahead = task.status.timestamp - world.now();
    assert!(ahead > Duration::from_secs(3500) && ahead < Duration::from_secs(3600), "{ahead}");
    let service = state.services.values().next().expect("one service");
    assert!(service.meta.created_at < world.now() - Duration::from_secs(30), "{}", service.meta.created_at);
    assert_eq!(lab.out("docker node ls --format '{{.Status}}'"), "Ready\nReady\n");
    let table = lab.out("look time");
    assert!(table.contains("2 clocks are wrong") && table.contains("+1h") && table.contains("-30s"), "{table}");
}

#[test]
fn a_drifting_clock_gains_and_its_timers_follow() {
    let mut lab = swarm(3, 1);
    lab.out("clock w1 drift=-100000ppm; clock m1 drift=100000ppm; wait 100s");
    assert_eq!(lab.out("on w1; date; on m1"), "2026-01-05T09:01:30Z\n");
    let table = lab.out("look time");
    assert!(table.contains("-10s, 100000ppm slow") && table.contains("+10s, 100000ppm fast"), "{table}");
    // The loops of a leader with such a clock do their work: a lost container is replaced after the restart delay.
    lab.out("docker service create -d --name web --constraint node.hostname==w1 nginx; wait 20s; kill web.1");
    lab.out("wait 1s; clock m1 drift=-100000ppm; wait 30s");
    assert!(lab.out("docker service ls").contains("1/1"), "{}", lab.out("docker service ps web"));
    assert_eq!(lab.out("docker node ls --format '{{.Status}}' | sort | uniq -c | tr -s ' '"), " 4 Ready\n");
    lab.out("clock m1 drift=0ppm; wait 1m");
}

#[test]
fn a_full_disk_ends_the_manager_until_there_is_room() {
    let mut lab = swarm(3, 1);
    lab.out("wait 10s; disk m1 full");
    // The leader cannot write: it ends, and another one carries the command out.
    lab.run("docker service create -d --name one nginx");
    lab.out("wait 1m");
    let nodes = lab.out("on m2; docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'");
    assert!(nodes.contains("m1 Unreachable\n"), "{nodes}");
    lab.out("docker service create -d --name two nginx");
    let info = lab.out("on m1; docker info");
    assert!(info.contains(" Swarm: error\n") && info.contains("no space left on device\n"), "{info}");
    let (_, err, _) = lab.run("docker node ls");
    assert!(err.contains("This node is not a swarm manager."), "{err}");
    assert!(lab.out("look time").contains("full"));
    lab.out("disk m1 ok; wait 45s");
    let nodes = lab.out("docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'");
    assert!(nodes.contains("m1 Reachable\n"), "{nodes}");
    assert_eq!(lab.session.world().host(HostId(0)).broken, None);
    assert!(lab.out("docker service ls -q | wc -l").trim() != "0");
}

#[test]
fn a_full_disk_takes_no_new_containers() {
    let mut lab = swarm(1, 1);
    lab.out("disk w1 full; docker service create -d --name web --constraint node.role==worker nginx; wait 20s");
    let text = lab.out("docker service ps web --no-trunc --format '{{.CurrentState}} {{.Error}}'");
    assert!(text.contains("Rejected ") && text.contains("no space left on device"), "{text}");
    lab.out("disk w1 ok; wait 20s");
    assert!(lab.out("docker service ls").contains("1/1"));
}

#[test]
fn no_swarm_is_made_on_a_full_disk() {
    let mut lab = Lab::of(&DataCentre::machines(7, 1));
    let (out, err, status) = lab.run("disk h1 full; docker swarm init");
    assert!(out.is_empty() && err.contains("no space left on device") && status == 1, "{out}{err}");
    assert_eq!(lab.out("docker info | grep Swarm"), " Swarm: inactive\n");
    lab.out("disk h1 ok; wait 1m; docker swarm init; wait 5s");
    // What a power cut takes back is of this swarm, not of one that was left.
    lab.out("docker swarm leave --force; docker swarm init; wait 2s; kill h1; boot h1; wait 1m");
    assert_eq!(lab.out("docker node ls --format '{{.Status}} {{.ManagerStatus}}'"), "Ready Leader\n");
}

/// The last index on the manager's disk before and after a fault in the middle of a write.
fn last_index_around(fault: &str) -> (u64, u64) {
    let mut lab = swarm(1, 0);
    lab.out("disk m1 slow=200ms; wait 10s");
    let last =
        |lab: &Lab| lab.session.world().host(HostId(0)).disk.raft.as_ref().expect("a manager").stored.log.last_index();
    lab.session.type_lines(lab.terminal, "docker service create -d --name web nginx").expect("it parses");
    let middle = lab.session.world().now() + Duration::from_millis(100);
    lab.session.run(middle, |_| true);
    let before = last(&lab);
    let other = lab.session.open(HostId(0), None);
    lab.session.type_lines(other, fault).expect("it parses");
    (before, last(&lab))
}

#[test]
fn a_power_cut_loses_the_write_that_was_not_flushed_and_a_killed_daemon_does_not() {
    let (before, after) = last_index_around("kill m1 daemon");
    assert_eq!(after, before + 1);
    let (before, after) = last_index_around("kill m1");
    assert_eq!(after, before);
}

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    let mut lab = swarm(3, 0);
    lab.out("disk m1 slow=40ms; disk m2 slow=60ms; disk m3 slow=80ms; wait 10s");
    let mut made = Vec::new();
    for (round, pause) in [15, 70, 110, 160, 230, 310].into_iter().enumerate() {
        let (asked, victim) = (format!("m{}", round % 3 + 1), format!("m{}", (round + 1) % 3 + 1));
        let name = format!("s{round}");
        let line = format!("on {asked}; docker service create -d --name {name} nginx");
        lab.session.type_lines(lab.terminal, &line).expect("it parses");
        let until = lab.session.world().now() + Duration::from_millis(pause);
        lab.session.run(until, |_| true);
        let other = lab.session.open(HostId(0), None);
        lab.session.type_lines(other, &format!("kill {victim}")).expect("it parses");
        let (_, _, status) = lab.finish(lab.terminal);
        if status == 0 {
            made.push(name);
        }
        lab.out(&format!("boot {victim}; wait 40s"));
    }
    assert!(made.len() >= 4, "{made:?}");
    lab.out("wait 30s");
    let listed = lab.out("docker service ls --format '{{.Name}}'");
    assert!(made.iter().all(|name| listed.lines().any(|line| line == name)), "{made:?}\n{listed}");
    assert_eq!(lab.session.broken(), None);
}

#[test]
fn a_flapping_link_goes_down_and_up_until_it_is_told_not_to() {
    let mut lab = swarm(3, 0);
    let cuts = |lab: &Lab| lab.session.world().env.net.cuts().len();
    lab.out("link m1 m2 flap=2s");
    let mut seen = Vec::new();
    for _ in 0..4 {
        lab.pass(1);
        seen.push(cuts(&lab));
        lab.pass(1);
    }
    assert_eq!(seen, [2, 0, 2, 0]);
    lab.out("wait 1s; link m1 m2 flap=off; wait 10s");
    assert_eq!(cuts(&lab), 0);
    lab.out("link m2 m1 down; wait 10s");
    assert_eq!(cuts(&lab), 2);
    lab.out("link m1 m2 flap=2s; link m1 m2 up; wait 3s");
    assert_eq!(cuts(&lab), 0);
}

#[test]
fn a_paused_leader_comes_back_as_a_follower() {
    let mut lab = swarm(3, 0);
    lab.out("wait 10s; pause m1; wait 60s");
    let raft = |lab: &Lab, host: u16| {
        lab.session.world().host(HostId(host)).manager.as_ref().map(|m| (m.leads(), m.raft.term()))
    };
    let term = raft(&lab, 1).expect("a manager").1;
    assert!(raft(&lab, 1).is_some_and(|m| m.0) || raft(&lab, 2).is_some_and(|m| m.0));
    // It believes that no time has passed: it leads until it hears otherwise. Sixty ticks have become one.
    assert!(raft(&lab, 0).is_some_and(|(leads, old)| leads && old < term));
    lab.out("resume m1; wait 1s");
    assert_eq!(raft(&lab, 0), Some((false, term)));
    lab.out("wait 30s");
    assert_eq!(raft(&lab, 0), Some((false, term)));
    assert_eq!(lab.session.broken(), None);
}

#[test]
fn a_slow_registry_holds_every_pull_up() {
    let mut lab = swarm(1, 1);
    let took = |lab: &mut Lab, line: &str| {
        let before = lab.session.world().now();
        lab.out(&format!(
            "docker service create -d --name {line} > /dev/null; wait until services[\"{}\"].running == 1 for up to 5m",
            &line[..1]
        ));
        lab.session.world().now() - before
    };
    let usual = took(&mut lab, "a --constraint node.role==worker redis:1");
    lab.out("registry slow=40s");
    assert!(lab.out("look").contains("registry  up, and every pull takes 40s longer\n"));
    let slow = took(&mut lab, "b --constraint node.role==worker redis:2") - usual;
    assert!((Duration::from_secs(38)..Duration::from_secs(42)).contains(&slow), "{slow}");
    // What is there is not pulled.
    let again = took(&mut lab, "c --constraint node.role==worker redis:2");
    assert!(again < Duration::from_secs(10), "{again}");
    lab.out("registry up");
    assert!(lab.out("look").contains("registry  up\n"));
    let well = took(&mut lab, "d --constraint node.role==worker redis:3");
    assert!(well < Duration::from_secs(20), "{well}");
}

#[test]
fn ages_of_containers_are_told_by_the_clock_that_dated_them() {
    let mut lab = swarm(1, 1);
    lab.out(
        "clock w1 +1h; docker service create -d --name web --constraint node.role==worker nginx > /dev/null; wait 30s",
    );
    let ages = |lab: &mut Lab| lab.out("on w1; docker ps -a --format '{{.RunningFor}}, {{.Status}}'; on m1");
    let text = ages(&mut lab);
    assert!(text.contains("seconds ago, Up 2") && !text.contains("hour"), "{text}");
    lab.out("clock w1 +2h");
    assert_eq!(ages(&mut lab), "2 hours ago, Up 2 hours\n");
    lab.out("clock w1 -1h; wait 10s");
    assert_eq!(ages(&mut lab), "About an hour ago, Up About an hour\n");
    lab.out("clock w1 -10h");
    assert_eq!(ages(&mut lab), "Less than a second ago, Up Less than a second\n");
    // A host that was shut down in order tells when its containers ended, not when the lab began.
    lab.out("clock w1 +8h");
    lab.pass(3600);
    lab.out("stop w1; wait 10s; boot w1; wait 15s");
    let text = ages(&mut lab);
    assert!(text.lines().any(|line| line.contains("Exited (") && line.contains("seconds ago")), "{text}");
}

#[test]
fn a_clock_goes_no_further_than_dates_do() {
    let mut lab = swarm(1, 1);
    lab.out("clock w1 +876000h");
    let (_, err, status) = lab.run("clock w1 +1s");
    assert!(err.contains("the clock of w1 is off by 876000h0m0s already") && status == 1, "{err}");
    assert_eq!(lab.out("on w1; date"), "2125-12-12T09:00:00Z\n");
    lab.out("clock w1 -876000h; clock w1 -876000h; docker ps; wait 1m");
    let date = lab.out("date");
    assert!(date.starts_with("1926-01-30T09:01:00"), "{date}");
}

//! The lab's verbs that look, explain and hand files in.

use super::*;

fn killed() -> Lab {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name web --replicas 4 nginx; wait 20s; kill w1; wait 1m");
    lab
}

#[test]
fn looking_shows_tables() {
    let mut lab = Lab::of(&DataCentre::swarm(7, 3, 1));
    lab.run("partition m1 m2 w1 | m3; block w1 7946; link m1 m2 latency=20ms loss=1%; wait 30s");
    let raft = lab.out("look raft");
    assert!(raft.starts_with("leader: m1   term: "), "{raft}");
    assert!(raft.contains("MEMBER") && raft.contains("FOLLOWER") && raft.contains("candidate"), "{raft}");
    let net = lab.out("look net");
    for line in ["but m1 - m2: latency 20ms", "loss 1%", "m1 | m3   both ways", "w1 7946 (gossip)"] {
        assert!(net.contains(line), "{line}\n{net}");
    }
    let time = lab.out("look time");
    assert!(time.starts_with("it is 30.") && time.contains("ELECTION TIMER"), "{time}");
    let all = lab.out("look");
    assert!(all.contains("raft      m1, term") && all.contains("ports blocked"), "{all}");
    assert!(Lab::of(&DataCentre::machines(1, 1)).out("look raft").contains("no host is a member"));
}

#[test]
fn why_leads_back_to_what_was_done() {
    let mut lab = killed();
    let moved =
        lab.out("docker service ps web --filter desired-state=shutdown --format '{{.Name}}' | tr -d ' ' | head -1");
    let name = moved.trim().trim_start_matches("\\_").to_owned();
    let text = lab.out(&format!("why {name}"));
    let lines: Vec<&str> = text.lines().take_while(|line| !line.starts_with("what the scheduler saw")).collect();
    assert!(lines[0].starts_with(&format!("{name} is running on")), "{text}");
    assert!(lines.last().unwrap().contains("the fault `kill w1`"), "{text}");
    assert!(text.contains("w1 is believed down"), "{text}");
    let text = lab.out("why w1");
    assert!(text.starts_with("w1 is believed down") && text.contains("kill w1"), "{text}");
    let text = lab.out("why web");
    assert!(text.starts_with("web runs "), "{text}");
    assert_eq!(lab.run("why wbe").1, "swarmlab: nothing is called wbe; did you mean web?\n");
    let text = lab.out("why leader");
    assert!(text.starts_with("m1 leads"), "{text}");
}

/// The table is that of the moment of the decision: those placed before it in the same turn count, what came later does not.
#[test]
fn why_of_a_placed_task_shows_what_the_scheduler_saw() {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name web --replicas 4 --reserve-cpu 1 --constraint node.role==worker nginx");
    lab.run("wait 20s; docker service scale -d web=5; wait 20s; docker node update --availability drain w1; wait 1s");
    let hosts = lab.session.world().hosts().len();
    let text = lab.out("why web.4");
    let table: Vec<&str> =
        text.lines().skip_while(|line| !line.starts_with("what the scheduler saw for web.4")).collect();
    assert!(table.len() >= hosts + 2, "{text}");
    assert_eq!(
        table[1].split_whitespace().collect::<Vec<_>>(),
        ["NODE", "OF", "WEB", "TASKS", "FAILED", "FILTER", "VERDICT"]
    );
    assert!(table.iter().all(|line| line.chars().count() <= 80), "{text}");
    let chosen: Vec<_> = table.iter().filter(|line| line.ends_with("rank 1: chosen")).collect();
    assert_eq!(chosen.len(), 1, "{text}");
    assert!(!text.contains("drain"), "{text}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("m1 0 0 0 constraint node.role==worker: it is manager"), "{text}");
    let of_host = |line: &&&str| ["  m1 ", "  w1 ", "  w2 "].iter().any(|host| line.starts_with(host));
    let placed: u32 =
        table.iter().filter(of_host).map(|line| line.split_whitespace().nth(1).unwrap().parse::<u32>().unwrap()).sum();
    assert_eq!(placed, 3, "web.1 to web.3 came before it in its turn\n{text}");
}

#[test]
fn why_of_a_task_that_waits_says_what_is_in_the_way_on_each_node() {
    let mut lab = Lab::new();
    lab.run(
        "docker service create -d --name db --constraint node.labels.zone==east --reserve-memory 1g nginx; wait 5s",
    );
    let text = lab.out("why db.1");
    assert!(text.contains("because m1$ docker service create -d --name db"), "{text}");
    assert!(text.contains("what the scheduler sees for db.1:"), "{text}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("constraint node.labels.zone==east: it has none"), "{text}");
    let text = lab.out("docker node update --label-add zone=east w1 > /dev/null; wait 10s; why db.1");
    assert!(text.contains("because m1$ docker node update --label-add zone=east w1"), "{text}");
    let text = lab.out("docker service create -d --name big --reserve-cpu 999 nginx > /dev/null; wait 2s; why big.1");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(" 0 resource ") && text.contains("the task reserves 999 CPU, 4 of 4 are free"), "{text}");
}

#[test]
fn why_of_a_new_task_leads_to_the_typed_line() {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name web nginx; wait 20s");
    let text = lab.out("why web.1");
    let chain: Vec<&str> = text.lines().take_while(|line| !line.starts_with("what the scheduler saw")).collect();
    assert!(chain.last().unwrap().contains("m1$ docker service create -d --name web nginx"), "{text}");
}

/// Of several commands that were typed together each is the cause of its own doing.
#[test]
fn why_names_the_line_that_did_it_and_not_its_neighbours() {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name web nginx\npolicy swarm\ndocker service create -d --name api nginx; wait 20s\nhosts");
    for (task, line) in [
        ("web.1", "m1$ docker service create -d --name web nginx"),
        ("api.1", "m1$ docker service create -d --name api nginx"),
    ] {
        let text = lab.out(&format!("why {task}"));
        let chain = text.lines().take_while(|line| !line.starts_with("what the scheduler saw")).last().unwrap();
        assert!(chain.ends_with(line), "{text}");
    }
}

#[test]
fn why_of_a_paused_update_and_of_a_crash_loop_leads_to_the_command() {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name web --replicas 4 nginx; wait 20s");
    lab.run("image bad:1 exits=1 after=1s; docker service update -d --image bad:1 web; wait 60s");
    let text = lab.out("why web");
    let lines: Vec<&str> = text.lines().collect();
    let paused = "service web: the update is paused (update paused due to failure or early termination";
    let first = lines.iter().position(|line| line.contains(paused)).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(lines[0], "web runs 2 of 4 tasks; its update is paused", "{text}");
    // What is said of its tasks stands above the chain, without a time of its own.
    assert!(lines[1..first].iter().all(|line| line.starts_with("  ") && !line.starts_with("   ")), "{text}");
    assert!(lines[first + 1].contains("web.1 (m1): failed (task: non-zero exit (1))"), "{text}");
    assert!(lines[lines.len() - 2].contains("docker service update -d --image bad:1 web"), "{text}");
    assert!(lines.last().unwrap().ends_with("the fault `image bad:1 exits=1 after=1s` (typed at m1)"), "{text}");
    // The newest round and the first are told, what lies between is counted.
    let text = lab.out("why web.1");
    let chain: Vec<&str> = text.lines().take_while(|line| !line.starts_with("what the scheduler saw")).collect();
    assert_eq!(chain.iter().filter(|line| line.contains("more times; the first time:")).count(), 1, "{text}");
    assert!(chain[chain.len() - 2].contains("docker service update -d --image bad:1 web"), "{text}");
    assert!(chain.last().unwrap().ends_with("the fault `image bad:1 exits=1 after=1s` (typed at m1)"), "{text}");
    assert!(chain.len() < 30, "{text}");
}

#[test]
fn why_of_a_task_that_is_not_replaced_says_what_its_restart_policy_allows() {
    let mut lab = Lab::new();
    lab.run("image bad:1 exits=1 after=1s; image done:1 exits=0 after=1s");
    lab.run("docker service create -d --name twice --restart-max-attempts 2 bad:1");
    lab.run("docker service create -d --name never --restart-condition none bad:1");
    lab.run("docker service create -d --name failure --restart-condition on-failure done:1; wait 60s");
    for (task, reason) in [
        ("twice.1", "its restart policy allows 2 attempts, and they are used up"),
        ("never.1", "its restart condition is none"),
        ("failure.1", "its restart condition is on-failure, and it did not fail"),
    ] {
        let text = lab.out(&format!("why {task}"));
        assert_eq!(text.lines().nth(1), Some(&*format!("it is not replaced: {reason}")), "{text}");
    }
}

#[test]
fn why_of_a_leader_and_of_its_return_names_the_fault_and_its_end() {
    let mut lab = Lab::of(&DataCentre::swarm(3, 3, 2));
    lab.run("wait 30s; on m2; partition m1 | m2 m3 w1 w2; wait 60s");
    let text = lab.out("why leader");
    assert!(text.contains("asks the managers to elect it (it has heard of no leader for too long; "), "{text}");
    assert!(text.lines().last().unwrap().contains("the fault `partition m1 | m2 m3 w1 w2`"), "{text}");
    let text = lab.out("heal; wait 60s; why m1");
    assert!(text.lines().any(|line| line.contains("because the repair `heal`")), "{text}");
    // A heal of long ago is not why a node is ready again after an election.
    let text = lab.out("kill m2; wait 90s; on m3; why w1");
    assert!(!text.contains("`heal`"), "{text}");
}

#[test]
fn a_real_file_is_handed_in_by_its_owner() {
    let mut lab = Lab::new();
    lab.session.type_lines(lab.terminal, "put a.txt as b.txt; cat b.txt; put c as d\nfalse $? || echo failed").unwrap();
    let until = lab.session.world().now() + Duration::from_hours(1);
    assert_eq!(lab.session.run_terminal(lab.terminal, until), Stop::Wants);
    assert_eq!(lab.session.wants(), [Want { terminal: lab.terminal, local: "a.txt".into() }]);
    lab.session.hand_in(lab.terminal, Ok(b"inside\n".as_slice().into()));
    assert_eq!(lab.session.wants()[0].local, "c");
    lab.session.refuse_wants("there is no such file");
    let (out, err, status) = lab.finish(lab.terminal);
    assert_eq!((out.as_str(), err.as_str(), status), ("inside\nfailed\n", "swarmlab: c: there is no such file\n", 0));
}

#[test]
fn saving_asks_the_owner_and_marks_are_kept() {
    let mut lab = Lab::new();
    lab.run("mark one; wait 3s; save lab.rec; mark two");
    assert_eq!(lab.session.take_saves(), ["lab.rec"]);
    assert_eq!(lab.session.take_saves(), [""; 0]);
    let names: Vec<_> = lab.session.marks().iter().map(|mark| (&*mark.name, mark.at.at.nanos())).collect();
    assert_eq!(names, [("one", 0), ("two", 3_000_000_000)]);
    let (_, err, _) = lab.run("true; undo");
    assert!(err.contains("`undo` moves the whole lab"), "{err}");
}

#[test]
fn what_cannot_be_meant_is_refused_and_what_does_nothing_is_said() {
    let mut lab = Lab::new();
    lab.run("mark one; block w2 7946; pause w1; wait 10s");
    for (line, text) in [
        ("pause w1", "w1 is paused already: `resume w1` lets it go on"),
        ("mark one", "a moment is called one already (0.000s): give this one another name"),
        ("mark now", "`seek now` means a time: give this moment a name that is none"),
        ("mark 5s", "`seek 5s` means a time: give this moment a name that is none"),
        ("unblock w1", "no port of w1 is blocked: there is nothing to take away"),
        ("unblock w1 7946", "no port of w1 is blocked: there is nothing to take away"),
        ("unblock w2 80", "port 80 of w2 is not blocked; blocked there: 7946"),
        ("boot w2 daemon", "w2 is running already"),
    ] {
        assert_eq!(lab.run(line), (String::new(), format!("swarmlab: {text}\n"), 1), "{line}");
    }
    assert_eq!(lab.session.marks().len(), 1);
    assert_eq!(lab.out("unblock w2"), "");
    for (line, text) in [
        ("unblock", "no port is blocked: there was nothing to take away\n"),
        ("heal", "no wire is cut: there was nothing to mend\n"),
        ("cut m1 -> w2; heal w1", "no wire of w1 is cut: there was nothing to mend\n"),
        ("heal w2 w1", ""),
        ("wait until time > 3.0", "it is 10.000s now: that moment has come already\n"),
        ("wait until raft.quorum", ""),
    ] {
        assert_eq!(lab.out(line), text, "{line}");
    }
    assert_eq!(lab.session.world().env.net.cuts(), []);
}

#[test]
fn boot_starts_a_daemon_alone_only_where_there_is_power() {
    let mut lab = Lab::new();
    lab.out("kill w1 daemon; boot w1 daemon; wait 5s; stop w1 daemon; boot w1; wait 5s; kill w1");
    let (_, err, status) = lab.run("boot w1 daemon");
    let text = "w1 has no power: `boot w1` powers it on, and its daemon starts with it";
    assert_eq!((err, status), (format!("swarmlab: {text}\n"), 1));
    lab.out("boot w1; wait 15s");
    assert_eq!(lab.out("docker node ls --format '{{.Status}}' | sort -u"), "Ready\n");
}

#[test]
fn why_tells_of_roles() {
    let mut lab = Lab::of(&DataCentre::swarm(7, 3, 2));
    let steps = |text: &str| -> Vec<String> {
        let (_, role) = text.split_once("the role of ").unwrap_or_else(|| panic!("{text}"));
        let chain = role.lines().skip(1).filter(|line| line.starts_with(' '));
        chain.map(|line| line.trim_start().split_once("  ").expect("a time").1.to_owned()).collect()
    };
    lab.out("docker node demote m2 > /dev/null");
    lab.out("wait 30s");
    let text = lab.out("why m2");
    assert!(text.starts_with("m2 is believed ready and active, a worker\n"), "{text}");
    let lines = steps(&text);
    assert_eq!(lines[0], "m2 gets a certificate as a worker");
    assert!(
        lines[1].starts_with("because the manager on m2 stops (it has learned that it is no longer counted"),
        "{text}"
    );
    assert!(lines[2].starts_with("because m2 is no longer counted among the managers (they are 2 now"), "{text}");
    assert_eq!(lines[3..], ["because m1$ docker node demote m2 > /dev/null"]);
    // A fault and its end do not hide what was asked for later; and an id is as good as a name.
    lab.out("kill w1; wait 5s; boot w1; wait 30s; X=$(docker node ls -q --filter name=w1)");
    lab.out("docker node update --role manager w1 > /dev/null");
    lab.out("wait 30s");
    let text = lab.out("why w1");
    assert!(text.starts_with("w1 is believed ready and active, a manager (reachable)\n"), "{text}");
    assert_eq!(steps(&text).last().unwrap(), "because m1$ docker node update --role manager w1 > /dev/null");
    assert!(text.contains("because w1 is counted among the managers (they are 3 now: 2 are a majority)"), "{text}");
    lab.out("pause m3");
    lab.out("wait 30s");
    let text = lab.out("why m3");
    assert!(text.starts_with("m3 is believed down and active, a manager (unreachable)\n"), "{text}");
    assert_eq!(steps(&text), ["m1 no longer reaches m3", "because the fault `pause m3` (typed at m1)"]);
}

#[test]
fn unhealthy_needs_a_health_check_and_is_the_reason() {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name web --replicas 2 nginx; wait 20s");
    let (_, complaint, _) = lab.run("unhealthy web.1");
    assert!(complaint.contains("has no health check"), "{complaint}");
    let check = "--health-cmd 'curl http://localhost/' --health-interval 2s --health-retries 2";
    lab.run(&format!("docker service create -d --name sick {check} nginx; wait 20s"));
    lab.out("unhealthy sick.1; wait 6s");
    let table = lab.out("docker service ps -f desired-state=shutdown sick");
    // nginx heeds its stop signal and ends with 0: not a failure, and replaced all the same.
    assert!(table.contains("Complete "), "{table}");
    let why = lab.out("why sick.1");
    assert!(why.contains("unhealthy sick.1"), "{why}");
}

#[test]
fn the_registry_can_be_lost_by_one_host() {
    let mut lab = Lab::new();
    lab.out("registry down for w1 w2");
    assert!(lab.out("look").contains("registry  up, not reached by w1, w2\n"));
    lab.run("docker service create -d --name web --replicas 1 --constraint node.hostname==w1 nginx; wait 10s");
    let table = lab.out("docker service ps --no-trunc web");
    assert!(table.contains("Preparing") && table.contains("network is unreachable"), "{table}");
    lab.out("registry up for w1");
    assert!(lab.out("look").contains("registry  up, not reached by w2\n"));
}

#[test]
fn an_image_changes_for_containers_to_come() {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name web --restart-condition none nginx; wait 10s");
    lab.out("image nginx exits=3 after=1s missing");
    lab.run("wait 5s; docker service create -d --name other --restart-condition none nginx; wait 10s");
    let states = lab.out("docker service ps --format '{{.Name}} {{.CurrentState}} {{.Error}}' web other");
    assert!(states.contains("web.1 Running"), "{states}");
    assert!(states.contains("other.1 Rejected") || states.contains("non-zero exit (3)"), "{states}");
    lab.out("image nginx ok");
    lab.run("docker service create -d --name third nginx; wait 10s");
    assert!(lab.out("docker service ps third").contains(" Running "), "it is well again");
    assert!(lab.run("image nginx preloaded=w9").1.contains("there is no host w9"));
    let images = lab.out("image built/here:1 preloaded=w2 missing\non w2\ndocker images");
    assert!(images.contains("built/here:1 "), "{images}");
}

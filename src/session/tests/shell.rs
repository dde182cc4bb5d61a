//! The shell's interpreter by example: lists, pipes, substitutions, redirects, waiting, Ctrl-C.

use super::*;

fn ok(text: &str) -> (String, String, i32) {
    (text.to_owned(), String::new(), 0)
}

#[test]
fn lists_and_chains() {
    let mut lab = Lab::new();
    assert_eq!(lab.run("echo a; echo b\necho c"), ok("a\nb\nc\n"));
    assert_eq!(lab.run("true && echo yes || echo no"), ok("yes\n"));
    assert_eq!(lab.run("false && echo yes || echo no"), ok("no\n"));
    assert_eq!(lab.run("false || false || echo last"), ok("last\n"));
    assert_eq!(lab.run("false && echo a; echo b"), ok("b\n"));
    assert_eq!(lab.run("true && false").2, 1);
    assert_eq!(lab.run("false; echo $?; echo $?"), ok("1\n0\n"));
}

#[test]
fn pipes_hand_on_stdout_and_the_last_status() {
    let mut lab = Lab::new();
    assert_eq!(lab.run("printf 'b\\na\\n' | sort | head -1"), ok("a\n"));
    assert_eq!(lab.run("echo x | grep y").2, 1);
    assert_eq!(lab.run("false | true").2, 0);
    assert_eq!(lab.out("docker node ls -q | wc -l").trim(), "3");
    assert_eq!(lab.run("cat <<E | tr a-z A-Z\nsmall\nE"), ok("SMALL\n"));
}

#[test]
fn variables_substitutions_and_their_status() {
    let mut lab = Lab::new();
    assert_eq!(lab.run("X=5; echo $X-${X}; echo \"$X\" '$X'"), ok("5-5\n5 $X\n"));
    assert_eq!(lab.run("N=$(docker node ls -q | wc -l); echo there are $N"), ok("there are 3\n"));
    assert_eq!(lab.run("X=$(false); echo $?; X=1; echo $?"), ok("1\n0\n"));
    assert_eq!(lab.run("echo `echo $(echo deep)`"), ok("deep\n"));
    assert_eq!(lab.run("X=out; echo $(X=in; echo $X) $X"), ok("in out\n"), "a substitution sets nothing outside");
    assert_eq!(lab.run("echo a$(exit 3)b; echo still here"), ok("ab\nstill here\n"));
}

#[test]
fn files_and_redirects() {
    let mut lab = Lab::new();
    assert_eq!(lab.run("echo one > f; echo two >> f; cat f; wc -l < f"), ok("one\ntwo\n2\n"));
    assert_eq!(lab.run("true > empty; cat empty; ls"), ok("empty\nf\n"));
    assert_eq!(lab.run("cat nothing 2> e; echo $?; cat e"), ok("1\ncat: nothing: No such file or directory\n"));
    assert_eq!(lab.run("cat f nothing > both 2>&1; wc -l both"), ok("3 both\n"));
    assert_eq!(lab.run("cat f nothing 2>&1 > only; wc -l only").0, "cat: nothing: No such file or directory\n2 only\n");
    assert_eq!(lab.run("cat nothing 2>&1 | grep -c such"), ok("1\n"), "the pipe has what stderr says, too");
    let (out, err, status) = lab.run("cat nothing | grep -c such");
    assert_eq!((out.as_str(), err.as_str(), status), ("0\n", "cat: nothing: No such file or directory\n", 1));
    assert_eq!(lab.run("docker node inspect nobody 2>&1 | grep -c nobody").0, "1\n");
    assert_eq!(lab.run("docker node inspect nobody 2> e | cat; grep -c nobody e").0, "[]\n1\n");
    assert_eq!(lab.run("cat < nothing; echo after").0, "after\n");
    assert_eq!(lab.run("rm f; cat f").2, 1);
    lab.run("on w1");
    assert_eq!(lab.run("ls"), ok(""), "each host has its own disk");
}

#[test]
fn unknown_commands_and_empty_substitutions() {
    let mut lab = Lab::new();
    let (out, err, status) = lab.run("nonsense here");
    assert_eq!((out.as_str(), err.as_str(), status), ("", "bash: nonsense: command not found\n", 127));
    let (_, err, status) = lab.run("docker rm -f $(docker ps -aq)");
    assert_eq!(status, 1);
    assert!(err.contains("requires at least 1 argument"), "{err}");
    assert_eq!(lab.run("$(true)"), ok(""));
}

#[test]
fn time_passes_in_waits_only() {
    let mut lab = Lab::new();
    lab.run("sleep 5; wait 10s; sleep 0.5; sleep 1m");
    assert_eq!(lab.session.world().now().nanos(), 75_500_000_000);
    let (_, err, status) = lab.run("sleep soon");
    assert_eq!((err.as_str(), status), ("sleep: invalid time interval 'soon'\n", 1));
}

#[test]
fn wait_until_holds_or_tells_what_was_seen() {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name web --replicas 2 nginx");
    assert_eq!(lab.run("wait until services[\"web\"].running == 2 for up to 1m"), ok(""));
    let before = lab.session.world().now();
    let (_, err, status) = lab.run("wait until services[\"web\"].running == 9 for up to 30s");
    assert_eq!((lab.session.world().now().since(before), status), (Duration::from_secs(30), 1));
    assert!(err.contains("still not so") && err.contains('2'), "{err}");
    assert_eq!(lab.run("wait until services[\"web\"].running == 2 for up to 1m; echo there"), ok("there\n"));
}

#[test]
fn a_wait_for_a_time_ends_whatever_the_owner_asks() {
    let ended = |slice: i64| {
        let mut lab = Lab::of(&DataCentre::machines(1, 2));
        lab.session.type_lines(lab.terminal, "wait until time > 61").expect("it parses");
        while !lab.session.is_idle(lab.terminal) {
            let until = lab.session.world().now() + Duration::from_millis(slice);
            lab.session.run_terminal(lab.terminal, until);
        }
        (lab.session.world().now(), lab.session.fingerprint())
    };
    assert_eq!(ended(1_000), ended(7));
    assert_eq!(ended(1_000), ended(600_000));
}

#[test]
fn ctrl_c_in_an_attached_create_lets_the_service_go_on() {
    let mut lab = Lab::new();
    lab.session.type_lines(lab.terminal, "docker service create --name web --replicas 3 nginx; echo next").unwrap();
    lab.pass(1);
    assert!(!lab.session.is_idle(lab.terminal));
    lab.session.interrupt(lab.terminal);
    let (out, err, status) = lab.finish(lab.terminal);
    assert_eq!((err.as_str(), status), ("", 0));
    assert!(out.contains("Operation continuing in background.") && out.ends_with("next\n"), "{out}");
    lab.run("wait 30s");
    assert_eq!(lab.run("docker service ls --format '{{.Replicas}}'"), ok("3/3\n"));
}

#[test]
fn ctrl_c_in_a_wait_gives_the_line_up() {
    for line in
        ["wait 1h; echo no", "sleep 9999; echo no", "echo $(sleep 9999; echo no) > f; echo no", "wait until false"]
    {
        let mut lab = Lab::new();
        lab.session.type_lines(lab.terminal, line).unwrap();
        lab.session.type_lines(lab.terminal, "echo typed ahead $?").unwrap();
        lab.pass(1);
        lab.session.interrupt(lab.terminal);
        assert_eq!(lab.finish(lab.terminal), ok("typed ahead 130\n"), "{line}");
    }
    let mut lab = Lab::new();
    lab.session.interrupt(lab.terminal);
    assert_eq!(lab.run("echo $?"), ok("0\n"), "at the prompt nothing happens");
}

#[test]
fn two_terminals_at_once() {
    let mut lab = Lab::new();
    let other = lab.session.open(HostId(1), None);
    lab.session.type_lines(lab.terminal, "sleep 10; hostname; date").unwrap();
    lab.session.type_lines(other, "X=1; sleep 3; hostname; echo $X; sleep 20").unwrap();
    assert_eq!(lab.finish(lab.terminal).0.lines().next(), Some("m1"));
    assert!(!lab.session.is_idle(other));
    assert_eq!(lab.run("echo \"[$X]\""), ok("[]\n"), "variables are the terminal's own");
    assert_eq!(lab.finish(other), ok("w1\n1\n"));
    lab.session.type_lines(other, "wait until truth.hosts[\"w2\"].up == false; echo seen").unwrap();
    lab.run("kill w2; wait 1s");
    assert_eq!(lab.finish(other), ok("seen\n"), "one terminal sees what another does");
}

#[test]
fn on_and_exit() {
    let mut lab = Lab::new();
    assert_eq!(lab.run("hostname; on w2; hostname"), ok("m1\nw2\n"));
    let (_, err, status) = lab.run("docker node ls");
    assert!(err.contains("This node is not a swarm manager") && status == 1, "{err}");
    let (_, err, status) = lab.run("on w9");
    assert_eq!((err.as_str(), status), ("swarmlab: there is no host w9; did you mean w1?\n", 1));
    assert_eq!(lab.run("exit 3; echo never").2, 3);
    assert!(lab.session.terminal(lab.terminal).exited);
}

#[test]
fn a_program_reads_its_input_from_a_pipe_or_a_here_document() {
    let mut lab = Lab::new();
    let (_, err, _) = lab.run("echo x | docker stack deploy -c - app");
    assert!(!err.contains("no such file"), "{err}");
}

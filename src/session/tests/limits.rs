//! Lines that ask for more than there is: each is refused with a word, in little time and room.

use super::*;

/// What a line says on stderr, and its status, which is a failure's.
fn fails(lab: &mut Lab, line: &str) -> (String, i32) {
    let (_, err, status) = lab.run(line);
    assert_ne!(status, 0, "{err}");
    (err, status)
}

#[test]
fn doubled_variables_are_refused() {
    let mut lab = Lab::new();
    let (err, status) = fails(&mut lab, &format!("X=aaaaaaaa{}; echo ${{X}}$X > f", "; X=$X$X".repeat(60)));
    assert_eq!(status, 1);
    let text = "bash: Argument list too long (more than 2097152 bytes with variables and substitutions written out)\n";
    assert!(err.starts_with(text), "{err}");
    // In one command, too, where an assignment sees the one before.
    let chain: String = (1..60).map(|n| format!(" A{n}=$A{0}$A{0}", n - 1)).collect();
    assert_eq!(fails(&mut lab, &format!("A0=aaaaaaaa{chain}")), (text.to_owned(), 1));
    let many: String = (0..20).map(|n| format!("; B{n}=$X")).collect();
    let (_, err, _) = lab.run(&format!("X=$(head -c 1000000 /dev/zero){many}"));
    assert!(err.contains("all variables of this terminal are forgotten"), "{err}");
    assert_eq!(lab.out("echo \"[$X]\""), "[]\n");
}

#[test]
fn doubled_files_fill_the_disk() {
    let mut lab = Lab::new();
    let twice = "cat f f f f > g; cat g g g g > f; ".repeat(15);
    let (_, err, _) = lab.run(&format!("head -c 1000 /dev/zero > f; {twice}cat f f f f f f f f f f f f f f f f f"));
    assert!(err.contains("cat: more than 16777216 bytes: no more is kept here\n"), "{err}");
    let (err, status) = fails(
        &mut lab,
        &format!("head -c 16000000 /dev/zero > a; cat a > b; cat a > c; cat a > d{}", "; cat a > e".repeat(2)),
    );
    assert_eq!((err.lines().count(), status), (2, 1), "{err}");
    assert!(err.starts_with("bash: e: write error: No space left on device"), "{err}");
    lab.out("rm a b c");
    lab.out("cat d > e; cmp=$(wc -c < e); echo $cmp");
}

#[test]
fn filters_and_terminals_hold_so_much() {
    let mut lab = Lab::new();
    lab.out("head -c 1000000 /dev/zero | tr '\\0' 'a' > f");
    for line in [
        format!("awk '{{print {}}}' f", "$0 ".repeat(40)),
        format!("sed -n '{}1p' f", "1p;".repeat(40)),
        format!("grep a{}", " f".repeat(40)),
    ] {
        let (err, _) = fails(&mut lab, &line);
        assert!(err.contains("more than 16777216 bytes"), "{err}");
    }
    let (out, err, _) = lab.run(&"cat f; ".repeat(60));
    assert!(out.len() <= 32 << 20 && err.contains("bytes are lost: at most 33554432 are kept at once"), "{err}");
    let (_, err, _) = lab.run(&format!("X=$({}); echo done", "cat f; ".repeat(60)));
    assert!(err.contains("are lost") && err.contains("Argument list too long"), "{err}");
}

#[test]
fn a_docker_command_takes_so_many_words() {
    let mut lab = Lab::new();
    let many = "x ".repeat(3_000);
    let text = "bash: docker: Argument list too long (3003 words; a docker command takes 2000 at most here)\n";
    assert_eq!(fails(&mut lab, &format!("docker service rm {many}")), (text.to_owned(), 126));
    let (err, _) = fails(&mut lab, &format!("docker service rm {}", "x ".repeat(300)));
    assert_eq!(err.lines().count(), 300);
}

#[test]
fn more_ports_than_there_are_are_refused() {
    let mut lab = Lab::new();
    let ranges = "-p 1-65535:1-65535/udp ".repeat(500);
    let (err, status) = fails(&mut lab, &format!("docker service create -d {ranges} nginx"));
    assert!(err.starts_with("swarmlab: \"-p, --publish\" asks for more than 200000 ports\n"), "{err}");
    assert_eq!(status, 125);
}

#[test]
fn a_third_ctrl_c_ends_what_hears_none() {
    let mut lab = Lab::new();
    lab.session.type_lines(lab.terminal, "false; docker run --name own nginx sleep 1000000; echo after").unwrap();
    lab.pass(20);
    for _ in 0..2 {
        lab.session.interrupt(lab.terminal);
        lab.pass(1);
        assert!(!lab.session.is_idle(lab.terminal), "its program has not ended");
    }
    lab.session.interrupt(lab.terminal);
    let (out, err, status) = lab.finish(lab.terminal);
    assert!(err.ends_with("\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n"), "{err}");
    assert_eq!((out.as_str(), status), ("", 1), "the line is given up");
    assert_eq!(lab.out("docker ps --format '{{.Names}}'"), "own\n");
}

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
    let services: String = (0..10_000).map(|n| format!("  s{n}: {{image: nginx, ports: [\"1-65535\"]}}\n")).collect();
    lab.session.put_file("ports.yml", format!("services:\n{services}").as_bytes());
    let text = "swarmlab: the compose file asks for more than 200000 ports\n";
    assert_eq!(fails(&mut lab, "docker stack deploy -c ports.yml app"), (text.to_owned(), 1));
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

/// Compose files that are hostile, through the prompt.
#[test]
fn hostile_compose_files_are_refused() {
    let levels: String = (1..30)
        .map(|level| format!("x{level}: &a{level} [{}]\n", [format!("*a{}", level - 1).as_str(); 9].join(", ")))
        .collect();
    let aliases = format!("x0: &a0 [x, x, x, x, x, x, x, x, x]\n{levels}services: {{web: {{image: nginx}}}}\n");
    let long = format!("x-a: &a {}\nx-b: [{}x]\nservices: {{}}\n", "x".repeat(500_000), "*a, ".repeat(50_000));
    let circle = "services:\n  a: {image: x, extends: {service: b}}\n  b: {image: x, extends: {service: a}}\n";
    let itself = "services: &all\n  web:\n    image: nginx\n    labels: *all\n";
    let deep = format!("services: {}", "[".repeat(100_000));
    let variables = format!("services:\n  web: {{image: nginx, labels: [{}x]}}\n", "'${BIG}', ".repeat(20_000));
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("aliases.yml", aliases.into(), "yaml: document contains excessive aliasing\n"),
        (
            "long.yml",
            long.into(),
            "swarmlab: long.yml comes to more than 16777216 bytes of text with its aliases and variables written out\n",
        ),
        (
            "large.yml",
            vec![b'#'; 50_000_000],
            "swarmlab: large.yml has 50000000 bytes; a compose file may have at most 1048576\n",
        ),
        (
            "circle.yml",
            circle.into(),
            "compose file contains unsupported options:\n\nextends: Support for `extends` is not implemented yet.\n\n",
        ),
        ("itself.yml", itself.into(), "yaml: anchor 'all' value contains itself\n"),
        (
            "deep.yml",
            deep.into(),
            "swarmlab: deep.yml is nested too deeply; a compose file may be 100 levels deep at most\n",
        ),
        ("bytes.yml", b"services:\n  web: {image: \xff}\n".to_vec(), "yaml: invalid leading UTF-8 octet\n"),
        ("cut.yml", b"services:\n  web: {image: n}\n# \xe2\x82".to_vec(), "yaml: incomplete UTF-8 octet sequence\n"),
        (
            "variables.yml",
            variables.into(),
            "swarmlab: the compose file comes to more than 16777216 bytes of text with its aliases and variables written out\n",
        ),
    ];
    let mut lab = Lab::new();
    lab.out("export BIG=$(head -c 100000 /dev/zero | tr '\\0' 'a')");
    for (name, content, text) in cases {
        lab.session.put_file(name, &content);
        for command in ["stack deploy -c", "stack deploy --prune -c shop.yml -c"] {
            lab.session.put_file("shop.yml", b"services: {web: {image: nginx}}\n");
            assert_eq!(fails(&mut lab, &format!("docker {command} {name} app")), (text.to_owned(), 1), "{name}");
        }
        let (err, status) = fails(&mut lab, &format!("docker stack config -c {name}"));
        assert!(status == 1 && !err.is_empty(), "{name}: {err}");
    }
    assert_eq!(lab.out("docker service ls -q"), "", "nothing was made");
}

//! Recordings: the file's round trip, replays that equal the original, damaged files.

use super::*;
use proptest::prelude::*;

fn lab() -> Lab {
    let mut centre = DataCentre::swarm(u64::MAX, 1, 2);
    centre.catalogue.add("bad", crate::swarm::daemon::image::ImageBehaviour { missing: true, ..Default::default() });
    let mut lab = Lab::of(&centre);
    lab.session.put_file("stack.yml", b"services: {}\n");
    lab.session.put_file("binary", &[0, 255, 7]);
    lab.run("docker service create -d --name web --replicas 2 nginx; wait 5s; kill w1");
    lab.session.type_lines(lab.terminal, "docker service create --name two 'nginx:\"1\"'").unwrap();
    lab.pass(1);
    lab.session.interrupt(lab.terminal);
    lab.run("mark here; note 'a remark'\nput local.txt as there");
    lab.session.hand_in(lab.terminal, Ok(b"from outside".as_slice().into()));
    lab.run("cat there; put other as x");
    lab.session.hand_in(lab.terminal, Err("cannot be read".into()));
    lab.pass(7);
    lab.session.forget_output();
    lab
}

fn same(a: &Session, b: &Session) {
    assert_eq!(a.moment(), b.moment());
    assert_eq!(a.fingerprint(), b.fingerprint());
    assert_eq!(a.inputs(), b.inputs());
    assert_eq!(a.marks(), b.marks());
    assert_eq!(a.recording().to_text(), b.recording().to_text());
    for (a, b) in a.terminals.iter().zip(&b.terminals) {
        assert_eq!((a.host, a.status, &a.variables, a.is_idle()), (b.host, b.status, &b.variables, b.is_idle()));
    }
    assert_eq!(a.files, b.files);
}

#[test]
fn a_file_rebuilds_the_session() {
    let lab = lab();
    let text = lab.session.recording().to_text();
    assert!(text.len() < 6_000, "a small lab has a small file\n{text}");
    let read = Recording::parse(&text).expect("it reads what it wrote");
    assert_eq!(read.to_text(), text);
    let replayed = Session::replay(&read).expect("it leads to its end");
    assert_eq!(replayed.warning, None);
    same(&replayed.session, &lab.session);
}

#[test]
fn a_replayed_session_goes_on_the_same() {
    let mut lab = lab();
    let mut again = Lab { session: Session::replay(&lab.session.recording()).unwrap().session, terminal: lab.terminal };
    for line in ["boot w1; wait 30s", "docker service ps web", "docker node ls"] {
        assert_eq!(lab.run(line), again.run(line));
    }
    same(&again.session, &lab.session);
}

#[test]
fn hosts_one_by_one_and_odd_settings() {
    let mut centre = DataCentre::swarm(3, 1, 1);
    centre.hosts[1].labels.insert("disk".into(), "ssd".into());
    centre.hosts[1].address = Some(std::net::Ipv4Addr::new(10, 9, 8, 7));
    centre.hosts[0].nano_cpus = 500_000_000;
    centre.settings.heartbeat_period = Duration::from_millis(2_500);
    centre.settings.task_history_limit = -1;
    centre.link.loss_per_million = 1_000;
    let mut lab = Lab::of(&centre);
    lab.run("docker service create -d --constraint node.labels.disk==ssd nginx; wait 20s");
    let read = Recording::parse(&lab.session.recording().to_text()).unwrap();
    same(&Session::replay(&read).unwrap().session, &lab.session);
}

#[test]
fn damaged_files_are_refused_with_a_reason() {
    let text = lab().session.recording().to_text();
    let refused = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let damaged = text.replacen(from, to, 1);
        match Recording::parse(&damaged) {
            Err(error) => error.to_string(),
            Ok(recording) => Session::replay(&recording).expect_err("it leads elsewhere").to_string(),
        }
    };
    for (from, to, expected) in [
        ("format = 1", "format = 2", "format 2; this swarmlab reads format 1"),
        ("format = 1", "formats = 1", "expected `format = 1`"),
        ("model = ", "model == ", "line 3"),
        ("event = ", "evnt = ", "evnt"),
        ("open = \"m1\"", "open = \"m7\"", "input 1: there is no host m7"),
        ("terminal = 0", "terminal = 4", "terminal 4 is not open: 1 are"),
        ("workers = 2", "workers = 3", "the recording is damaged"),
        ("workers = 2", "workers = 200000", "a lab has 1 to"),
        ("hex = \"00ff07\"", "hex = \"00ff0\"", "pairs of hexadecimal digits"),
        ("kill w1", "kill w2", "damaged"),
        ("wait 5s", "wait 6s", "damaged"),
        ("kill w1", "kill", "no line of the shell"),
        ("heartbeat_period = \"5s\"", "heartbeat_period = \"0s\"", "expected a duration from 1ms"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(expected), "{from} -> {to}: {error}");
    }
    assert!(Recording::parse("").is_err());
}

#[test]
fn another_model_replays_by_time_and_warns() {
    let lab = lab();
    let text = lab.session.recording().to_text().replacen(MODEL, "0.0.1", 1);
    let replayed = Session::replay(&Recording::parse(&text).unwrap()).unwrap();
    let warning = replayed.warning.expect("the model has changed");
    assert!(warning.contains("0.0.1"), "{warning}");
    assert_eq!(replayed.session.fingerprint(), lab.session.fingerprint(), "here it has not changed in truth");
}

/// A short random session: lines typed at two terminals, Ctrl-C, time.
fn play(steps: &[(u8, u8, u32)]) -> Session {
    let mut lab = Lab::of(&DataCentre::swarm(11, 3, 2));
    let other = lab.session.open(HostId(3), Some(80));
    let lines = [
        "docker service create --name web --replicas 3 nginx",
        "docker service scale -d web=5; docker service ls > f",
        "kill w1; wait 3s; boot w1",
        "docker service update --image nginx:2 web",
        "partition m1 | m2 m3 w1 w2; wait 20s; heal",
        "wait until services[\"web\"].running == 3 for up to 40s || docker node ls 2>&1 | grep -c Ready",
        "put a as b; docker service rm web",
        "on m2; mark x; docker service ps $(docker service ls -q)",
    ];
    for &(what, line, millis) in steps {
        let terminal = if line & 1 == 0 { lab.terminal } else { other };
        match what % 6 {
            0 => lab.session.interrupt(terminal),
            1 => lab.session.refuse_wants("nobody is here"),
            _ => lab.session.type_lines(terminal, lines[usize::from(line >> 1) % lines.len()]).unwrap(),
        }
        let until = lab.session.world().now() + Duration::from_millis(i64::from(millis));
        let stop = lab.session.run(until, |_| true);
        assert_eq!(stop, Stop::Reached);
    }
    lab.session
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_replay_equals_the_original(steps in prop::collection::vec((any::<u8>(), any::<u8>(), 0u32..20_000), 0..9)) {
        let session = play(&steps);
        let read = Recording::parse(&session.recording().to_text()).unwrap();
        same(&Session::replay(&read).unwrap().session, &session);
    }
}

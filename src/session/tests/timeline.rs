//! Time travel: every moment equals that of a fresh run, the past stays as it was, dropped futures are kept.

use super::*;

struct Trip {
    timeline: Timeline,
    terminal: TerminalId,
}

impl Trip {
    fn new() -> Self {
        let mut timeline = Timeline::new(Session::new(&DataCentre::swarm(5, 1, 2)));
        let terminal = timeline.open(HostId(0), None);
        Self { timeline, terminal }
    }

    fn run(&mut self, line: &str) -> String {
        match self.timeline.enter(self.terminal, line) {
            Ok(Entered::Begun) => {
                let until = self.timeline.now() + Duration::from_hours(9);
                assert_eq!(self.timeline.run_terminal(self.terminal, until), Stop::Idle);
                self.timeline.take_output(self.terminal).into_iter().map(|chunk| chunk.text).collect()
            }
            Ok(Entered::Told(text)) => text,
            Ok(Entered::Aside { mut session, terminal }) => {
                let until = session.world().now() + Duration::from_hours(1);
                assert_eq!(session.run_terminal(terminal, until), Stop::Idle);
                session.take_output(terminal).into_iter().map(|chunk| chunk.text).collect()
            }
            Ok(Entered::Asks) => "asks".into(),
            Err(error) => error.to_string(),
        }
    }

    fn story(&mut self) {
        self.run("docker service create -d --name web --replicas 3 nginx");
        self.run("wait 20s");
        self.run("mark before");
        self.run("kill w1");
        self.run("wait 1m");
        self.run("docker service ls");
    }
}

/// What can be compared of a moment.
fn picture(session: &Session) -> (Moment, Fingerprint, usize, String) {
    let terminals =
        format!("{:?}", session.terminals.iter().map(|t| (t.host, t.status, t.is_idle())).collect::<Vec<_>>());
    (session.moment(), session.fingerprint(), session.inputs().len(), terminals)
}

#[test]
fn every_event_equals_a_fresh_run() {
    let mut trip = Trip::new();
    trip.story();
    let recording = trip.timeline.recording();
    // A fresh run without any checkpoint.
    let script = replay::Script { inputs: recording.inputs.clone(), end: recording.end, exact: true };
    let mut fresh = Session::new(&recording.start);
    let mut moments = vec![fresh.clone()];
    while script.step(&mut fresh).unwrap() {
        moments.push(fresh.clone());
    }
    let end = trip.timeline.present().moment().event;
    for number in (0..=end).step_by(37).chain([end, 1]) {
        trip.timeline.seek_event(number).unwrap();
        let there = moments.iter().find(|s| s.moment().event >= number).unwrap();
        if trip.timeline.is_past() {
            assert_eq!(picture(trip.timeline.session()), picture(there), "event {number}");
        }
    }
    // And each time shows everything that was due by then.
    for millis in (0..60_000).step_by(7_131) {
        let time = Time::ZERO + Duration::from_millis(millis);
        trip.timeline.seek(time).unwrap();
        let there = moments.iter().rfind(|s| s.world().now() <= time).unwrap();
        let here = trip.timeline.session();
        assert_eq!(here.world().now(), time);
        assert_eq!((here.moment().event, here.fingerprint()), (there.moment().event, there.fingerprint()));
    }
}

#[test]
fn stepping_back_passes_every_moment() {
    let mut trip = Trip::new();
    trip.run("docker service create -d nginx");
    trip.run("wait 5s");
    let mut before = trip.timeline.present().position();
    for _ in 0..40 {
        trip.timeline.step_back().unwrap();
        let here = trip.timeline.session().position();
        assert!(here < before, "{here} {before}");
        assert!(before - here < 4, "no moment is left out: {here} {before}");
        before = here;
    }
}

#[test]
fn undo_takes_the_last_change_back_and_keeps_its_future() {
    let mut trip = Trip::new();
    trip.run("docker service create -d --name web --replicas 3 nginx");
    trip.run("wait 20s");
    let before = picture(trip.timeline.present());
    trip.story();
    let future = picture(trip.timeline.present());
    let killed = trip
        .timeline
        .present()
        .inputs()
        .iter()
        .rfind(|entry| matches!(&entry.input, Input::Typed { text, .. } if text == "kill w1"));
    let killed = killed.unwrap().at;
    let told = trip.run("undo");
    assert!(told.contains("`kill w1` is taken back") && told.contains("branch-1"), "{told}");
    assert_eq!(trip.timeline.present().moment(), killed);
    assert!(trip.run("docker node ls").contains("w1"));
    trip.run("undo");
    assert_eq!(picture(trip.timeline.present()), before);
    assert!(trip.run("undo").contains("`docker service create"));
    assert!(trip.run("undo").contains("nothing to take back"));
    // Everything that was dropped can be gone back to, and goes on.
    assert!(trip.run("seek branch-1").contains("the present"));
    assert_eq!(picture(trip.timeline.present()), future);
    trip.run("wait 10s");
    let recording = trip.timeline.recording();
    assert_eq!(Session::replay(&recording).unwrap().session.fingerprint(), trip.timeline.present().fingerprint());
}

#[test]
fn the_past_is_read_only() {
    let mut trip = Trip::new();
    trip.story();
    let present = picture(trip.timeline.present());
    assert!(trip.run("seek 15s").starts_with("15.000s: the past"));
    let past = picture(trip.timeline.session());
    let seen = trip.run("docker service ls");
    assert!(seen.contains("3/3"), "{seen}");
    assert!(trip.run("wait 5s; date").contains(":20"), "a copy of the past goes on aside");
    assert_eq!(trip.run("kill w2"), "asks");
    assert!(trip.run("undo").contains("this is the past"));
    assert_eq!(picture(trip.timeline.session()), past);
    assert_eq!(picture(trip.timeline.present()), present);
    assert!(trip.run("seek before").starts_with("2"));
    assert!(trip.run("seek nowhere").contains("no moment is called nowhere"));
    trip.run("seek 15s");
    assert!(trip.run("fork").contains("branch-1"));
    trip.run("kill w2");
    trip.run("wait 1m");
    assert_eq!(trip.timeline.branches()[0].end(), present.0);
    let (recording, fingerprint) = (trip.timeline.recording(), trip.timeline.present().fingerprint());
    assert_eq!(Session::replay(&recording).unwrap().session.fingerprint(), fingerprint);
    trip.timeline.seek(Time::ZERO + Duration::from_secs(40)).unwrap();
    assert!(trip.timeline.is_past());
    assert!(trip.run("seek now").contains("the present"));
}

#[test]
fn playing_on_in_the_past_comes_to_the_present() {
    let mut trip = Trip::new();
    trip.story();
    let present = picture(trip.timeline.present());
    trip.timeline.seek(Time::ZERO).unwrap();
    for second in 1..200 {
        trip.timeline.run(Time::ZERO + Duration::from_secs(second));
        if !trip.timeline.is_past() {
            break;
        }
        assert_eq!(trip.timeline.now(), Time::ZERO + Duration::from_secs(second));
    }
    assert_eq!(picture(trip.timeline.session()), present);
    let then = Time::ZERO + Duration::from_secs(1);
    trip.timeline.seek(then).unwrap();
    assert_eq!(trip.timeline.scrollback(trip.terminal).count(), 1, "what had been printed by then");
}

#[test]
fn checkpoints_change_nothing_and_a_recording_can_be_travelled() {
    let mut trip = Trip::new();
    trip.story();
    trip.run("wait 2h");
    assert!(trip.timeline.checkpoints() > 2, "{}", trip.timeline.checkpoints());
    let recording = trip.timeline.recording();
    let (mut again, warning) = Timeline::replay(&recording).unwrap();
    assert_eq!((warning, picture(again.present())), (None, picture(trip.timeline.present())));
    let half = Time::ZERO + Duration::from_hours(1);
    trip.timeline.seek(half).unwrap();
    again.seek(half).unwrap();
    assert_eq!(picture(again.session()), picture(trip.timeline.session()));
    again.undo().unwrap_err();
    again.seek_present();
    assert_eq!(again.undo().unwrap().0, "kill w1");
}

#[test]
fn a_fork_goes_on_from_the_moment_that_is_looked_at() {
    let mut trip = Trip::new();
    trip.story();
    let seconds = |seconds| Time::ZERO + Duration::from_secs(seconds);
    // In the middle of `wait 20s`: that line is given up, and the next one begins at once.
    assert!(trip.run("seek 12s").starts_with("12.000s: the past"));
    let told = trip.run("fork");
    assert!(told.contains("`wait 20s` was running, and is given up") && told.contains("branch-1"), "{told}");
    assert_eq!(trip.timeline.now(), seconds(12));
    trip.run("kill w2");
    trip.run("wait 3s");
    assert_eq!(trip.timeline.now(), seconds(15));
    let recording = trip.timeline.recording();
    assert_eq!(Session::replay(&recording).unwrap().session.fingerprint(), trip.timeline.present().fingerprint());
    // Nothing runs at the present: nothing is given up.
    assert!(trip.run("fork").contains("goes on from here; the other is kept as branch-2"));
    // In the middle of an attached command, with more lines behind it.
    trip.run("docker service create --name two redis; wait 1h; docker node ls");
    let begun = trip.timeline.present().inputs().last().unwrap().at.at;
    trip.timeline.seek(begun + Duration::from_secs(1)).unwrap();
    let there = trip.timeline.now();
    assert_eq!(
        trip.timeline.fork_at(trip.terminal).given_up.as_deref(),
        Some("docker service create --name two redis; wait 1h; docker node ls")
    );
    let said: String = trip.timeline.take_output(trip.terminal).into_iter().map(|chunk| chunk.text).collect();
    assert!(said.contains("Operation continuing in background.") && !said.contains("HOSTNAME"), "{said}");
    assert_eq!(trip.timeline.now(), there);
    trip.run("wait 1s");
    assert_eq!(trip.timeline.now(), there + Duration::from_secs(1));
    // A terminal that was opened after the moment that is gone back to.
    let later = trip.timeline.open(HostId(1), None);
    trip.timeline.seek(seconds(5)).unwrap();
    assert_eq!(trip.timeline.fork_at(later).given_up, None);
    assert_eq!(trip.timeline.present().terminal(later).host, HostId(1));
}

#[test]
fn what_leads_nowhere_is_said() {
    let mut trip = Trip::new();
    trip.run("wait 30s");
    let beyond = trip.run("seek 99h");
    assert!(beyond.starts_with("nothing is known of 99h00m00.000s yet: the present is 30.000s"), "{beyond}");
    assert!(!trip.timeline.is_past());
    assert!(trip.run("seek 30s").contains("the present"));
    trip.run("seek 10s");
    let waited = trip.run("wait 5s");
    assert!(waited.starts_with("this is the past (10.000s)") && waited.contains("`seek 15s`"), "{waited}");
    assert!(trip.run("wait until raft.quorum").contains("waiting alone changes nothing"));
    assert_eq!(trip.timeline.now(), Time::ZERO + Duration::from_secs(10));
    // Seen from the past, too, the present is as far as it goes.
    assert!(trip.run("seek 31s").contains("the present is 30.000s"));
}

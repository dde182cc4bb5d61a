//! Going through time: seek, step back, undo, fork, and from one branch to another.

use super::{BRANCHES, Branch, Forked, NEAR, NOW, Timeline, TravelError, offer};
use crate::engine::Time;
use crate::observe::nearest;
use crate::session::replay::Script;
use crate::session::shell::verb::SeekTarget;
use crate::session::shell::{Dialect, Verb, parse};
use crate::session::{Entry, Input, Moment, Session, TerminalId, is_reading};

/// How often Ctrl-C is pressed, at most, until a terminal is at its prompt: a line may hold several commands, and others may
/// have been typed behind it.
const INTERRUPTS: usize = 1_000;

impl Timeline {
    pub(super) fn travel(&mut self, id: TerminalId, verb: &Verb) -> Result<String, TravelError> {
        match verb {
            Verb::Undo => {
                let (taken_back, branch) = self.undo()?;
                let line = taken_back.lines().next().unwrap_or_default();
                Ok(format!("{}: `{line}` is taken back; what came of it is kept as {branch}\n", self.now()))
            }
            Verb::Fork => {
                let Forked { kept, given_up } = self.fork_at(id);
                let given_up = given_up
                    .map_or_else(String::new, |line| format!(" (`{line}` was running, and is given up as by Ctrl-C)"));
                Ok(format!("{}: a second world goes on from here{given_up}; the other is kept as {kept}\n", self.now()))
            }
            Verb::Seek { to: SeekTarget::Time(since) } => {
                let (to, present) = (Time::ZERO + *since, self.head.world().now());
                if to > present {
                    return Err(TravelError::Future { to, present });
                }
                self.seek(to)?;
                Ok(self.whereabouts())
            }
            Verb::Seek { to: SeekTarget::Mark(name) } => {
                self.seek_name(name)?;
                Ok(self.whereabouts())
            }
            _ => Ok(String::new()),
        }
    }

    fn whereabouts(&self) -> String {
        match self.is_past() {
            true => {
                format!("{}: the past; it stays as it was (the present is {})\n", self.now(), self.head.world().now())
            }
            false => format!("{}: the present\n", self.now()),
        }
    }

    /// Goes to the present.
    pub fn seek_present(&mut self) {
        self.view = None;
    }

    /// Goes to a virtual time, where everything due by then has happened; beyond the present, to the present.
    ///
    /// # Errors
    /// When the past cannot be rebuilt, which is a bug of the model.
    pub fn seek(&mut self, time: Time) -> Result<(), TravelError> {
        if time >= self.head.world().now() {
            self.view = None;
            return Ok(());
        }
        let script = self.script();
        let nearest = self.checkpoints.nearest_time(time).cloned();
        let mut session = nearest.unwrap_or_else(|| Session::new(&self.head.start));
        self.pass(&script, &mut session, time)?;
        session.marks = self.head.marks.clone();
        self.view = Some(session);
        Ok(())
    }

    /// Lets the past that is looked at go on along the known way.
    pub(super) fn play(&mut self, until: Time) -> Result<(), TravelError> {
        let Some(mut session) = self.view.take() else { return Ok(()) };
        if until < self.head.world().now() {
            let script = self.script();
            self.pass(&script, &mut session, until)?;
            self.view = Some(session);
        }
        Ok(())
    }

    /// Everything that is due up to `time`.
    fn pass(&mut self, script: &Script, session: &mut Session, time: Time) -> Result<(), TravelError> {
        while script.next_at(session).is_some_and(|at| at <= time) && script.step(session)? {
            offer(&mut self.checkpoints, session);
        }
        if session.world.now() < time {
            session.world.env.kernel.advance_to(time);
        }
        session.forget_output();
        Ok(())
    }

    /// Goes to where so many events had been handled (or, where one step handles several, to the first step's end beyond).
    ///
    /// # Errors
    /// When the past cannot be rebuilt, which is a bug of the model.
    pub fn seek_event(&mut self, number: u64) -> Result<(), TravelError> {
        self.go(number, |session| session.moment().event >= number)
    }

    /// Goes to the moment before the last event or input.
    ///
    /// # Errors
    /// When the past cannot be rebuilt, which is a bug of the model.
    pub fn step_back(&mut self) -> Result<(), TravelError> {
        let here = self.session().position();
        let script = self.script();
        let mut scout = self.nearest(here.saturating_sub(1));
        let mut before = scout.position();
        while scout.position() < here {
            before = scout.position();
            if !script.step(&mut scout)? {
                break;
            }
            if scout.position() < here {
                self.leave_behind(&scout, here);
            }
        }
        self.seek_position(before)
    }

    fn seek_position(&mut self, position: u64) -> Result<(), TravelError> {
        self.go(position, |session| session.position() >= position)
    }

    fn nearest(&self, position: u64) -> Session {
        let checkpoint = self.checkpoints.nearest(position);
        let near = self.near.as_ref().filter(|near| near.position() <= position);
        let nearest = checkpoint.into_iter().chain(near).max_by_key(|session| session.position());
        nearest.cloned().unwrap_or_else(|| Session::new(&self.head.start))
    }

    /// Keeps copies of what is passed on the way to a position, so that the next way to near there is short.
    fn leave_behind(&mut self, session: &Session, target: u64) {
        offer(&mut self.checkpoints, session);
        let position = session.position();
        let close = target.saturating_sub(position) < 2 * NEAR;
        if close && self.near.as_ref().is_none_or(|near| near.position().abs_diff(position) >= NEAR) {
            self.near = Some(session.clone());
        }
    }

    /// From the nearest checkpoint at or before that position on, until `there`.
    fn go(&mut self, position: u64, there: impl Fn(&Session) -> bool) -> Result<(), TravelError> {
        let script = self.script();
        let mut session = self.nearest(position);
        while !there(&session) && script.step(&mut session)? {
            self.leave_behind(&session, position);
        }
        session.forget_output();
        session.marks = self.head.marks.clone();
        self.view = (session.position() < self.head.position()).then_some(session);
        Ok(())
    }

    /// Goes to a mark, to the end of a branch, or to `now`.
    ///
    /// # Errors
    /// When nothing bears the name.
    pub fn seek_name(&mut self, name: &str) -> Result<(), TravelError> {
        if let Some(mark) = self.head.marks.iter().rev().find(|mark| mark.name == name) {
            let position = mark.position;
            return self.seek_position(position);
        }
        if name == NOW {
            self.seek_present();
            return Ok(());
        }
        if self.switch(name) {
            return Ok(());
        }
        let marks = self.head.marks.iter().map(|mark| mark.name.as_str());
        let names: Vec<&str> = marks.chain(self.branches.iter().map(|branch| branch.name.as_str())).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("; did you mean {near}?"),
            None if names.is_empty() => "; `mark NAME` names one".into(),
            None => format!("; there are {}", names.join(", ")),
        };
        Err(TravelError::NoMark { name: name.into(), hint })
    }

    /// Takes back the last input that changed something, with everything behind it. Gives its text, and the name under
    /// which the dropped future is kept.
    ///
    /// # Errors
    /// When there is none, or the past is looked at.
    pub fn undo(&mut self) -> Result<(String, String), TravelError> {
        if let Some(view) = &self.view {
            return Err(TravelError::Past(view.world().now()));
        }
        let changes = |entry: &Entry| match &entry.input {
            Input::Typed { text, .. } => !parse(text, Dialect::Lab).is_ok_and(|list| is_reading(&list)),
            Input::Put { .. } => true,
            Input::Open { .. } | Input::Interrupt { .. } | Input::HandIn { .. } => false,
        };
        let inputs = self.head.inputs.clone();
        let Some(number) = inputs.iter().rposition(changes) else { return Err(TravelError::NothingToUndo) };
        let Entry { at, input } = &inputs[number];
        let text = match input {
            Input::Typed { text, .. } => text.clone(),
            Input::Put { path, .. } => format!("put .. as {path}"),
            _ => String::new(),
        };
        let position = at.event + number as u64;
        if position < self.first() {
            return Err(TravelError::NothingToUndo);
        }
        self.seek_position(position)?;
        if let Some(view) = &mut self.view {
            // As it was when the line was typed, which may be long after the last event.
            view.world.env.kernel.advance_to(at.at);
        }
        Ok((text, self.fork()))
    }

    /// Where the timeline begins.
    fn first(&self) -> u64 {
        self.checkpoints.numbers().next().unwrap_or(0)
    }

    /// Goes on from the moment that is looked at in a second world. Gives the name under which the other is kept.
    pub fn fork(&mut self) -> String {
        let head = match self.view.take() {
            Some(past) => std::mem::replace(&mut self.head, past),
            None => self.head.clone(),
        };
        let position = self.head.position();
        let mark_known = |mark: &crate::session::Mark| mark.position <= position;
        if !self.head.marks.iter().all(mark_known) {
            std::sync::Arc::make_mut(&mut self.head.marks).retain(mark_known);
        }
        self.printed.retain(|printed| printed.position <= position);
        self.checkpoints.truncate_after(position);
        (self.near, self.due) = (None, 0);
        let left = self.head.moment();
        self.keep(head, left)
    }

    /// The same as `fork` typed at a terminal: that one is at its prompt then. The line that was running there at the moment
    /// that was looked at is given up, as by Ctrl-C, or the next line would wait until it has ended.
    pub fn fork_at(&mut self, id: TerminalId) -> Forked {
        let kept = self.fork();
        let left = self.branches.last().map(|branch| &branch.head);
        // A terminal that was opened later than that is opened again.
        let later: Vec<_> = left.into_iter().flat_map(|left| &left.terminals).skip(self.head.terminals.len()).collect();
        for (host, width) in later.into_iter().map(|terminal| (terminal.host, terminal.width)).collect::<Vec<_>>() {
            self.head.open(host, width);
        }
        let running = (!self.head.is_idle(id)).then(|| {
            let typed = self.head.inputs.iter().rev().find_map(|entry| match &entry.input {
                Input::Typed { terminal, text } if *terminal == id => text.trim().lines().next(),
                _ => None,
            });
            typed.unwrap_or_default().to_owned()
        });
        for _ in 0..INTERRUPTS {
            if self.head.is_idle(id) {
                break;
            }
            self.head.interrupt(id);
        }
        Forked { kept, given_up: running }
    }

    fn keep(&mut self, head: Session, left: Moment) -> String {
        self.made += 1;
        let name = format!("branch-{}", self.made);
        self.branches.push(Branch { name: name.clone(), left, head });
        if self.branches.len() > BRANCHES {
            self.branches.remove(0);
        }
        name
    }

    /// Makes a branch the present, and keeps the present as a branch of the same name. False if there is none.
    pub fn switch(&mut self, name: &str) -> bool {
        let Some(branch) = self.branches.iter_mut().find(|branch| branch.name == name) else { return false };
        std::mem::swap(&mut self.head, &mut branch.head);
        self.view = None;
        let shared = shared(&self.head, &branch.head);
        self.printed.retain(|printed| printed.position <= shared);
        self.checkpoints.truncate_after(shared);
        (self.near, self.due) = (None, 0);
        true
    }
}

/// Up to which position two sessions have the same past.
fn shared(a: &Session, b: &Session) -> u64 {
    let same = a.inputs.iter().zip(&*b.inputs).take_while(|(a, b)| a == b).count();
    let until = |session: &Session| match session.inputs.get(same) {
        Some(entry) => entry.at.event + same as u64,
        None => session.position(),
    };
    until(a).min(until(b))
}

//! The shell's interpreter: one step at a time over a stack of frames, so that it can stand still in the middle of a
//! command while virtual time passes, and be cloned there.

use super::shell::expand::{Expanded, ExpandedRedirect, expand, substitutions};
use super::shell::{Command, Connective, SimpleCommand, filter};
use super::terminal::{Frame, Process, Redirect, Sink, Stream};
use super::{Session, TerminalId, absolute};
use crate::docker::{Client, Effect, Environment, Input as ClientInput, TERMINAL};
use crate::engine::Duration;
use crate::observe::Observed;
use crate::predicate::Verdict;
use crate::swarm::world::event::ClientId;
use crate::swarm::world::{DaemonState, Told};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// From the shell's exec to the docker program's first request.
const START: Duration = Duration::from_millis(12);

/// The timer of a wait for a condition that reads the time: nothing else may happen when it comes to hold.
pub(super) const POLL: u64 = 1;

/// How often such a condition is looked at.
pub(super) const POLL_EVERY: Duration = Duration::from_millis(100);

/// The most words of a docker command: a client looks at all answers so far at each new one, and asks for each word.
const MOST_WORDS: usize = 2_000;

/// The most bytes in all variables of a terminal.
const MOST_VARIABLES: usize = 16 << 20;

/// What became of trying to go on.
enum Progress {
    /// Go on.
    More,
    /// Something takes time, or nothing is left.
    Waits,
}

impl Session {
    /// Lets every terminal run until all of them wait.
    pub(super) fn run_terminals(&mut self) {
        let mut next = self.busy.first().copied();
        while let Some(id) = next {
            while let Progress::More = self.advance(id) {}
            if self.is_idle(id) {
                self.busy.remove(&id);
            }
            next = self.busy.range((Bound::Excluded(id), Bound::Unbounded)).next().copied();
        }
    }

    pub(super) fn new_client(&mut self, terminal: TerminalId) -> ClientId {
        let client = ClientId(self.next_client);
        self.next_client += 1;
        self.clients.insert(client, terminal);
        client
    }

    fn advance(&mut self, id: TerminalId) -> Progress {
        let terminal = &mut self.terminals[id.0];
        let Some(frame) = terminal.stack.last_mut() else { return Progress::Waits };
        match frame {
            Frame::List { list, item, next, lines, .. } => {
                let Some(chain) = list.items.get(*item) else {
                    terminal.stack.pop();
                    return if self.is_idle(id) { Progress::Waits } else { Progress::More };
                };
                let pipeline = if *next == 0 {
                    Some(&chain.first)
                } else {
                    match chain.rest.get(*next - 1) {
                        None => {
                            *item += 1;
                            *next = 0;
                            return Progress::More;
                        }
                        Some((Connective::And, pipeline)) => (terminal.status == 0).then_some(pipeline),
                        Some((Connective::Or, pipeline)) => (terminal.status != 0).then_some(pipeline),
                    }
                };
                *next += 1;
                if let Some(pipeline) = pipeline {
                    // Of several lines, what follows is the work of this one.
                    if let Some((_, line)) = lines.iter().find(|(end, _)| pipeline.span.start < *end) {
                        self.world.env.kernel.attribute_to(*line);
                    }
                    let pipeline = Arc::new(pipeline.clone());
                    terminal.stack.push(Frame::Pipeline {
                        pipeline,
                        next: 0,
                        input: String::new(),
                        buffer: String::new(),
                    });
                }
                Progress::More
            }
            Frame::Pipeline { pipeline, next, input, buffer } => {
                *input = std::mem::take(buffer);
                let pipeline = pipeline.clone();
                let place = *next;
                *next += 1;
                match pipeline.commands.get(place) {
                    None => {
                        terminal.stack.pop();
                    }
                    Some(Command::Verb(verb)) => self.run_verb(id, verb),
                    Some(Command::Simple(command)) => {
                        let waiting = substitutions(command).into();
                        terminal.stack.push(Frame::Command {
                            command: Arc::new(command.clone()),
                            waiting,
                            outputs: Vec::new(),
                        });
                    }
                }
                Progress::More
            }
            Frame::Command { waiting, .. } => {
                if let Some(list) = waiting.pop_front() {
                    let (host, variables) = (terminal.host, terminal.variables.clone());
                    let source = terminal.source();
                    terminal.stack.push(Frame::Capture { text: String::new(), host, variables });
                    terminal.stack.push(Frame::List { list, source, item: 0, next: 0, lines: [].into() });
                    return Progress::More;
                }
                let Some(Frame::Command { command, outputs, .. }) = terminal.stack.pop() else { return Progress::More };
                self.run_command(id, &command, &outputs);
                Progress::More
            }
            Frame::Capture { .. } | Frame::Redirect(_) => {
                self.pop(id);
                Progress::More
            }
            Frame::Process(_) => self.advance_process(id),
        }
    }

    /// Takes the topmost frame off, and does what its end brings.
    fn pop(&mut self, id: TerminalId) {
        let terminal = &mut self.terminals[id.0];
        match terminal.stack.pop() {
            Some(Frame::Capture { text, host, variables }) => {
                (terminal.host, terminal.variables) = (host, variables);
                if let Some(Frame::Command { outputs, .. }) = terminal.stack.last_mut() {
                    outputs.push(text);
                }
            }
            Some(Frame::Redirect(redirect)) => {
                let host = terminal.host;
                for (path, text) in redirect.files {
                    if let Err(problem) = self.write_file(host, &path, true, &text) {
                        self.terminals[id.0].fail(&problem);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes frames off until so many are left.
    fn unwind(&mut self, id: TerminalId, left: usize) {
        while self.terminals[id.0].stack.len() > left {
            self.pop(id);
        }
    }

    /// Pops the process, whose command has ended with this status.
    fn end_process(&mut self, id: TerminalId, client: ClientId, status: i32) {
        self.clients.remove(&client);
        let terminal = &mut self.terminals[id.0];
        terminal.stack.pop();
        terminal.told.clear();
        terminal.status = status;
    }

    fn advance_process(&mut self, id: TerminalId) -> Progress {
        let now = self.world.now();
        let terminal = &mut self.terminals[id.0];
        let told = terminal.told.pop_front();
        let Some(Frame::Process(process)) = terminal.stack.last_mut() else { return Progress::Waits };
        match process {
            Process::Sleep { client } => match told {
                Some(_) => {
                    let client = *client;
                    self.end_process(id, client, 0);
                    Progress::More
                }
                None => Progress::Waits,
            },
            Process::Until { watcher, deadline, client } => {
                let holds = *watcher.judge(&Observed(&self.world)).0 == Verdict::True;
                let late = deadline.is_some_and(|deadline| now >= deadline);
                if !holds && !late {
                    if matches!(told, Some(Told::Timer { number: POLL, .. })) {
                        let client = *client;
                        self.world.client_timer(client, POLL, POLL_EVERY);
                    }
                    return Progress::Waits;
                }
                let client = *client;
                let text = (!holds).then(|| {
                    format!(
                        "swarmlab: still not so after the time given: {}\n",
                        watcher.condition().explain(&Observed(&self.world)).trim_end()
                    )
                });
                self.end_process(id, client, i32::from(!holds));
                if let Some(text) = text {
                    self.terminals[id.0].complain(&text);
                }
                Progress::More
            }
            // Its owner hands the file in, or nobody does.
            Process::Put { .. } => Progress::Waits,
            Process::Starting { client, args, stdin, piped, environment } => {
                if told.is_none() {
                    return Progress::Waits;
                }
                // What it asks for leads to its record in the trace.
                self.world.env.kernel.mark_notable();
                let (client, args, stdin, piped) = (*client, std::mem::take(args), stdin.clone(), *piped);
                let variables = environment.clone();
                let environment = Environment {
                    host: self.world.env.name(terminal.host).to_string(),
                    terminal_width: None,
                    terminal_input: !piped,
                    directory: super::HOME.trim_end_matches('/').to_owned(),
                    variables,
                    clock_offset: (self.world.host(terminal.host).clock.wall(now) - now).as_nanos(),
                };
                let environment = Environment { terminal_width: self.terminals[id.0].stdout_width(), ..environment };
                let (machine, effects) = Client::start(&args, environment, now.nanos());
                if let Some(Frame::Process(process)) = self.terminals[id.0].stack.last_mut() {
                    *process = Process::Docker { client, machine: Box::new(machine), stdin };
                }
                self.carry_out(id, client, effects);
                Progress::More
            }
            Process::Docker { client, machine, .. } => {
                let input = match told {
                    None => return Progress::Waits,
                    Some(Told::Answer { number, answer, .. }) => {
                        ClientInput::Answer { request: number, answer: (*answer).clone() }
                    }
                    Some(Told::Timer { .. }) => ClientInput::Timer,
                };
                let client = *client;
                let effects = machine.step(input, now.nanos());
                self.carry_out(id, client, effects);
                Progress::More
            }
        }
    }

    pub(super) fn carry_out(&mut self, id: TerminalId, client: ClientId, effects: Vec<Effect>) {
        let now = self.world.now().nanos();
        let mut queue: VecDeque<Effect> = effects.into();
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Request { request, body } => {
                    self.world.request(client, request, self.terminals[id.0].host, body);
                }
                Effect::Timer { after } => {
                    self.world.client_timer(client, 0, Duration::from_nanos(after));
                }
                // Whoever sits at the terminal is asked.
                Effect::ReadFile { path } if path == TERMINAL => {}
                Effect::ReadFile { path } => {
                    let known = self.file_of(self.terminals[id.0].host, &path);
                    if let Some(Frame::Process(Process::Docker { machine, stdin, .. })) =
                        self.terminals[id.0].stack.last_mut()
                    {
                        let content = match path.as_str() {
                            "-" | "/dev/stdin" => Ok(stdin.as_bytes().into()),
                            _ => known.ok_or("no such file or directory"),
                        };
                        let content = content.map_err(str::to_owned);
                        queue.extend(machine.step(ClientInput::File { path, content }, now));
                    }
                }
                Effect::Stdout(text) => self.terminals[id.0].print(&text),
                Effect::Stderr(text) => self.terminals[id.0].complain(&text),
                Effect::Exit(status) => return self.end_process(id, client, status),
            }
        }
    }

    pub(super) fn interrupt_terminal(&mut self, id: TerminalId) {
        let now = self.world.now().nanos();
        match self.terminals[id.0].stack.last_mut() {
            Some(Frame::Process(Process::Docker { client, machine, .. })) => {
                let client = *client;
                let effects = machine.step(ClientInput::Interrupt, now);
                self.carry_out(id, client, effects);
                // One that hands Ctrl-C on to the program it is attached to goes on until that ends.
                let top = self.terminals[id.0].stack.last();
                if matches!(top, Some(Frame::Process(Process::Docker { client: running, .. })) if *running == client) {
                    return;
                }
                // A program that takes Ctrl-C for a good end (an attached create stops watching) ends itself alone.
                if self.terminals[id.0].status == 0 {
                    return;
                }
            }
            Some(Frame::Process(
                Process::Sleep { client } | Process::Starting { client, .. } | Process::Until { client, .. },
            )) => {
                let client = *client;
                self.end_process(id, client, 130);
            }
            Some(Frame::Process(Process::Put { .. })) => self.terminals[id.0].status = 130,
            _ => return,
        }
        // The line that was interrupted is given up; lines that were typed behind it, which lie below, go on.
        let typed = self.terminals[id.0].stack.iter().take_while(|frame| matches!(frame, Frame::List { .. })).count();
        self.unwind(id, typed.saturating_sub(1));
    }

    fn run_command(&mut self, id: TerminalId, command: &SimpleCommand, outputs: &[String]) {
        let terminal = &mut self.terminals[id.0];
        let expanded = match expand(command, &terminal.variables, terminal.status, outputs) {
            Ok(expanded) => expanded,
            Err(error) => {
                terminal.complain(&format!("{error}\n"));
                terminal.status = 1;
                return;
            }
        };
        let Expanded { assignments, argv, redirects } = expanded;
        // The pipe's text is the command's input unless a redirect brings another.
        let (mut stdin, mut piped) = match terminal.stack.last() {
            Some(Frame::Pipeline { input, next, .. }) => (input.clone(), *next > 1),
            _ => (String::new(), false),
        };
        let host = terminal.host;
        let mut redirect = Redirect::default();
        for wanted in redirects {
            let opened = match wanted {
                ExpandedRedirect::Out(path) => self.write_file(host, &path, false, "").map(|()| {
                    redirect.out = redirect.open(path);
                }),
                ExpandedRedirect::Append(path) => self.write_file(host, &path, true, "").map(|()| {
                    redirect.out = redirect.open(path);
                }),
                ExpandedRedirect::Err(path) => self.write_file(host, &path, false, "").map(|()| {
                    redirect.err = redirect.open(path);
                }),
                ExpandedRedirect::ErrToOut => {
                    redirect.err = redirect.out;
                    Ok(())
                }
                ExpandedRedirect::Here(text) => {
                    (stdin, piped) = (text, true);
                    Ok(())
                }
                ExpandedRedirect::In(path) => match self.file_of(host, &path) {
                    Some(content) => {
                        (stdin, piped) = (String::from_utf8_lossy(&content).into_owned(), true);
                        Ok(())
                    }
                    None => Err(format!("bash: {path}: No such file or directory\n")),
                },
            };
            if let Err(problem) = opened {
                return self.terminals[id.0].fail(&problem);
            }
        }
        if argv.is_empty() {
            let terminal = &mut self.terminals[id.0];
            terminal.variables.extend(assignments);
            let kept: usize = terminal.variables.values().map(String::len).sum();
            if kept > MOST_VARIABLES {
                terminal.variables.clear();
                return terminal.fail(&format!(
                    "swarmlab: all variables of this terminal are forgotten: they had more than {MOST_VARIABLES} bytes\n"
                ));
            }
            // The status of `X=$(...)` is that of its last substitution.
            if outputs.is_empty() {
                terminal.status = 0;
            }
            return;
        }
        if !matches!((redirect.out, redirect.err), (Sink::Around(Stream::Out), Sink::Around(Stream::Err))) {
            self.terminals[id.0].stack.push(Frame::Redirect(redirect));
        }
        let line = self.terminals[id.0].typed(command.span);
        self.run_program(id, &argv, &assignments, &stdin, piped, line);
    }

    /// What a program is told of variables: those that are exported, and those set in front of its name.
    fn environment(&self, id: TerminalId, assignments: &[(String, String)]) -> Arc<BTreeMap<String, String>> {
        let terminal = &self.terminals[id.0];
        let home = super::HOME.trim_end_matches('/');
        let mut environment: BTreeMap<String, String> =
            ["HOME", "PWD"].map(|name| (name.to_owned(), home.to_owned())).into();
        let exported = terminal.variables.iter().filter(|(name, _)| terminal.exported.contains(*name));
        environment.extend(exported.map(|(name, value)| (name.clone(), value.clone())));
        environment.extend(assignments.iter().cloned());
        environment.into()
    }

    fn run_program(
        &mut self,
        id: TerminalId,
        argv: &[String],
        assignments: &[(String, String)],
        stdin: &str,
        piped: bool,
        line: Arc<str>,
    ) {
        let host = self.terminals[id.0].host;
        if argv[0] == "docker" && self.world.host(host).daemon == DaemonState::Off {
            let name = self.world.env.name(host).clone();
            let terminal = &mut self.terminals[id.0];
            terminal
                .complain(&format!("swarmlab: {name} has no power: `boot {name}` first, or `on HOST` for another\n"));
            terminal.status = 255;
            return;
        }
        if argv[0] == "docker" && argv.len() > MOST_WORDS {
            let terminal = &mut self.terminals[id.0];
            let count = argv.len();
            terminal.complain(&format!(
                "bash: docker: Argument list too long ({count} words; a docker command takes {MOST_WORDS} at most here)\n"
            ));
            terminal.status = 126;
            return;
        }
        if argv[0] == "docker" {
            let client = self.new_client(id);
            let args = argv[1..].to_vec();
            let environment = self.environment(id, assignments);
            self.terminals[id.0].stack.push(Frame::Process(Process::Starting {
                client,
                args,
                stdin: stdin.into(),
                piped,
                environment,
            }));
            let goes_on = self.world.client_timer(client, 0, START);
            self.world.env.remark_command(goes_on, host, line);
            return;
        }
        let read = |path: &str| self.file_of(host, path).map(|content| String::from_utf8_lossy(&content).into_owned());
        if let Some(outcome) = filter::run(argv, stdin, &read) {
            let terminal = &mut self.terminals[id.0];
            terminal.print(&outcome.stdout);
            terminal.complain(&outcome.stderr);
            terminal.status = outcome.status;
            return;
        }
        self.run_builtin(id, argv);
    }

    fn run_builtin(&mut self, id: TerminalId, argv: &[String]) {
        let host = self.terminals[id.0].host;
        let mut status = 0;
        match argv[0].as_str() {
            "true" | ":" | "clear" => {}
            "false" => status = 1,
            "hostname" => {
                let name = format!("{}\n", self.world.env.name(host));
                self.terminals[id.0].print(&name);
            }
            "date" => {
                let shown = self.world.host(host).clock.wall(self.world.now());
                let text = format!("{}\n", crate::swarm::api::time::rfc3339(shown.nanos()));
                self.terminals[id.0].print(&text);
            }
            "pwd" => self.terminals[id.0].print("/home/lab\n"),
            "ls" => {
                let mut text = String::new();
                for ((_, path), _) in self.files.range((host, String::new())..).take_while(|((h, _), _)| *h == host) {
                    text.push_str(path.strip_prefix(super::HOME).unwrap_or(path));
                    text.push('\n');
                }
                self.terminals[id.0].print(&text);
            }
            "export" => status = self.export(id, &argv[1..]),
            "rm" => {
                let files = Arc::make_mut(&mut self.files);
                for path in argv[1..].iter().filter(|path| !path.starts_with('-')) {
                    if files.remove(&(host, absolute(path))).is_none() {
                        self.terminals[id.0]
                            .complain(&format!("rm: cannot remove '{path}': No such file or directory\n"));
                        status = 1;
                    }
                }
            }
            "sleep" => return self.sleep(id, argv.get(1).map_or("", String::as_str)),
            "exit" => {
                let terminal = &self.terminals[id.0];
                status = match argv.get(1).map(|text| text.parse::<i32>()) {
                    None => terminal.status,
                    Some(Ok(status)) => status.rem_euclid(256),
                    Some(Err(_)) => {
                        let text = format!("bash: exit: {}: numeric argument required\n", argv[1]);
                        self.terminals[id.0].complain(&text);
                        2
                    }
                };
                // In a substitution only the substitution ends.
                let inside = self.terminals[id.0].stack.iter().rposition(|f| matches!(f, Frame::Capture { .. }));
                self.unwind(id, inside.map_or(0, |capture| capture + 1));
                self.terminals[id.0].exited = inside.is_none();
            }
            other => {
                self.terminals[id.0].complain(&format!("bash: {other}: command not found\n"));
                status = 127;
            }
        }
        self.terminals[id.0].status = status;
    }

    /// `export NAME[=VALUE]..`: programs are told these variables from now on. Its status.
    fn export(&mut self, id: TerminalId, words: &[String]) -> i32 {
        let terminal = &mut self.terminals[id.0];
        let mut status = 0;
        for word in words {
            let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            let mut letters = name.bytes();
            let is_name = letters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
                && letters.all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name {
                terminal.complain(&format!("bash: export: `{word}': not a valid identifier\n"));
                status = 1;
                continue;
            }
            if let Some(value) = value {
                terminal.variables.insert(name.to_owned(), value.to_owned());
            }
            terminal.exported.insert(name.to_owned());
        }
        if words.is_empty() {
            let shown = terminal.variables.iter().filter(|(name, _)| terminal.exported.contains(*name));
            let text: String = shown.map(|(name, value)| format!("declare -x {name}=\"{value}\"\n")).collect();
            terminal.print(&text);
        }
        status
    }

    fn sleep(&mut self, id: TerminalId, text: &str) {
        let (number, unit) = match text.char_indices().next_back() {
            Some((at, unit @ ('s' | 'm' | 'h' | 'd'))) => (&text[..at], unit),
            _ => (text, 's'),
        };
        let factor = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => 1,
        };
        let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
        let span = Duration::parse(&format!("{number}s")).ok().filter(|_| plain);
        let span = span.and_then(|span| Some(Duration::from_nanos(span.as_nanos().checked_mul(factor)?)));
        match span {
            Some(span) => self.pass_time(id, span),
            None => {
                let terminal = &mut self.terminals[id.0];
                terminal.complain(&format!("sleep: invalid time interval '{text}'\n"));
                terminal.status = 1;
            }
        }
    }

    /// Lets the terminal wait.
    pub(super) fn pass_time(&mut self, id: TerminalId, span: Duration) {
        let client = self.new_client(id);
        self.terminals[id.0].stack.push(Frame::Process(Process::Sleep { client }));
        self.world.client_timer(client, 0, span);
    }
}

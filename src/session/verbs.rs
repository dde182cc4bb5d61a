//! The lab's own verbs, carried out on the world.

use super::interpreter::{POLL, POLL_EVERY};
use super::shell::verb::{Aspect, ClockChange, DiskState, KillTarget, LinkState, RegistryState, help};
use super::shell::{Verb, VerbCommand};
use super::terminal::{Frame, Process};
use super::timeline::NOW;
use super::{Mark, Session, TerminalId, absolute};
use crate::docker::{Input as ClientInput, TERMINAL};
use crate::engine::Duration;
use crate::net::{HostId, LinkSpec};
use crate::observe::{Observed, Root, View, look, nearest};
use crate::predicate::{Condition, Verdict, Watcher};
use crate::swarm::daemon::image::ImageBehaviour;
use crate::swarm::daemon::registry::RegistryChange;
use crate::swarm::object::ContainerId;
use crate::swarm::world::record::What;
use crate::swarm::world::{DaemonState, Fault};
use std::sync::Arc;

impl Session {
    pub(super) fn run_verb(&mut self, id: TerminalId, command: &VerbCommand) {
        match self.verb(id, &command.verb, &command.text) {
            Ok(Some(text)) => {
                let terminal = &mut self.terminals[id.0];
                terminal.print(&text);
                terminal.status = 0;
            }
            Ok(None) => self.terminals[id.0].status = 0,
            Err(text) => {
                let terminal = &mut self.terminals[id.0];
                terminal.complain(&format!("swarmlab: {text}\n"));
                terminal.status = 1;
            }
        }
    }

    fn host(&self, name: &str) -> Result<HostId, String> {
        self.world.host_named(name).ok_or_else(|| {
            let names = self.world.hosts().iter().map(|host| &*host.name);
            let hint = nearest(name, names).map_or_else(String::new, |near| format!("; did you mean {near}?"));
            format!("there is no host {name}{hint}")
        })
    }

    fn hosts(&self, names: &[String]) -> Result<Vec<HostId>, String> {
        names.iter().map(|name| self.host(name)).collect()
    }

    /// The running container of a task: by `web.1`, by the task's id, or by the container's.
    fn container(&self, name: &str) -> Result<(HostId, ContainerId), String> {
        let mut found = self.world.hosts().iter().flat_map(|host| {
            host.engine
                .containers
                .values()
                .filter(|c| c.runs())
                .filter(|c| {
                    &*c.name == name
                        || c.task().is_some_and(|task| task.name() == name || task.id.text().starts_with(name))
                        || c.id.text().starts_with(name)
                })
                .map(|c| (host.id, c.id))
        });
        match (found.next(), found.next()) {
            (Some(container), None) => Ok(container),
            (Some(_), Some(_)) => {
                Err(format!("several containers run for {name} at this moment: name one by its id (docker ps)"))
            }
            (None, _) => Err(format!("nothing called {name} runs: neither a host nor a task (docker service ps)")),
        }
    }

    /// Whether `seek` will find this moment by that name.
    fn check_mark(&self, name: &str) -> Result<(), String> {
        if let Some(mark) = self.marks.iter().find(|mark| mark.name == name) {
            return Err(format!("a moment is called {name} already ({}): give this one another name", mark.at.at));
        }
        if name == NOW || Duration::parse(name).is_ok() {
            return Err(format!("`seek {name}` means a time: give this moment a name that is none"));
        }
        Ok(())
    }

    fn inject(&mut self, id: TerminalId, fault: Fault, text: &str) -> Result<Option<String>, String> {
        self.world.fault(fault, text).map_err(|error| error.to_string())?;
        // The trace knows where it was typed.
        let (event, host) = (self.world.env.kernel.current(), self.terminals[id.0].host);
        self.world.env.remark_command(event, host, text.into());
        Ok(None)
    }

    fn verb(&mut self, id: TerminalId, verb: &Verb, text: &str) -> Result<Option<String>, String> {
        let fault = match verb {
            Verb::On { host } => {
                self.terminals[id.0].host = self.host(host)?;
                return Ok(None);
            }
            Verb::Wait(span) => {
                self.pass_time(id, *span);
                return Ok(None);
            }
            Verb::WaitUntil { condition, limit, .. } => {
                let condition = Condition::parse(condition).map_err(|error| error.to_string())?;
                let of_time = condition.roots().iter().eq([&Root::Time]);
                if of_time && condition.judge(&Observed(&self.world)) == Verdict::True {
                    return Ok(Some(format!("it is {} now: that moment has come already\n", self.world.now())));
                }
                let client = self.new_client(id);
                let deadline = limit.map(|limit| self.world.now() + limit);
                if let Some(limit) = limit {
                    // Something must happen at the deadline, so that it is noticed.
                    self.world.client_timer(client, 0, *limit);
                }
                if condition.roots().contains(&Root::Time) {
                    self.world.client_timer(client, POLL, POLL_EVERY);
                }
                let watcher = Box::new(Watcher::new(condition));
                self.terminals[id.0].stack.push(Frame::Process(Process::Until { watcher, deadline, client }));
                return Ok(None);
            }
            Verb::Kill { target: KillTarget::Named(name) } => match self.world.host_named(name) {
                Some(host) => Fault::PowerCut(host),
                None => {
                    let (host, container) = self.container(name)?;
                    Fault::Crash { host, container, code: 137 }
                }
            },
            Verb::Kill { target: KillTarget::Daemon(host) } => Fault::KillDaemon(self.host(host)?),
            Verb::Boot { host, daemon } => {
                let id = self.host(host)?;
                if *daemon && self.world.host(id).daemon == DaemonState::Off {
                    return Err(format!(
                        "{host} has no power: `boot {host}` powers it on, and its daemon starts with it"
                    ));
                }
                Fault::Boot(id)
            }
            Verb::Stop { host, daemon: true } => Fault::StopDaemon(self.host(host)?),
            Verb::Stop { host, daemon: false } => Fault::StopHost(self.host(host)?),
            Verb::Pause { host } => Fault::Pause(self.host(host)?),
            Verb::Resume { host } => Fault::Resume(self.host(host)?),
            Verb::Crash { task, exit } => {
                let (host, container) = self.container(task)?;
                let own =
                    self.world.host(host).engine.containers[&container].program.ends.map_or(1, |ending| ending.code);
                Fault::Crash { host, container, code: exit.map_or(own, i32::from) }
            }
            Verb::Partition { groups } => {
                Fault::Partition(groups.iter().map(|group| self.hosts(group)).collect::<Result<_, _>>()?)
            }
            Verb::Heal { hosts } => {
                let named = self.hosts(hosts)?;
                let meant = |host: &HostId| named.is_empty() || named.contains(host);
                if !self.world.env.net.cuts().iter().any(|(from, to)| meant(from) || meant(to)) {
                    let whose = if hosts.is_empty() { String::new() } else { format!(" of {}", hosts.join(", ")) };
                    let told = format!("no wire{whose} is cut: there was nothing to mend\n");
                    return self.inject(id, Fault::HealHosts(named), text).map(|_| Some(told));
                }
                if named.is_empty() { Fault::Heal } else { Fault::HealHosts(named) }
            }
            Verb::Cut { from, to } => Fault::Cut { from: self.host(from)?, to: self.host(to)? },
            Verb::Block { host, port } => Fault::Block { host: self.host(host)?, port: *port },
            Verb::Unblock { host: None, port: None } if self.world.env.net.blocked().next().is_none() => {
                let told = "no port is blocked: there was nothing to take away\n".to_owned();
                return self.inject(id, Fault::Unblock(None), text).map(|_| Some(told));
            }
            Verb::Unblock { host, port: None } => {
                Fault::Unblock(host.as_ref().map(|host| self.host(host)).transpose()?)
            }
            Verb::Unblock { host: Some(host), port: Some(port) } => {
                Fault::UnblockPort { host: self.host(host)?, port: *port }
            }
            Verb::Link { a, b, latency, jitter, loss, duplicate } => {
                let (a, b) = (self.host(a)?, self.host(b)?);
                let old = self.world.env.net.link(a, b);
                let spec = LinkSpec {
                    latency: latency.unwrap_or(old.latency),
                    jitter: jitter.unwrap_or(old.jitter),
                    loss_per_million: loss.map_or(old.loss_per_million, |share| share.0),
                    duplicate_per_million: duplicate.map_or(old.duplicate_per_million, |share| share.0),
                };
                Fault::Link { a, b, spec }
            }
            Verb::LinkState { a, b, state } => {
                let (a, b) = (self.host(a)?, self.host(b)?);
                match state {
                    LinkState::Up => Fault::LinkDown { a, b, down: false },
                    LinkState::Down => Fault::LinkDown { a, b, down: true },
                    LinkState::Flaps(every) => Fault::LinkFlaps { a, b, every: *every },
                }
            }
            Verb::Clock { host, change: ClockChange::Jump(by) } => Fault::ClockJump { host: self.host(host)?, by: *by },
            Verb::Clock { host, change: ClockChange::Drift(drift) } => {
                Fault::ClockDrift { host: self.host(host)?, drift: *drift }
            }
            Verb::Backup { host, name } => Fault::Backup { host: self.host(host)?, name: name.clone() },
            Verb::Restore { host, name } => Fault::Restore { host: self.host(host)?, name: name.clone() },
            Verb::Policy(None) => return Ok(Some(format!("{}\n", self.world.env.policy.about()))),
            Verb::Policy(Some(policy)) => {
                self.inject(id, Fault::Policy(*policy), text)?;
                return Ok(Some(format!("{}\n", policy.about())));
            }
            Verb::Registry { state, hosts } => Fault::Registry {
                change: match state {
                    RegistryState::Down => RegistryChange::Down,
                    RegistryState::Up => RegistryChange::Up,
                    RegistryState::Slow(by) => RegistryChange::Slow(*by),
                },
                hosts: self.hosts(hosts)?,
            },
            Verb::Unhealthy { task } => {
                let (host, container) = self.container(task)?;
                Fault::Unhealthy { host, container }
            }
            Verb::Disk { host, state } => {
                let host = self.host(host)?;
                match state {
                    DiskState::Slow(latency) => Fault::Disk { host, latency: *latency },
                    DiskState::Ok => Fault::Disk { host, latency: self.world.env.settings.disk_latency },
                    DiskState::Full => Fault::DiskFull(host),
                }
            }
            Verb::Image { image, changes } => {
                for change in changes {
                    self.hosts(change.hosts())?;
                }
                let mut behaviour: ImageBehaviour = (*self.world.env.catalogue.behaviour(image)).clone();
                for change in changes {
                    change.apply(&mut behaviour);
                }
                Fault::Image(image.clone(), Box::new(behaviour))
            }
            Verb::Hosts => return Ok(Some(self.host_table())),
            Verb::Note { text } => {
                self.world.input(What::Note { text: text.as_str().into() });
                return Ok(None);
            }
            Verb::Help { topic } => return help(topic.as_deref()).map(Some),
            Verb::Look { what: None } => return Ok(Some(look::summary(&self.world))),
            Verb::Look { what: Some(Aspect::Raft) } => return Ok(Some(look::raft(&self.world))),
            Verb::Look { what: Some(Aspect::Net) } => return Ok(Some(look::net(&self.world))),
            Verb::Look { what: Some(Aspect::Time) } => return Ok(Some(look::time(&self.world))),
            Verb::Why { subject } => {
                return self.why(subject).map(Some);
            }
            Verb::Mark { name } => {
                self.check_mark(name)?;
                let mark = Mark { name: name.clone(), at: self.moment(), position: self.position() };
                Arc::make_mut(&mut self.marks).push(mark);
                return Ok(None);
            }
            Verb::Save { file } => {
                self.saves.push(file.clone());
                return Ok(None);
            }
            Verb::Put { local, path } => {
                let (local, path) = (local.clone(), path.clone());
                self.terminals[id.0].stack.push(Frame::Process(Process::Put { local, path }));
                return Ok(None);
            }
            Verb::Undo | Verb::Fork | Verb::Seek { .. } => {
                let name = text.split_whitespace().next().unwrap_or(text);
                return Err(format!("`{name}` moves the whole lab: it stands alone, on a line typed at the prompt"));
            }
            Verb::Unblock { host: None, port: Some(_) } | Verb::Open { .. } | Verb::Load { .. } => {
                let name = text.split_whitespace().next().unwrap_or(text);
                return Err(format!("{name} is not modelled yet"));
            }
        };
        self.inject(id, fault, text)
    }

    /// What was asked for is there, or it is said why not.
    pub(super) fn handed_in(&mut self, id: TerminalId, content: Result<Arc<[u8]>, String>) {
        let now = self.world.now().nanos();
        if let Some(Frame::Process(Process::Docker { client, machine, .. })) = self.terminals[id.0].stack.last_mut()
            && machine.asks_terminal()
        {
            let (client, path) = (*client, TERMINAL.to_owned());
            let effects = machine.step(ClientInput::File { path, content }, now);
            return self.carry_out(id, client, effects);
        }
        let terminal = &mut self.terminals[id.0];
        let Some(Frame::Process(Process::Put { .. })) = terminal.stack.last() else { return };
        let Some(Frame::Process(Process::Put { local, path })) = terminal.stack.pop() else { return };
        match content {
            Ok(content) => {
                terminal.status = 0;
                let host = terminal.host;
                Arc::make_mut(&mut self.files).insert((host, absolute(&path)), content);
            }
            Err(why) => {
                terminal.complain(&format!("swarmlab: {local}: {why}\n"));
                terminal.status = 1;
            }
        }
    }

    fn host_table(&self) -> String {
        let view = Observed(&self.world);
        let mut table = format!("{:<12} {:<15} {:<8} {:<9} {}\n", "HOST", "ADDRESS", "POWER", "DAEMON", "CONTAINERS");
        for host in view.hosts().iter() {
            let Some(id) = self.world.host_named(&host.name) else { continue };
            let running = self.world.host(id).engine.containers.values().filter(|c| c.runs()).count();
            table += &format!(
                "{:<12} {:<15} {:<8} {:<9} {}\n",
                host.name,
                self.world.host(id).addr,
                if host.up { "on" } else { "off" },
                match (host.daemon, host.paused) {
                    (_, true) => "paused",
                    (true, _) => "running",
                    (false, _) => "-",
                },
                running
            );
        }
        table
    }
}

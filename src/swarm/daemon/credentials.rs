//! The credentials of one host: whether its swarm may start with them, their renewal, and the lock on a manager's keys
//! (raft-and-security.md §5.6, §6.3-§6.5).

use crate::engine::Duration;
use crate::net::HostId;
use crate::swarm::api::{ApiError, Failure, Response};
use crate::swarm::ca::{Certificate, Credentials, Kek, Renewed, Renewer, RenewerAlarm, RenewerOutbox, UnlockError};
use crate::swarm::dispatcher::CertificateNews;
use crate::swarm::object::Role;
use crate::swarm::world::event::{Body, ClientId, Event, TlsFailure};
use crate::swarm::world::record::What;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// What starting a manager takes after it has been unlocked.
const UNLOCK: Duration = Duration::from_millis(560);

pub(super) const LOCKED: &str = "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it.";
pub(super) const LOCKED_LEAVE: &str =
    "Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.";

/// Why a daemon that runs has not started its swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// The manager's keys are encrypted.
    Locked,
    /// In the words of `docker info`.
    Failed(Arc<str>),
}

impl Host {
    /// The swarm is locked.
    pub fn is_locked(&self) -> bool {
        self.not_started == Some(NotStarted::Locked)
    }

    /// Whether what lies on the disk lets the swarm start; otherwise says why not. The keys are looked at first.
    pub fn may_start(&mut self, unlocked: bool, force_new_cluster: bool, env: &mut Env) -> bool {
        self.not_started = None;
        let (Some(credentials), true) = (&self.disk.credentials, self.disk.node.is_some()) else { return true };
        if self.disk.raft.is_some() && credentials.keys.is_locked() && !unlocked {
            self.not_started = Some(NotStarted::Locked);
            env.record(What::NotStarted { host: self.id, text: "the swarm is locked".into() });
            self.serve(env);
            return false;
        }
        if let Err(error) = credentials.certificate.load(self.wall(env.kernel.now()), force_new_cluster) {
            let text: Arc<str> = error.to_string().into();
            env.record(What::NotStarted { host: self.id, text: text.clone() });
            self.not_started = Some(NotStarted::Failed(text));
            self.serve(env);
            return false;
        }
        true
    }

    /// Puts a new node's credentials onto its disk.
    pub fn credentials_granted(&mut self, credentials: Credentials, env: &mut Env) {
        self.disk.credentials = Some(credentials);
        env.net.forget_handshakes(self.id);
        self.renewer = None;
        self.renewer_start(env);
    }

    /// Begins to look after the certificate on the disk.
    pub fn renewer_start(&mut self, env: &mut Env) {
        let Some(credentials) = &self.disk.credentials else { return };
        if self.renewer.is_some() || self.disk.node.is_none() {
            return;
        }
        let draws = env.seed.stream("ca.renewer", &(&*self.name, self.boot));
        let mut out = RenewerOutbox::default();
        let renewer = Renewer::start(credentials.certificate, draws, self.wall(env.kernel.now()), &mut out);
        self.renewer = Some(Box::new(renewer));
        self.renewer_drain(out, Kek::default(), env);
    }

    /// An alarm of the renewal.
    pub fn renewer_alarm(&mut self, alarm: RenewerAlarm, env: &mut Env) {
        let wall = self.wall(env.kernel.now());
        let mut out = RenewerOutbox::default();
        let Some(renewer) = &mut self.renewer else { return };
        renewer.alarm_rings(alarm, wall, &mut out);
        self.renewer_drain(out, Kek::default(), env);
    }

    /// What came of asking for another certificate.
    pub fn renew_done(&mut self, number: u32, renewed: &Renewed, env: &mut Env) {
        let wall = self.wall(env.kernel.now());
        let mut out = RenewerOutbox::default();
        let Some(renewer) = &mut self.renewer else { return };
        let granted = renewed.as_ref().ok().copied();
        renewer.answer(number, granted.map(|(certificate, _)| certificate), wall, &mut out);
        self.renewer_drain(out, granted.map(|(_, kek)| kek).unwrap_or_default(), env);
    }

    /// The manager that may have been asked for a certificate cannot be reached.
    fn renewer_lost(&mut self, env: &mut Env) {
        let wall = self.wall(env.kernel.now());
        let mut out = RenewerOutbox::default();
        let Some(renewer) = &mut self.renewer else { return };
        renewer.connection_lost(wall, &mut out);
        self.renewer_drain(out, Kek::default(), env);
    }

    fn renewer_drain(&mut self, out: RenewerOutbox, kek: Kek, env: &mut Env) {
        if let Some(certificate) = out.install {
            self.install(certificate, kek, env);
        }
        if let Some((after, alarm)) = out.alarm {
            env.kernel.schedule_in(self.clock.timer(after), Event::Renewer(self.id, self.boot, alarm));
        }
        if let Some((number, elsewhere)) = out.ask {
            let Some(credentials) = &self.disk.credentials else { return };
            let shown = credentials.certificate;
            // A try that finds nobody to ask ends by its time-out.
            if let Some(manager) = self.authority(number, elsewhere, env) {
                let body = Body::Renew { number, host: self.id, shown, via: None };
                env.send(self.id, self.boot, manager, None, body);
            }
        }
    }

    /// Whom to ask for a certificate: a manager asks itself first; everybody else, and a manager that was refused, any of
    /// the managers known.
    fn authority(&self, number: u32, elsewhere: bool, env: &Env) -> Option<HostId> {
        if self.manager.is_some() && !elsewhere {
            return Some(self.id);
        }
        let known = &self.disk.node.as_ref()?.managers;
        let others: Vec<_> = known.iter().map(|(_, host)| *host).filter(|host| *host != self.id).collect();
        let draw = env.seed.key("ca.authority", &(&*self.name, self.boot));
        let chosen = draw.below(u64::from(number), others.len() as u64);
        others.get(chosen as usize).copied().or(self.manager.is_some().then_some(self.id))
    }

    fn install(&mut self, certificate: Certificate, kek: Kek, env: &mut Env) {
        let Some(credentials) = &mut self.disk.credentials else { return };
        let before = credentials.certificate;
        credentials.install(certificate, kek);
        if before.role == certificate.role {
            env.record(What::Certificate { host: self.id, role: certificate.role, until: certificate.not_after });
        }
        if before.issuer != certificate.issuer || before.role != certificate.role {
            env.net.forget_handshakes(self.id);
        }
        // A new session makes the new issuer known.
        if before.issuer != certificate.issuer {
            self.agent_do(env, |agent, now, out| agent.register_again(now, out));
        }
        if self.disk.node.as_ref().is_some_and(|node| node.role != certificate.role) {
            self.certified(certificate.role, env);
        }
    }

    /// A session has told this node about its certificate.
    pub fn certificate_news(&mut self, news: &CertificateNews, env: &mut Env) {
        let Some(credentials) = &mut self.disk.credentials else { return };
        credentials.trust = news.root;
        if news.rotate {
            self.renewal_ordered(None, env);
        }
    }

    /// A new certificate is wanted, perhaps of another role.
    pub(super) fn renewal_ordered(&mut self, role: Option<Role>, env: &mut Env) {
        let mut out = RenewerOutbox::default();
        let Some(renewer) = &mut self.renewer else { return };
        renewer.order(role, &mut out);
        self.renewer_drain(out, Kek::default(), env);
    }

    /// It is wanted no more.
    pub(super) fn renewal_called_off(&mut self) {
        if let Some(renewer) = &mut self.renewer {
            renewer.call_off();
        }
    }

    /// A connection that this host opened came to nothing in its handshake.
    pub fn tls_failed(&mut self, peer: HostId, failure: &TlsFailure, env: &mut Env) {
        // Each kind of refusal is told once, until one of them works again.
        if self.refused_by.insert(peer, failure.stranger.is_some()) != Some(failure.stranger.is_some()) {
            env.record(What::Refused { host: peer, peer: self.id, text: failure.text.as_str().into() });
        }
        // A worker that has missed the new root fetches it; a manager does not.
        if let (Some(root), None, Some(credentials)) = (failure.stranger, &self.manager, &mut self.disk.credentials) {
            credentials.trust = root;
        }
        self.renewer_lost(env);
        self.manager_peer_failed(peer, true, env);
        self.close_relayed(Some(peer), env);
        self.call_refused(peer, &failure.text, env);
        self.agent_do(env, |agent, now, out| agent.reset(peer, now, out));
    }

    /// The connection to a peer was reset.
    pub fn credentials_reset(&mut self, env: &mut Env) {
        self.renewer_lost(env);
    }

    /// A manager has applied a cluster object: what it says about locking is written to the disk.
    pub fn cluster_applied(&mut self) {
        let Some(cluster) = self.manager.as_ref().and_then(|manager| manager.state.cluster.clone()) else { return };
        let Some(credentials) = &mut self.disk.credentials else { return };
        if credentials.certificate.role == Role::Manager {
            credentials.keys.apply(cluster.kek());
        }
    }

    /// `swarm unlock`: only a locked manager takes a key; every other state says what it is instead.
    pub(super) fn swarm_unlock(&mut self, client: ClientId, number: u64, key: &str, env: &mut Env) {
        let refuse = |error: UnlockError| -> Result<(), Failure> {
            Err(ApiError::new(error.status(), error.to_string()).into())
        };
        let answer = match (&self.not_started, &self.disk.credentials) {
            (Some(NotStarted::Locked), Some(credentials)) => match credentials.keys.unlock(key) {
                Ok(()) => {
                    if self.may_start(true, false, env) {
                        self.start_swarm_unlocked(env);
                        let call = self.call_open(client, number, super::call::CallKind::Unlock, env);
                        self.call_alarm_in(call, UNLOCK, super::CallAlarm::Finish, env);
                        return;
                    }
                    let text = match &self.not_started {
                        Some(NotStarted::Failed(text)) => text.to_string(),
                        _ => String::new(),
                    };
                    Err(ApiError::new(500, format!("swarm component could not be started: {text}")).into())
                }
                Err(error) => refuse(error),
            },
            _ if self.manager.is_some() => refuse(UnlockError::NotLocked),
            _ => Err(ApiError::new(503, self.no_manager()).into()),
        };
        env.answer(client, number, answer.map(|()| Response::Done));
    }
}

//! What can happen in a world, and what travels between its hosts. Plain data.

use crate::engine::{Duration, Time};
use crate::net::{Boot, HostId};
use crate::raft::{MemberId, Message};
use crate::swarm::agent::AgentAlarm;
use crate::swarm::api::{Answer, Failure, LogPart, Request};
use crate::swarm::ca::{Certificate, Credentials, Renewed, RenewerAlarm, RootCa};
use crate::swarm::component::Alarm;
use crate::swarm::daemon::{CallAlarm, EngineAlarm, RoleAlarm};
use crate::swarm::dispatcher::{Route, ToAgent, ToDispatcher};
use crate::swarm::object::{Id, Member, NodeDescription, NodeKey, Role};
use crate::swarm::store::Proposal;
use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A docker client or another asker outside of the model; numbered by whoever starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u32);

/// An event.
#[derive(Clone, Debug)]
pub enum Event {
    /// A Raft tick of a manager.
    Tick(HostId, Boot),
    /// A manager's Raft write is on the disk.
    DiskDone(HostId, Boot),
    /// An alarm of the leader's loops, void in another term; and for when it was set, by the host's monotonic clock.
    Leader(HostId, u64, Alarm, Time),
    /// An alarm of an agent.
    Agent(HostId, Boot, AgentAlarm),
    /// Something happens to a container; containers outlive their daemon's process.
    Engine(HostId, EngineAlarm),
    /// An alarm of a node's renewal of its certificate.
    Renewer(HostId, Boot, RenewerAlarm),
    /// The handshake of a new connection to the peer failed.
    TlsFailed {
        /// Who learns of it.
        host: HostId,
        /// The process that opened it.
        boot: Boot,
        /// The other end.
        peer: HostId,
        /// Why.
        failure: Arc<TlsFailure>,
    },
    /// An alarm of an API call under way.
    Call(HostId, Boot, u64, CallAlarm),
    /// An alarm of what the daemon does for its node's role.
    Role(HostId, Boot, RoleAlarm),
    /// The daemon's process is ready to serve.
    DaemonUp(HostId, Boot),
    /// A packet arrives.
    Packet(Arc<Packet>),
    /// What vanished on a stream is sent again.
    Resend {
        /// By this host, to this one, to the server's port or back from it.
        stream: super::StreamKey,
        /// For so many a time.
        attempt: u32,
    },
    /// A connection to the peer was reset or refused.
    Reset {
        /// Who learns of it.
        host: HostId,
        /// The process that held the connection.
        boot: Boot,
        /// The other end.
        peer: HostId,
        /// Something was sent and nobody took it, rather than that an idle connection was closed.
        refused: bool,
    },
    /// Nothing came back from a Raft peer for the send time-out.
    SendFailed {
        /// Who learns of it.
        host: HostId,
        /// The process that sent.
        boot: Boot,
        /// The other end.
        peer: HostId,
    },
    /// A Raft peer that was not reachable took a message.
    SendDone {
        /// Who learns of it.
        host: HostId,
        /// The process that sent.
        boot: Boot,
        /// The other end.
        peer: HostId,
        /// What it took was a snapshot.
        snapshot: bool,
    },
    /// A request from a client reaches the daemon of its host.
    Request {
        /// Who asks.
        client: ClientId,
        /// Which of its requests.
        number: u64,
        /// Whose daemon.
        host: HostId,
        /// What.
        body: Arc<Request>,
    },
    /// The answer reaches the client.
    Answer {
        /// Who asked.
        client: ClientId,
        /// Which of its requests.
        number: u64,
        /// What came of it.
        answer: Arc<Answer>,
    },
    /// A client's own timer.
    ClientTimer {
        /// Whose.
        client: ClientId,
        /// Which.
        number: u64,
    },
    /// A node whose swarm part ended with an error starts it again.
    SwarmUp(HostId, Boot),
    /// A flapping link goes down or up; void once its flapping has another number.
    Flap(HostId, HostId, u64),
}

/// A packet between two daemons: a segment of a connection on port 2377.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Sender.
    pub from: HostId,
    /// The sending process.
    pub from_boot: Boot,
    /// Receiver.
    pub to: HostId,
    /// The process that it is meant for; a new connection takes any.
    pub to_boot: Option<Boot>,
    /// What it says.
    pub body: Body,
}

/// What a packet says.
#[derive(Clone, Debug)]
pub enum Body {
    /// Raft, between managers.
    Raft(Message<Arc<Proposal>>),
    /// From an agent to the dispatcher, perhaps through a manager that relays.
    ToDispatcher {
        /// The agent, and the relay once it has passed one.
        route: Route,
        /// What.
        message: ToDispatcher,
    },
    /// From the dispatcher to an agent, perhaps through a manager that relays.
    ToAgent {
        /// The way back.
        route: Route,
        /// What.
        message: ToAgent,
    },
    /// A follower hands an API call to the leader.
    Call {
        /// Number of the call at the follower.
        call: u64,
        /// What is asked.
        request: Arc<ControlRequest>,
    },
    /// The leader's answer to it.
    CallDone {
        /// Number of the call at the follower.
        call: u64,
        /// What came of it.
        answer: Arc<Answer>,
    },
    /// A host asks a manager to become a node.
    Join {
        /// Number of the call at the joining host.
        call: u64,
        /// Who asks.
        host: HostId,
        /// With what.
        request: Arc<JoinRequest>,
        /// The manager that relays, once it has passed one.
        via: Option<HostId>,
    },
    /// A node asks for another certificate.
    Renew {
        /// Of the request, at the node.
        number: u32,
        /// The node's host.
        host: HostId,
        /// The certificate that it shows.
        shown: Certificate,
        /// The manager that relays, once it has passed one.
        via: Option<HostId>,
    },
    /// What came of that.
    RenewDone {
        /// Of the request, at the node.
        number: u32,
        /// The node's host.
        host: HostId,
        /// A certificate, or the gRPC error's text.
        result: Arc<Renewed>,
    },
    /// A node that is certified as a manager asks for a place among the Raft members.
    MemberJoin {
        /// Which of its tries.
        number: u64,
        /// Who asks.
        host: HostId,
        /// Its node.
        node: NodeKey,
        /// Its node's id.
        id: Id,
        /// The manager that relays, once it has passed one.
        via: Option<HostId>,
    },
    /// What came of it.
    MemberJoined {
        /// Which of its tries.
        number: u64,
        /// Who asked.
        host: HostId,
        /// Its name in Raft and the other members, or the error's text.
        result: Arc<Result<MemberGrant, String>>,
        /// The manager that relays.
        via: Option<HostId>,
    },
    /// Does the manager there serve Raft?
    HealthCheck {
        /// Which question of the asker's.
        number: u64,
    },
    /// It does.
    Healthy {
        /// Which question.
        number: u64,
    },
    /// The answer to a Raft message of someone who is no member any more.
    RemovedMember {
        /// Who that is.
        member: MemberId,
    },
    /// What came of it.
    JoinDone {
        /// Number of the call at the joining host.
        call: u64,
        /// Who asked.
        host: HostId,
        /// Node and managers, or the gRPC error's text.
        result: Arc<Result<JoinGrant, JoinError>>,
        /// The manager that relays.
        via: Option<HostId>,
    },
    /// A follower's daemon wants the log of a service or task for its client; without a request no more of it.
    Logs {
        /// Number of the stream at the follower.
        stream: u64,
        /// What is wanted.
        request: Option<Arc<Request>>,
    },
    /// A part of that log, or why there is none.
    LogsPart {
        /// Number of the stream at the follower.
        stream: u64,
        /// What has come.
        part: Arc<Result<LogPart, Failure>>,
    },
}

/// Why a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFailure {
    /// What is reported.
    pub text: String,
    /// The other end is signed by nobody whom the caller trusts; this is whom the other end trusts.
    pub stranger: Option<RootCa>,
}

/// What the leader is asked for by a manager's daemon.
#[derive(Clone, Debug)]
pub enum ControlRequest {
    /// An API request of a client.
    Api(Request),
    /// The cluster's part of `docker info`.
    Info,
    /// What `swarm leave` wants to know: reachable and unreachable managers.
    ManagerStats,
}

/// A host that wants to join.
#[derive(Clone, Debug)]
pub struct JoinRequest {
    /// The token as typed.
    pub token: String,
    /// Where the host is reached.
    pub addr: Ipv4Addr,
    /// The host's name, which its id is drawn for.
    pub hostname: Arc<str>,
    /// `active`, `pause`, `drain`.
    pub availability: String,
    /// What the host is like.
    pub description: Arc<NodeDescription>,
}

/// A host that may join.
#[derive(Clone, Debug)]
pub struct JoinGrant {
    /// Its node.
    pub node: NodeKey,
    /// Its id.
    pub id: Id,
    /// What its certificate says.
    pub role: Role,
    /// The cluster's managers.
    pub managers: Vec<(NodeKey, HostId)>,
    /// Which line of history the cluster is on.
    pub lineage: crate::swarm::store::LineageId,
    /// Certificate, trusted root, keys.
    pub credentials: Credentials,
}

/// A manager that was taken in as a Raft member.
#[derive(Clone, Debug)]
pub struct MemberGrant {
    /// Its own name in Raft.
    pub member: MemberId,
    /// All members.
    pub members: Vec<Member>,
    /// Which line of history the cluster is on.
    pub lineage: crate::swarm::store::LineageId,
}

/// A host that may not join (yet).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinError {
    /// What `docker swarm join` prints after its daemon's prefix.
    pub message: String,
}

impl Hash for Event {
    /// Kinds and numbers, never prose: this is what the fingerprint of a run folds.
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Event::Tick(host, boot) | Event::DiskDone(host, boot) | Event::DaemonUp(host, boot) => {
                (host, boot).hash(state);
            }
            Event::Leader(host, term, alarm, _) => (host, term, alarm).hash(state),
            Event::Agent(host, boot, alarm) => (host, boot, alarm).hash(state),
            Event::Renewer(host, boot, alarm) => (host, boot, alarm).hash(state),
            Event::TlsFailed { host, boot, peer, failure } => {
                (host, boot, peer, failure.stranger.is_some()).hash(state)
            }
            Event::Engine(host, alarm) => (host, alarm).hash(state),
            Event::Call(host, boot, call, alarm) => (host, boot, call, alarm).hash(state),
            Event::Role(host, boot, alarm) => (host, boot, alarm).hash(state),
            Event::Packet(packet) => packet.hash(state),
            Event::Resend { stream, attempt } => (stream, attempt).hash(state),
            Event::Reset { host, boot, peer, refused: flag } | Event::SendDone { host, boot, peer, snapshot: flag } => {
                (host, boot, peer, flag).hash(state);
            }
            Event::SendFailed { host, boot, peer } => (host, boot, peer).hash(state),
            Event::Request { client, number, host, body } => (client, number, host, body).hash(state),
            Event::Answer { client, number, answer } => (client, number, answer.is_ok()).hash(state),
            Event::ClientTimer { client, number } => (client, number).hash(state),
            Event::SwarmUp(host, boot) => (host, boot).hash(state),
            Event::Flap(a, b, number) => (a, b, number).hash(state),
        }
    }
}

impl Hash for Packet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.from, self.from_boot, self.to).hash(state);
        std::mem::discriminant(&self.body).hash(state);
        match &self.body {
            Body::Raft(message) => {
                (message.kind as u64, message.from, message.to, message.term).hash(state);
                (message.log_term, message.index, message.commit, message.reject).hash(state);
                (message.reject_hint, message.entries.len()).hash(state);
            }
            Body::ToDispatcher { route, message } => match message {
                ToDispatcher::Register { node, shown, .. } => (route, 0u8, node, shown).hash(state),
                ToDispatcher::Heartbeat { node, session } => (route, 1u8, node, session).hash(state),
                ToDispatcher::Reports { node, session, reports, .. } => {
                    (route, 2u8, node, session).hash(state);
                    for (task, report) in reports {
                        (task, report.state, report.timestamp, report.exit_code).hash(state);
                    }
                }
                ToDispatcher::Logs { node, session, subscription, lines, done } => {
                    (route, 3u8, node, session, subscription, lines.len(), done).hash(state);
                }
            },
            Body::ToAgent { route, message } => match message {
                ToAgent::Registered { session, period, .. } => (route, 0u8, session, period.as_nanos()).hash(state),
                ToAgent::HeartbeatDone { session, period } => (route, 1u8, session, period.as_nanos()).hash(state),
                ToAgent::ReportsDone { session, number } => (route, 2u8, session, number).hash(state),
                ToAgent::Assignments { session, sequence, tasks, removed, files, gone, .. } => {
                    (route, 3u8, session, sequence, removed, gone).hash(state);
                    for file in files {
                        file.key.hash(state);
                    }
                    for task in tasks {
                        (task.key, task.desired).hash(state);
                    }
                }
                ToAgent::Attachments { session, attachments } => {
                    (route, 9u8, session).hash(state);
                    for place in attachments.iter() {
                        (place.network.key, place.address).hash(state);
                    }
                }
                ToAgent::Logs { session, order } => (route, 10u8, session, order).hash(state),
                ToAgent::Refused { session, refusal } => (route, 4u8, session, refusal).hash(state),
                ToAgent::Certificate { session, news } => (route, 8u8, session, news).hash(state),
                ToAgent::Closed { session } => (route, 5u8, session).hash(state),
                ToAgent::DesiredRole { session, role } => (route, 6u8, session, role).hash(state),
                ToAgent::Managers { session, managers } => (route, 7u8, session, managers).hash(state),
            },
            Body::Call { call, .. } => call.hash(state),
            Body::CallDone { call, answer } => (call, answer.is_ok()).hash(state),
            Body::Logs { stream, request } => (stream, request).hash(state),
            Body::LogsPart { stream, part } => {
                (stream, part.as_ref().as_ref().map_or(0, |part| part.lines.len())).hash(state);
            }
            Body::Join { call, host, via, .. } => (call, host, via).hash(state),
            Body::Renew { number, host, shown, via } => (number, host, shown, via).hash(state),
            Body::RenewDone { number, host, result } => (number, host, result.is_ok()).hash(state),
            Body::MemberJoin { number, host, via, .. } => (number, host, via).hash(state),
            Body::MemberJoined { number, host, result, via } => (number, host, result.is_ok(), via).hash(state),
            Body::HealthCheck { number } | Body::Healthy { number } => number.hash(state),
            Body::RemovedMember { member } => member.hash(state),
            Body::JoinDone { call, host, result, .. } => (call, host, result.is_ok()).hash(state),
        }
    }
}

/// How long a Raft message may make no progress before its peer counts as unreachable.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(2);

//! Packets on their way: what arrives, what vanishes and is sent again, and connections that end.
//!
//! What vanishes is noticed by the sender of a Raft message after a while; everything else is a stream, which the sender's
//! kernel repairs in order until it gives up.
//!
//! Source: networking.md; raft-and-security.md §1.

use super::event::{Body, Event, Packet, SEND_TIMEOUT};
use super::record::What;
use super::{Env, SWARM_PORT, StreamKey};
use crate::engine::Duration;
use crate::net::{Boot, EPHEMERAL, HostId, Transit};
use std::sync::Arc;

/// The first pause before a segment that vanished is sent again...
const RESEND: Duration = Duration::from_millis(200);
/// ... and how often it is: after 25 s in all, every call has ended by its own time-out.
const RESENDS: u32 = 7;

impl Env {
    /// Sends a packet on its way. What vanishes is noticed by the sender of a Raft message after [`SEND_TIMEOUT`]; everything
    /// else is sent again by the sender's kernel, until the way is open or whoever waits for an answer has given up.
    pub fn send(&mut self, from: HostId, from_boot: Boot, to: HostId, to_boot: Option<Boot>, body: Body) {
        let packet = Arc::new(Packet { from, from_boot, to, to_boot, body });
        let stream = (from, to, packet.body.is_request());
        if let Some(stalled) = self.stalled.get_mut(&stream)
            && !matches!(packet.body, Body::Raft(_))
        {
            // Nothing overtakes on a stream.
            Arc::make_mut(stalled).push(packet);
            return;
        }
        self.transmit(packet);
    }

    fn transmit(&mut self, packet: Arc<Packet>) {
        let Packet { from, from_boot, to, .. } = *packet;
        let now = self.kernel.now();
        let to_server = packet.body.is_request();
        let port = if to_server { SWARM_PORT } else { EPHEMERAL };
        match self.net.stream(now, from, to, port) {
            Transit::Arrives(at) => {
                if to_server && from != to && !self.net.holds(from, from_boot, to) {
                    self.net.open(from, from_boot, to, self.boots[to.index()]);
                }
                if matches!(packet.body, Body::Raft(_)) && at > now + SEND_TIMEOUT {
                    // On its way for longer than the sender waits.
                    self.kernel
                        .schedule(now + SEND_TIMEOUT, Event::SendFailed { host: from, boot: from_boot, peer: to });
                }
                self.kernel.schedule(at, Event::Packet(packet));
            }
            Transit::Vanishes => self.vanished(packet),
        }
    }

    pub(super) fn vanished(&mut self, packet: Arc<Packet>) {
        let Packet { from, from_boot, to, .. } = *packet;
        self.record(What::Dropped { from, to });
        if matches!(packet.body, Body::Raft(_)) {
            self.kernel.schedule_in(SEND_TIMEOUT, Event::SendFailed { host: from, boot: from_boot, peer: to });
            return;
        }
        let stream = (from, to, packet.body.is_request());
        if let Some(stalled) = self.stalled.get_mut(&stream) {
            Arc::make_mut(stalled).push(packet);
        } else {
            self.stalled.insert(stream, Arc::new(vec![packet]));
            self.kernel.schedule_in(RESEND, Event::Resend { stream, attempt: 1 });
        }
    }

    /// What vanished on a stream is sent again, in order, as far as the processes that sent it are still there. The pause
    /// doubles each time, until the sender's kernel gives up.
    pub(super) fn resend(&mut self, stream: StreamKey, attempt: u32) {
        let (from, to, to_server) = stream;
        let Some(stalled) = self.stalled.remove(&stream) else { return };
        let boot = self.boots[from.index()];
        let mut packets = Arc::unwrap_or_clone(stalled);
        packets.retain(|packet| packet.from_boot == boot);
        let port = if to_server { SWARM_PORT } else { EPHEMERAL };
        if packets.is_empty() {
            return;
        }
        if self.net.passable(from, to, port) {
            for packet in packets {
                match self.stalled.get_mut(&stream) {
                    Some(stalled) => Arc::make_mut(stalled).push(packet),
                    None => self.transmit(packet),
                }
            }
        } else if attempt < RESENDS {
            self.stalled.insert(stream, Arc::new(packets));
            self.kernel.schedule_in(RESEND * (1 << attempt), Event::Resend { stream, attempt: attempt + 1 });
        }
    }

    /// The end of a connection is gone: its other end, whichever process holds it now, is told.
    pub(in crate::swarm) fn reset_by(&mut self, from: HostId, to: HostId) {
        self.reset(from, to, self.boots[to.index()], false);
    }

    /// The kernel of `from` tells the process on `to` that its connection is no more.
    pub(super) fn reset(&mut self, from: HostId, to: HostId, boot: Boot, refused: bool) {
        if let Transit::Arrives(at) = self.net.stream(self.kernel.now(), from, to, EPHEMERAL) {
            self.kernel.schedule(at, Event::Reset { host: to, boot, peer: from, refused });
        }
    }
}

impl Body {
    /// It goes to a server's port, rather than back from it.
    pub(super) fn is_request(&self) -> bool {
        matches!(
            self,
            Body::Raft(_)
                | Body::ToDispatcher { .. }
                | Body::Call { .. }
                | Body::Logs { .. }
                | Body::Join { .. }
                | Body::MemberJoin { .. }
                | Body::HealthCheck { .. }
                | Body::Renew { .. }
        )
    }
}

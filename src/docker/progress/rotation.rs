//! The wait of `swarm ca --rotate`: polls the cluster and its nodes every 200 ms and draws how many have a certificate of
//! the new root, and how many trust it, until all do. Then the new root is printed.
//!
//! cli.md §5.1, raft-and-security.md §5.5, §6.5.

use super::screen::{Bar, Screen};
use super::{TICK, Then, out_of_place};
use crate::docker::digest::sha256;
use crate::swarm::api::{Filters, Node, Request, Response, Swarm};
use std::sync::Arc;

const ROOT: &str = "desired root digest";
const CERTIFICATES: &str = "  rotated TLS certificates";
const ROOTS: &str = "  rotated CA certificates";

#[derive(Clone, Debug)]
enum Phase {
    Swarm,
    Nodes(Arc<Swarm>),
    /// All have the new root: it is asked for once more, to be printed.
    Last,
}

/// The wait for a new root.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The root is not asked for to be printed.
    quiet: bool,
    phase: Phase,
    done: bool,
    /// The root of which `digest` is.
    known: String,
    digest: String,
}

impl Rotation {
    /// Before the first look.
    pub fn new(quiet: bool, screen: &mut Screen) -> Rotation {
        screen.update(ROOT, "", None);
        screen.update(CERTIFICATES, "", None);
        screen.update(ROOTS, " ", None);
        Rotation { quiet, phase: Phase::Swarm, done: false, known: String::new(), digest: String::new() }
    }

    /// A tick begins.
    pub fn begin(&mut self) {
        self.phase = Phase::Swarm;
    }

    /// What Ctrl-C says of going on; nothing once it is done.
    pub fn advice(&self) -> Option<String> {
        (!self.done).then(|| "Use `swarmctl cluster inspect default` to check progress.".into())
    }

    /// What is asked now.
    pub fn request(&self) -> Request {
        match &self.phase {
            Phase::Nodes(_) => Request::NodeList(Filters::default()),
            _ => Request::SwarmInspect,
        }
    }

    /// What comes of an answer.
    pub fn answer(&mut self, response: Response, screen: &mut Screen) -> Then {
        match (self.phase.clone(), response) {
            (Phase::Swarm, Response::Swarm(_)) if self.done && self.quiet => Then::Done(Ok(())),
            (Phase::Swarm, Response::Swarm(_)) if self.done => {
                self.phase = Phase::Last;
                Then::Ask(self.request())
            }
            (Phase::Swarm, Response::Swarm(swarm)) => {
                self.phase = Phase::Nodes(swarm);
                Then::Ask(self.request())
            }
            (Phase::Nodes(swarm), Response::Nodes(nodes)) => {
                self.draw(screen, &swarm, &nodes);
                Then::Sleep(TICK)
            }
            (Phase::Last, Response::Swarm(swarm)) => match trust_root(&swarm) {
                Ok(text) => {
                    screen.raw(&text);
                    Then::Done(Ok(()))
                }
                Err(error) => Then::Done(Err(error)),
            },
            _ => out_of_place(),
        }
    }

    fn draw(&mut self, screen: &mut Screen, swarm: &Swarm, nodes: &[Node]) {
        let wanted = &swarm.cluster.tls_info;
        if self.known != wanted.trust_root {
            (self.known, self.digest) = (wanted.trust_root.clone(), sha256(&wanted.trust_root));
        }
        let right = nodes.iter().map(|node| &node.description.tls_info).filter(|tls| {
            tls.cert_issuer_public_key == wanted.cert_issuer_public_key
                && tls.cert_issuer_subject == wanted.cert_issuer_subject
        });
        let certificates = right.count() as u64;
        let trusting = nodes.iter().filter(|node| node.description.tls_info.trust_root == wanted.trust_root);
        let mut roots = trusting.count() as u64;
        let total = nodes.len() as u64;
        let issued = certificates == total && !swarm.cluster.root_rotation_in_progress;
        self.done = issued && roots == total;
        if !issued {
            roots = 0;
        }
        screen.update(ROOT, &self.digest, None);
        screen.update(CERTIFICATES, "", Some(Bar { current: certificates, total, units: "nodes" }));
        screen.update(ROOTS, " ", Some(Bar { current: roots, total, units: "nodes" }));
    }
}

/// The root that the cluster trusts, as `swarm ca` prints it.
///
/// # Errors
/// When there is none.
pub fn trust_root(swarm: &Swarm) -> Result<String, String> {
    match swarm.cluster.tls_info.trust_root.trim() {
        "" => Err("no CA information available".into()),
        root => Ok(format!("{root}\n")),
    }
}

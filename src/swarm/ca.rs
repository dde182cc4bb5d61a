//! Certificates, tokens and keys: who may speak to whom in a swarm, and for how long.
//!
//! All of it is *modelled*: a certificate is a record of what its text would say, a root is a number that stands for its
//! key pair, and "signed by" means "names as its issuer". Nothing in here is cryptography, and nothing could be attacked
//! or should be used as such. What is followed to the letter is what users meet: validity and clocks, renewal, rotation,
//! tokens, the unlock key, and every text.
//!
//! The machines know no wires and no hosts; they are fed with a host's *wall clock* (virtual time as that host's clock
//! shows it), and alarms are asked for in lengths of time, which a jump of the clock does not move.
//!
//! Source: raft-and-security.md §5.3-§5.6, §6; SwarmKit's `ca`, `manager/encryption`, `manager/controlapi/ca_rotation.go`.

mod authority;
pub mod authorize;
pub mod certificate;
mod credentials;
mod der;
pub mod key;
pub mod renewer;
pub mod root;
pub mod rotation;
pub mod server;
pub mod token;

pub use authority::{CaServer, RenewCall, Renewed};
pub use authorize::{Blacklist, Denied};
pub use certificate::{CertStatus, Certificate, LoadError, TlsError};
pub use credentials::Credentials;
pub use key::{DiskKeys, Kek, UnlockError, UnlockKey};
pub use renewer::{Renewer, RenewerAlarm, RenewerOutbox};
pub use root::{RootCa, RootId};
pub use rotation::{Reconciliation, RootRotation};
pub use server::{IssuanceState, Signer};
pub use token::token_digest;

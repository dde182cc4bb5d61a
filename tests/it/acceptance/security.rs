//! Locks, keys and certificates.

use crate::lab::Lab;
use swarmlab::engine::Duration;
use swarmlab::swarm::world::DataCentre;

const RESTART: &str = "kill h1 daemon; boot h1; wait 15s";

/// A swarm of one that is locked after a restart, and its key.
fn locked(seed: u64) -> (Lab, String) {
    let mut lab = Lab::of(DataCentre::machines(seed, 1));
    lab.ok("h1", "docker swarm init --autolock");
    let key = lab.ok("h1", "docker swarm unlock-key -q").trim().to_owned();
    lab.direct(RESTART);
    assert_eq!(state(&mut lab), "locked\n");
    (lab, key)
}

fn state(lab: &mut Lab) -> String {
    lab.ok("h1", "docker info --format '{{.Swarm.LocalNodeState}}'")
}

fn unlock(key: &str) -> String {
    format!("echo {key} | docker swarm unlock")
}

/// Case 36.
#[test]
fn a_locked_manager_takes_only_its_key() {
    let (mut lab, key) = locked(1);
    let other = format!("SWMKEY-1-{}", "A".repeat(43));
    lab.no("h1", &unlock(&other), "swarm could not be unlocked: invalid key provided");
    assert_eq!(state(&mut lab), "locked\n");
    lab.ok("h1", &unlock(&key));
    assert_eq!(state(&mut lab), "active\n");
    lab.ok("h1", "docker node ls");
}

/// Case 37.
#[test]
fn a_locked_swarm_is_left_by_force_only() {
    let (mut lab, _) = locked(2);
    lab.no("h1", "docker swarm leave", "Swarm is encrypted and locked.");
    lab.ok("h1", "docker swarm leave --force");
    assert_eq!(state(&mut lab), "inactive\n");
    lab.ok("h1", "docker swarm init");
    assert_eq!(state(&mut lab), "active\n");
}

/// Case 40.
#[test]
fn a_key_that_was_rotated_opens_nothing() {
    let (mut lab, mut key) = locked(3);
    lab.ok("h1", &unlock(&key));
    lab.pass(Duration::from_secs(5));
    for _ in 0..3 {
        let young = lab.ok("h1", "docker swarm unlock-key --rotate -q").trim().to_owned();
        assert_ne!(young, key);
        lab.pass(Duration::from_secs(5));
        lab.direct(RESTART);
        lab.no("h1", &unlock(&key), "swarm could not be unlocked: invalid key provided");
        lab.ok("h1", &unlock(&young));
        lab.pass(Duration::from_secs(5));
        assert_eq!(state(&mut lab), "active\n");
        key = young;
    }
}

/// Case 42.
#[test]
fn certificates_of_a_quarter_of_an_hour_are_refused() {
    let mut lab = Lab::swarm(4, 1, 0);
    let expiry = "docker info --format '{{.Swarm.Cluster.Spec.CAConfig.NodeCertExpiry}}'";
    let before = lab.ok("m1", expiry);
    lab.no("m1", "docker swarm update --cert-expiry 15m", "minimum certificate expiry time is: 1h0m0s");
    assert_eq!(lab.ok("m1", expiry), before);
    lab.ok("m1", "docker swarm update --cert-expiry 1h");
    assert_ne!(lab.ok("m1", expiry), before);
}

/// Case 45: the last of three finds nobody to renew its certificate. Once that has expired, a restart of its daemon does not
/// start its swarm; a new cluster is begun all the same, and renews it.
#[test]
fn an_expired_manager_starts_for_a_new_cluster_only() {
    for forced in [false, true] {
        let mut centre = DataCentre::swarm(5, 3, 0);
        centre.settings.node_cert_expiry = Duration::from_hours(1);
        let mut lab = Lab::of(centre);
        lab.create("m1", "web");
        lab.direct("kill m2; kill m3; wait 3h");
        if forced {
            lab.ok("m1", "docker swarm init --force-new-cluster");
            assert_eq!(lab.services("m1"), "web");
            lab.pass(Duration::from_minutes(5));
        }
        lab.direct("kill m1 daemon; boot m1; wait 30s");
        let state = lab.ok("m1", "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.Error}}'");
        if forced {
            assert_eq!((state.trim(), lab.services("m1").as_str()), ("active", "web"));
        } else {
            assert!(
                state.starts_with("error ") && state.contains("certificate has expired or is not yet valid"),
                "{state}"
            );
            // A swarm that does not start has no manager to begin anew with.
            lab.no("m1", "docker swarm init --force-new-cluster", "This node is not a swarm manager.");
        }
    }
}

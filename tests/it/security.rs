//! Locks, certificates and roots in whole worlds.
//!
//! Follows raft-and-security.md §11 (39, 47, 51) and §6.6; what the shipped scenarios show is not shown again here.

use crate::common::{complaints, parsed};
use swarmlab::observe::Observed;
use swarmlab::scenario::run::{Options, Run, run};
use swarmlab::swarm::object::Role;
use swarmlab::swarm::world::record::What;

fn played(steps: &str) -> Run {
    let scenario = parsed(&format!("format = 1\nname = \"security\"\nabout = \"A test.\"\nduration = \"5m\"\n{steps}"));
    let run = run(&scenario, &Options::default());
    assert_eq!(run.broken, None);
    assert_eq!(complaints(&scenario, &run), [""; 0]);
    run
}

/// A promoted worker is locked from then on, a demoted manager never again.
#[test]
fn the_lock_goes_with_the_role() {
    let run = played(
        r#"
[cluster]
managers = 3
workers = 1

[[step]]
at = "1s"
on = "m1"
run = "docker swarm update --autolock; docker node promote w1"

[[step]]
at = "20s"
on = "m1"
run = "docker node demote m3"

[[step]]
name = "after their restarts"
at = "1m"
on = "w1"
run = """
kill w1 daemon
boot w1
on m3
kill m3 daemon
boot m3
wait 30s
docker info --format 'm3 {{.Swarm.LocalNodeState}}'
on w1
docker info --format 'w1 {{.Swarm.LocalNodeState}}'
"""

[[output]]
step = "after their restarts"
contains = ["m3 active", "w1 locked"]
"#,
    );
    let role = |name: &str| {
        let world = run.session.world();
        let host = world.host(world.host_named(name).expect("it is there"));
        host.disk.credentials.expect("it has a certificate").certificate.role
    };
    assert_eq!([role("w1"), role("m3"), role("m1")], [Role::Manager, Role::Worker, Role::Manager]);
}

/// The leader dies while the root is being replaced: the next one goes on, and waits for the dead one.
#[test]
fn a_new_leader_completes_the_replacement_of_the_root() {
    let run = played(
        r#"
[cluster]
managers = 3
workers = 3

[[step]]
at = "1s"
on = "m1"
run = "stop w3 daemon; docker swarm ca --rotate --detach; wait 1s; kill m1"

[[step]]
name = "under way"
at = "1m30s"
on = "m2"
run = "docker info --format '{{.Swarm.Cluster.RootRotationInProgress}}'; boot m1; boot w3"

[[step]]
name = "over"
at = "4m"
on = "m2"
run = "docker info --format '{{.Swarm.Cluster.RootRotationInProgress}}'; docker node ls --format '{{.Hostname}} {{.TLSStatus}}'"

[[output]]
step = "under way"
contains = ["true"]

[[output]]
step = "over"
contains = ["false\nm1 Ready\nm2 Ready\nm3 Ready\nw1 Ready\nw2 Ready\nw3 Ready"]
"#,
    );
    let world = run.session.world();
    let (_, leader) = Observed(world).leader().expect("somebody leads");
    let root = leader.state.cluster.as_ref().expect("there is a cluster").root;
    for host in world.hosts() {
        let credentials = host.disk.credentials.expect("it has a certificate");
        assert_eq!((credentials.trust, credentials.certificate.issuer), (root, root.id), "{}", host.name);
    }
}

/// Who was removed by force shows a certificate that is not let in any more, and is told so once.
#[test]
fn a_removed_node_is_refused_in_swarms_words() {
    let run = played(
        r#"
[cluster]
managers = 1
workers = 1

[[step]]
at = "1s"
on = "m1"
run = "docker node rm --force w1"
"#,
    );
    let refusals: Vec<_> = run
        .session
        .world()
        .env
        .trace
        .iter()
        .filter_map(|record| match &record.what {
            What::Refused { text, .. } => Some(text.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(
        refusals[0].starts_with("rpc error: code = PermissionDenied desc = Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = Permission denied: node ")
            && refusals[0].ends_with(" was removed from swarm"),
        "{refusals:?}"
    );
}

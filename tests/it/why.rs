//! `swarmlab why` as a student meets it: of each situation the chain of causes down to the command or the fault that began
//! it, asked of a recording and read as a snapshot.
//!
//! Each story is typed at m1 of a swarm with one manager, and asked about at its end or at moments before.

use crate::common::{ended, settings};
use std::path::PathBuf;

/// Words of the machinery that no student needs, and names that docker does not use.
const JARGON: [&str; 10] = [
    "raft",
    "proposal",
    "session",
    "generation",
    "predecessor",
    "snapshot",
    "node object",
    "jj.0",
    "the whole log",
    "landmark",
];

/// Plays the lines, asks, and keeps all of it; `asked` is a subject, perhaps with `--at`, and what must be in the answer.
fn story(name: &str, workers: u32, lines: &str, asked: &[(&str, &[&str])]) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("why");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let recording = folder.join(format!("{name}.rec")).display().to_string();
    let workers = workers.to_string();
    let played = ended(&["shell", "--managers", "1", "--workers", &workers, "--record", &recording, "-c", lines]);
    assert_eq!(played.status, Some(0), "{}", played.stderr);
    let mut all = format!("{}\n", lines.lines().map(str::trim).collect::<Vec<_>>().join("\n"));
    for (question, expected) in asked {
        let words = ["why", &recording].into_iter().chain(question.split(' ')).collect::<Vec<_>>();
        let told = ended(&words);
        assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""), "why {question}");
        // Tables break long cells between words.
        let flat = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in *expected {
            let said = told.stdout.contains(part) || flat.contains(part);
            assert!(said, "why {question} does not say `{part}`:\n{}", told.stdout);
        }
        let small = told.stdout.to_lowercase();
        for word in JARGON {
            assert!(!small.contains(word), "why {question} says `{word}`:\n{}", told.stdout);
        }
        all += &format!("\n$ swarmlab why RECORDING {question}\n{}", told.stdout);
    }
    settings().bind(|| insta::assert_snapshot!(format!("asked_{name}"), all));
}

/// What keeps a task waiting is found on each node, also where it was done while the task waited.
#[test]
fn a_task_that_is_pending() {
    story(
        "pending",
        3,
        "docker node update --availability drain w1; docker node update --availability pause w2
         docker service create -d --name web --replicas 2 --constraint node.role==worker --reserve-cpu 2.5 nginx; wait 20s
         kill w3; wait 30s",
        &[
            (
                "web.2 --at 15s",
                &[
                    "the task reserves 2.5 CPU, 1.5 of 4 are free (held by web.1)",
                    "because m1$ docker node update --availability drain w1\n",
                    "because m1$ docker node update --availability pause w2\n",
                    "insufficient resources on 1 node",
                ],
            ),
            (
                "web.2",
                &[
                    "no suitable node (3 nodes not available for new tasks; scheduling",
                    "because m1$ docker node update --availability drain w1\n",
                    "because m1$ docker node update --availability pause w2\n",
                    "because the fault `kill w3` (typed at m1)",
                ],
            ),
            ("web.1", &["web.1: let start, though still without a node (the restart delay is over, ", "because the fault `kill w3`"]),
            ("web", &["what is in the way on each node: `why web.1`", "because the fault `kill w3`"]),
        ],
    );
}

#[test]
fn a_placement() {
    story(
        "placement",
        4,
        "docker node update --label-add disk=ssd w1; docker node update --label-add disk=ssd w2
         docker node update --availability drain w4
         docker service create -d --name db --reserve-cpu 3 --constraint node.hostname==w1 postgres; wait 10s
         docker service create -d --name api --replicas 2 --constraint node.labels.disk==ssd --reserve-cpu 1.5 nginx; wait 10s",
        &[(
            "api.2",
            &[
                "because m1$ docker service create -d --name api --replicas 2 --constraint node.labels.disk==ssd --reserve-cpu 1.5 nginx\n",
                "because m1$ docker node update --availability drain w4\n",
                "(held by db.1)",
                ": chosen",
            ],
        )],
    );
}

/// The root is one command of its line, with its own time.
#[test]
fn the_command_that_began_it_is_one_of_its_line() {
    story(
        "one_command",
        1,
        "docker service create -d --name web nginx; wait 10s; N=2; docker service scale -d web=$N && docker node ls -q > nodes.txt; wait 10s
         docker service update -d --limit-cpu 1 $(docker service ls -q) | cat; wait 20s",
        &[
            ("web.2 --at 19s", &["       10.014s  because m1$ docker service scale -d web=$N\n"]),
            ("web --at 19s", &["because m1$ docker service scale -d web=$N\n"]),
            ("web", &["because m1$ docker service update -d --limit-cpu 1 $(docker service ls -q)\n"]),
        ],
    );
}

#[test]
fn a_paused_update() {
    story(
        "paused_update",
        2,
        "image bad:1 exits=1 after=1s
         docker service create -d --name web --replicas 2 nginx; wait 20s
         docker service update -d --image bad:1 web; wait 30s",
        &[(
            "web",
            &[
                "its update is paused\n",
                "because m1$ docker service update -d --image bad:1 web\n",
                "and because of the fault `image bad:1 exits=1 after=1s` (typed at m1)",
            ],
        )],
    );
}

#[test]
fn rollbacks() {
    story(
        "rollback",
        2,
        "image bad:1 exits=1 after=1s
         docker service create -d --name web --replicas 2 nginx; docker service create -d --name auto --update-failure-action rollback nginx; wait 20s
         docker service update -d --image bad:1 web; docker service update -d --image bad:1 auto; wait 30s
         docker service rollback -d web; wait 30s",
        &[
            (
                "web",
                &[
                    "its last update was rolled back",
                    "the rollback is complete",
                    "because m1$ docker service rollback -d web\n",
                    "before that:\n",
                    "the update is paused",
                    "because m1$ docker service update -d --image bad:1 web\n",
                ],
            ),
            (
                "auto",
                &[
                    "the rollback is complete",
                    "because service auto: the rollback begins (update rolled back due to failure",
                    "because m1$ docker service update -d --image bad:1 auto\n",
                ],
            ),
        ],
    );
    story(
        "rollback_paused",
        2,
        "docker service create -d --name web --replicas 2 --rollback-failure-action pause nginx; wait 20s
         docker service update -d --image redis:7 web; wait 30s
         image nginx exits=1 after=1s; docker service rollback -d web; wait 40s",
        &[("web", &["its rollback is paused\n", "because m1$ docker service rollback -d web\n"])],
    );
}

#[test]
fn a_restart() {
    story(
        "restart",
        1,
        "image bad:1 exits=3 after=10s
         docker service create -d --name bad --restart-delay 8s bad:1; wait 25s",
        &[
            (
                "bad.1 --at 15s",
                &[
                    "it may start at 2",
                    ": then its restart delay is over",
                    "`image bad:1 exits=3 after=10s` (typed at m1)",
                ],
            ),
            (
                "bad.1",
                &["may start now (the restart delay is over)", "because m1$ docker service create -d --name bad"],
            ),
            ("bad", &["`image bad:1 exits=3 after=10s` (typed at m1)"]),
        ],
    );
}

#[test]
fn a_drained_node() {
    story(
        "drain",
        2,
        "docker service create -d --name web --replicas 2 --constraint node.role==worker nginx; wait 20s
         docker node update --availability drain w1; wait 20s",
        &[("web.1", &["because m1$ docker node update --availability drain w1\n"]), ("w1", &["is now drain"])],
    );
}

/// Of a slot that is wanted the task of now is told, not what is heard later of an older one.
#[test]
fn a_node_that_was_killed() {
    story(
        "node_killed",
        2,
        "docker service create -d --name web --replicas 2 --constraint node.role==worker nginx; wait 20s
         kill w1; wait 30s; boot w1; wait 30s",
        &[
            ("web.1 --at 25s", &["web.1 is running on w1"]),
            ("web.1", &["because the fault `kill w1` (typed at m1)", "web.1 (w2): runs"]),
            ("w1", &["because the repair `boot w1` (typed at m1)"]),
        ],
    );
}

#[test]
fn a_registry_that_was_down() {
    story(
        "registry",
        1,
        "registry down
         docker service create -d --name late redis:7; wait 20s
         registry up; wait 20s
         docker service update -d --force late; wait 20s",
        &[
            ("late.1 --at 10s", &["m1 does not reach the registry", "and because of the fault `registry down`"]),
            (
                "late.1 --at 30s",
                &["m1 reaches the registry again (`registry up` at 20.0", "docker service update --force late"],
            ),
            ("late --at 30s", &["late.1: m1 reaches the registry again"]),
            ("late.1", &["late.1 is running", "because m1$ docker service update -d --force late\n"]),
        ],
    );
}

/// Which command removed a slot, and why that slot.
#[test]
fn a_scale_down() {
    story(
        "scale_down",
        2,
        "docker service create -d --name web --replicas 5 nginx; wait 20s
         docker node update --availability pause w2; docker service scale -d web=2; wait 20s",
        &[
            (
                "web.4",
                &[
                    "web.4 is no more: the service was scaled down at 20.0",
                    "because m1$ docker service scale -d web=2\n",
                    "it was the 2nd copy on its node",
                ],
            ),
            ("web.3", &["of the slots that are the 1st copy on their node those with lower numbers are kept"]),
        ],
    );
    story(
        "scale_down_pending",
        1,
        "docker service create -d --name web --replicas 3 --reserve-cpu 3 nginx; wait 10s; docker service scale -d web=2; wait 10s",
        &[(
            "web.3",
            &["its task had no node yet: such a slot goes first", "because m1$ docker service scale -d web=2\n"],
        )],
    );
}

/// Of many slots those are shown that tell: around the last that was kept, and around the one in question.
#[test]
fn a_scale_down_of_many() {
    story(
        "scale_down_many",
        9,
        "docker service create -d --name web --replicas 60 --reserve-cpu 1 nginx; wait 20s; docker service scale -d web=25; wait 10s",
        &[
            (
                "web.26",
                &[
                    "(these are 9 of 60 slots, the best to keep first)",
                    "web.25 w4 running 3rd on w4 kept",
                    "web.26 w5 running 3rd on w5 removed",
                ],
            ),
            ("web.55", &["its task had no node yet: such a slot goes first"]),
        ],
    );
}

#[test]
fn a_global_service() {
    story(
        "global",
        4,
        "docker node update --availability drain w2; docker node update --label-add ssd=yes w1; docker node update --label-add ssd=yes w4
         docker service create -d --name hog --constraint node.hostname==w4 --reserve-cpu 3 nginx; wait 5s
         docker service create -d --name agent --mode global --constraint node.labels.ssd==yes --reserve-cpu 2 nginx; wait 15s
         docker service create -d --name none --mode global --constraint node.labels.ssd==no nginx; wait 5s",
        &[
            ("agent", &["has its task", "node.labels.ssd==yes: it has none", "its availability is drain", "(held by hog.1)"]),
            ("agent.w1", &["placed (its node passes all filters)", "may have one"]),
            ("agent.w2", &["agent has no task on w2\n", "because m1$ docker node update --availability drain w2\n"]),
            ("agent.w3", &["agent has no task on w3\n", "node.labels.ssd==yes: it has none"]),
            ("agent.w4", &["cannot be placed yet (insufficient resources on 1 node)", "the task reserves 2 CPU, 1 of 4 are"]),
            ("none", &["none runs 0 of 0 tasks", "node.labels.ssd==no: it is yes"]),
        ],
    );
}

/// The first task of a job has its node's id in its name.
#[test]
fn a_job() {
    story(
        "job",
        1,
        "docker service create -d --name jj --mode replicated-job --replicas 2 --constraint node.labels.x==1 nginx; wait 5s
         docker node update --label-add x=1 w1; wait 15s",
        &[
            ("jj.0 --at 4s", &["jj. (its node's id will stand behind the dot) is pending"]),
            ("jj.0", &["because m1$ docker node update --label-add x=1 w1\n"]),
            ("jj --at 4s", &["jj. (pending)"]),
        ],
    );
}

/// A port that is held, and times from before the beginning.
#[test]
fn a_port_that_is_taken() {
    story(
        "port",
        1,
        "docker service create -d --name one --publish mode=host,published=80,target=80 --constraint node.hostname==w1 nginx; wait 5s
         docker service create -d --name two --publish mode=host,published=80,target=80 --constraint node.hostname==w1 nginx; wait 5s",
        &[
            ("two.1", &["port 80/tcp is taken (held by one.1)"]),
            ("w1", &["w1 joins the swarm", "times below 0 are from the setting up of the swarm, before the lab began"]),
        ],
    );
}

/// A line may go on elsewhere; each fault was typed where its terminal was then. And a link that goes down by itself leads to
/// the fault that let it.
#[test]
fn faults_and_where_they_were_typed() {
    story(
        "faults",
        2,
        "on w1; kill w2; wait 20s; on m1; boot w2; link m1 w1 flap=15s; wait 60s",
        &[
            ("w2 --at 19s", &["because the fault `kill w2` (typed at w1)"]),
            ("w2 --at 40s", &["because the repair `boot w2` (typed at m1)"]),
            (
                "w1 --at 64s",
                &["because the fault `link m1 w1 down`\n", "because the fault `link m1 w1 flap=15s` (typed at m1)"],
            ),
        ],
    );
}

/// What is asked at the prompt is answered as by the command.
#[test]
fn the_verb_says_the_same() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("why");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let recording = folder.join("verb.rec").display().to_string();
    let lines = "docker service create -d --name web --replicas 4 nginx > /dev/null; wait 20s; docker node update --availability drain w1 > /dev/null; wait 10s";
    let asked = |lines: &str, more: &[&str]| {
        let mut words = vec!["shell", "--managers", "1", "--workers", "2"];
        words.extend(more);
        words.extend(["-c", lines]);
        ended(&words)
    };
    assert_eq!(asked(lines, &["--record", &recording]).status, Some(0));
    for subject in ["web", "web.2", "w1", "leader"] {
        let told = ended(&["why", &recording, subject]);
        assert_eq!(told.status, Some(0), "{}", told.stderr);
        assert_eq!(asked(&format!("{lines}; why {subject}"), &[]).stdout, told.stdout);
    }
}

/// A job's attempts may be used up: the job makes a new task all the same.
#[test]
fn a_job_that_fails_again_and_again() {
    story(
        "failing_job",
        1,
        "docker service create -d --name fj --mode replicated-job --replicas 2 --restart-max-attempts 1 alpine sh -c 'sleep 1; exit 3'
         wait 20s
         docker service ps fj",
        &[("fj.1 --at 14s", &["it is not restarted: its restart policy allows 1 attempt", "makes a new task in its place"])],
    );
}

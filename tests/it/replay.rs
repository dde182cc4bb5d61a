//! Whole recordings of real swarms, replayed: the same machines, the same lines at the same moments, and what each printed
//! compared after ids, times and addresses have been replaced by what they stand for.
//!
//! The table of how many commands compare equal, and the list of those that do not, is a snapshot: it changes with care.
//! Both outputs of each difference are written to files in `target/tmp`.

mod plain;
mod play;
mod recording;
mod tally;

use play::{Topic, play};
use swarmlab::swarm::object::Role;

const MANAGER: Option<Role> = Some(Role::Manager);
const WORKER: Option<Role> = Some(Role::Worker);
/// The machines of recordings with five of them.
const FIVE: [(&str, u8); 5] = [("manager1", 11), ("manager2", 12), ("manager3", 13), ("worker1", 21), ("worker2", 22)];

const TOPICS: &[Topic] = &[
    Topic {
        name: "docker-29/01-lab",
        recording: include_str!("../recordings/docker-29/01-lab.jsonl"),
        hosts: &[("solo", 31, None)],
        seeds: &[29, 1, 2, 3],
        before: "",
    },
    Topic {
        name: "docker-29/02-multinode",
        recording: include_str!("../recordings/docker-29/02-multinode.jsonl"),
        hosts: &[
            (FIVE[0].0, FIVE[0].1, None),
            (FIVE[1].0, FIVE[1].1, None),
            (FIVE[2].0, FIVE[2].1, None),
            (FIVE[3].0, FIVE[3].1, None),
            (FIVE[4].0, FIVE[4].1, None),
        ],
        seeds: &[29, 1, 2, 3],
        before: "",
    },
    Topic {
        name: "docker-29/03-quorum",
        recording: include_str!("../recordings/docker-29/03-quorum.jsonl"),
        hosts: &[
            (FIVE[0].0, FIVE[0].1, MANAGER),
            (FIVE[1].0, FIVE[1].1, MANAGER),
            (FIVE[2].0, FIVE[2].1, MANAGER),
            (FIVE[3].0, FIVE[3].1, WORKER),
            (FIVE[4].0, FIVE[4].1, WORKER),
            ("extra", 33, None),
        ],
        seeds: &[1, 2, 3, 4, 5, 6],
        // It went on where the one before it had ended: a worker had been lost and come back.
        before: "docker service create -d --name timecheck --replicas 10 diamol/ch12-timecheck:1.0; wait 20s; \
                 kill worker1 daemon; wait until nodes['worker1'].status == 'down' for up to 20s; wait 10s; \
                 boot worker1; wait until nodes['worker1'].status == 'ready' for up to 30s; wait 20s",
    },
    Topic {
        name: "docker-29/04-updates",
        recording: include_str!("../recordings/docker-29/04-updates.jsonl"),
        hosts: &[("solo", 34, None)],
        seeds: &[29, 1, 2, 3],
        before: "",
    },
    Topic {
        name: "docker-29/05-errors",
        recording: include_str!("../recordings/docker-29/05-errors.jsonl"),
        hosts: &[("solo", 31, MANAGER), ("spare", 32, None), ("extra", 33, None), ("nodaemon", 99, None)],
        seeds: &[29, 1, 2, 3],
        before: "stop nodaemon daemon",
    },
    Topic {
        name: "docker-29/07-secrets-configs",
        recording: include_str!("../recordings/docker-29/07-secrets-configs.jsonl"),
        hosts: &[("solo", 31, MANAGER), ("spare", 32, WORKER)],
        seeds: &[29, 1, 2, 3],
        before: "",
    },
    Topic {
        name: "docker-29/12-container-actions",
        recording: include_str!("../recordings/docker-29/12-container-actions.jsonl"),
        hosts: &[("solo", 31, MANAGER), ("spare", 32, WORKER)],
        seeds: &[29, 1, 2, 3],
        before: "",
    },
    Topic {
        name: "docker-29/14-which-side",
        recording: include_str!("../recordings/docker-29/14-which-side.jsonl"),
        hosts: &[("solo", 31, MANAGER), ("spare", 32, WORKER), ("extra", 33, None), ("nodaemon", 99, None)],
        seeds: &[29, 1, 2, 3],
        // It went on in a swarm that had had five networks, and whose worker had left and come back.
        before: "stop nodaemon daemon; docker network create -d overlay n1; docker network create -d overlay n2; \
                 docker network create -d overlay n3; docker network create -d overlay n4; docker network create -d overlay n5; \
                 docker network rm n1 n2 n3 n4 n5; on spare; docker swarm leave; on solo; wait 30s; \
                 token=$(docker swarm join-token -q worker); on spare; docker swarm join --token $token 10.90.0.31:2377; \
                 on solo; wait 5s",
    },
];

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "where the differences are written to is for whoever looks at them to say"
)]
fn recordings_print_here_what_they_printed_there() {
    let mut table = vec![tally::HEADING.to_owned()];
    let mut lists = Vec::new();
    let (mut asked, mut equal) = (0, 0);
    let plays: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = TOPICS.iter().map(|topic| scope.spawn(|| play(topic))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a recording is played to its end")).collect()
    });
    for tally in &plays {
        table.push(tally.line());
        lists.push(format!("\n{}", tally.line().split_whitespace().next().unwrap_or_default()));
        lists.extend(tally.heads().map(str::to_owned));
        asked += tally.asked();
        equal += tally.equal();
    }
    table.push(format!("{equal} of {asked} compare equal: {}.{} %", equal * 100 / asked, equal * 1000 / asked % 10));
    for (tally, topic) in plays.iter().zip(TOPICS) {
        let file = format!("{}/{}.txt", env!("CARGO_TARGET_TMPDIR"), topic.name.replace('/', "-"));
        std::fs::write(file, tally.whole()).expect("the tests' own folder can be written to");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
        .bind(|| insta::assert_snapshot!("recordings-replayed", format!("{}\n{}", table.join("\n"), lists.join("\n"))));
}

//! Random words: no panic, always an exit status, and the same again after a clone at any moment.

use crate::docker::flags::{Flag, Kind};
use crate::docker::testing::{cluster, refuse, run_in, services, tasks};
use crate::docker::{Client, Effect, Environment, Input, complete, table};
use crate::swarm::api::{Answer, Failure, NoAnswer, Request, Response, Task, TaskStatus};
use proptest::prelude::*;
use std::sync::Arc;

const VALUES: [&str; 44] = [
    "web",
    "web",
    "agent",
    "nope",
    "self",
    "node1",
    "nginx",
    "1",
    "0",
    "-1",
    "5s",
    "x",
    "a=b",
    "web=3",
    "web=0 agent=1",
    "80:80",
    "8080-8082:80",
    "target=80,mode=host",
    "global",
    "replicated-job",
    "worker",
    "drain",
    "any",
    "json",
    "table",
    "raw",
    "pretty",
    "{{.Name}}",
    "{{json .}}",
    "{{",
    "{{.ID}}",
    "{{range .}}x{{end}}",
    "table {{.ID}}\\t{{.Name}}",
    "",
    "-",
    "--",
    "=",
    "é…",
    "spread=node.labels.a",
    "10m",
    "0.5",
    "env",
    "{{printf \"%d%s\" 1}}",
    "node=self",
];

/// A flag of the command, or an argument: such as mean something, and some that do not.
fn word(flags: Vec<Flag>) -> impl Strategy<Value = Vec<String>> {
    let value = || prop::sample::select(VALUES.to_vec()).prop_map(str::to_owned);
    let given = (prop::sample::select(flags), value(), 0..4).prop_map(|(flag, value, form)| match (form, flag.short) {
        (0, _) => vec![format!("--{}={value}", flag.long)],
        (1, Some(short)) => vec![format!("-{short}{value}")],
        (2, Some(short)) if flag.kind == Kind::Bool => vec![format!("-{short}")],
        (_, Some(short)) if flag.kind != Kind::Bool => vec![format!("-{short}"), value],
        _ if flag.kind == Kind::Bool => vec![format!("--{}", flag.long)],
        _ => vec![format!("--{}", flag.long), value],
    });
    prop_oneof![6 => given, 4 => value().prop_map(|value| vec![value]), 1 => ".{0,12}".prop_map(|text| vec![text])]
}

fn line() -> impl Strategy<Value = Vec<String>> {
    (0..table::COMMANDS.len()).prop_flat_map(|index| {
        let command = &table::COMMANDS[index];
        let path: Vec<String> = command.path.split(' ').map(str::to_owned).collect();
        let arguments = prop::collection::vec(prop::sample::select(VALUES.to_vec()).prop_map(str::to_owned), 0..3);
        let words = prop::collection::vec(word(command.flags()), 0..4);
        (words, arguments, 0..20_u8).prop_map(move |(words, arguments, cut)| {
            let whole = path.iter().cloned().chain(words.into_iter().flatten()).chain(arguments);
            // Now and then the command's own words are missing.
            whole.skip(usize::from(cut == 0)).collect()
        })
    })
}

/// Answers plausibly, and refuses now and then.
fn moody(request: &Request, now: i64, mood: u8) -> Answer {
    // Attached commands wait for ever on a daemon that never converges: end that by a refusal in the end.
    if now > 20_000 * 1_000_000_000 {
        return refuse(500, "enough");
    }
    match mood {
        0 => refuse(503, "This node is not a swarm manager."),
        1 => Err(Failure::NoAnswer(NoAnswer::Died)),
        2 => refuse(404, "nothing found"),
        // So that attached commands converge, but not always.
        3..90 => match request {
            Request::TaskList(filters) if !filters.get("_up-to-date").is_empty() => {
                let running = tasks().into_iter().filter(|task| task.desired_state == "running");
                let running = running.map(|task| Task {
                    status: TaskStatus { state: "running".into(), ..TaskStatus::default() },
                    node_id: "p513we5rs7r8ykza3zaw5pquu".into(),
                    ..task
                });
                Ok(Response::Tasks(Arc::new(running.collect())))
            }
            Request::ServiceInspect { id, .. } if id == "qh8oh4a2z50v5cbvu0icl51j0" => {
                Ok(Response::Service(Arc::new(services().swap_remove(usize::from(mood % 5)))))
            }
            other => cluster(other),
        },
        _ => cluster(request),
    }
}

proptest! {
    #[test]
    fn every_line_ends_with_a_status(words in line(), moods in prop::collection::vec(0_u8..100, 1..6), wide in any::<bool>()) {
        let mut asked = 0;
        let environment = Environment { terminal_width: wide.then_some(130), ..Environment::default() };
        let mut patience = 600;
        let ran = run_in(&words, environment, |request, now| {
            asked += 1;
            patience -= 1;
            if patience == 0 { refuse(500, "enough") } else { moody(request, now, moods[asked % moods.len()]) }
        });
        let status = ran.status;
        prop_assert!(matches!(status, Some(0 | 1 | 64 | 125)), "{words:?} ended with {status:?}");
        let _ = complete(&words);
    }

    #[test]
    fn a_clone_goes_on_as_the_original(words in line()) {
        let (mut client, mut effects) = Client::start(&words, Environment::default(), 0);
        for now in 1..40 {
            let Some(input) = effects.iter().find_map(|effect| match effect {
                Effect::Request { request, body } => Some(Input::Answer { request: *request, answer: cluster(body) }),
                Effect::Timer { .. } => Some(Input::Timer),
                Effect::ReadFile { path } => Some(Input::File { path: path.clone(), content: Err("no".into()) }),
                _ => None,
            }) else { break };
            let mut twin = client.clone();
            effects = client.step(input.clone(), now);
            prop_assert_eq!(&effects, &twin.step(input, now));
        }
    }

    #[test]
    fn templates_never_panic(text in ".{0,40}|(\\{\\{[-a-z.$|()\" 0-9:=%]{0,20}\\}\\}){0,4}") {
        let _ = crate::docker::template::Template::parse(&text).map(|template| {
            template.execute(&serde_json::json!({"Name": "x", "L": [1, 2]}), crate::docker::template::Missing::Object)
        });
    }
}

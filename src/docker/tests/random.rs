//! Random words: no panic, always an exit status, and the same again after a clone at any moment.

use crate::docker::testing::{cluster, refuse, run_in};
use crate::docker::{Client, Effect, Environment, Input, complete, table};
use crate::swarm::api::{Answer, Failure, NoAnswer, Request};
use proptest::prelude::*;

/// Words that mean something somewhere, and some that do not.
fn word() -> impl Strategy<Value = String> {
    let flags: Vec<String> = table::COMMANDS
        .iter()
        .flat_map(|command| command.flags())
        .flat_map(|flag| {
            let short = flag.short.map(|short| format!("-{short}"));
            [Some(format!("--{}", flag.long)), Some(format!("--{}=1", flag.long)), short].into_iter().flatten()
        })
        .collect();
    let values = [
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
        "80:80",
        "global",
        "replicated-job",
        "worker",
        "json",
        "table",
        "raw",
        "pretty",
        "{{.Name}}",
        "{{json .}}",
        "{{",
        "{{range .}}x{{end}}",
        "table {{.ID}}\\t{{.Name}}",
        "",
        "-",
        "--",
        "=",
        "é…",
        "spread=node.labels.a",
        "10m",
        "env",
        "{{printf \"%d%s\" 1}}",
    ];
    prop_oneof![
        3 => prop::sample::select(flags),
        4 => prop::sample::select(values.map(str::to_owned).to_vec()),
        1 => ".{0,12}",
    ]
}

fn line() -> impl Strategy<Value = Vec<String>> {
    let paths: Vec<Vec<String>> = table::COMMANDS
        .iter()
        .map(|command| command.path.split(' ').map(str::to_owned).collect())
        .chain([vec![], vec!["service".to_owned()]])
        .collect();
    (prop::sample::select(paths), prop::collection::vec(word(), 0..7)).prop_map(|(mut path, words)| {
        path.extend(words);
        path
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
        _ => cluster(request),
    }
}

proptest! {
    #[test]
    fn every_line_ends_with_a_status(words in line(), moods in prop::collection::vec(0_u8..20, 1..6), wide in any::<bool>()) {
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

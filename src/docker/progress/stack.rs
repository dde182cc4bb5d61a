//! The wait of `stack rm --detach=false`: looks at the stack's tasks every 200 ms, without a word, until all have ended.
//!
//! cli.md §10.5.

use super::{TICK, Then, out_of_place};
use crate::docker::command::stack;
use crate::swarm::api::{Request, Response, Task};

/// The wait for the tasks of a removed stack.
#[derive(Clone, Debug)]
pub struct Ending {
    name: String,
}

impl Ending {
    /// Before the first look.
    pub fn new(name: &str) -> Ending {
        Ending { name: name.to_owned() }
    }

    /// What is asked.
    pub fn request(&self) -> Request {
        Request::TaskList(stack::filters(&self.name))
    }

    /// What comes of an answer.
    pub fn answer(&self, response: Response) -> Then {
        let ended = |task: &Task| matches!(task.status.state.as_str(), "complete" | "shutdown" | "failed" | "rejected");
        match response {
            Response::Tasks(tasks) if tasks.iter().all(ended) => Then::Done(Ok(())),
            Response::Tasks(_) => Then::Sleep(TICK),
            _ => out_of_place(),
        }
    }
}

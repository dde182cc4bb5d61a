//! What each command does: straight-line code over a [`super::script::Context`]. Which commands there are, their
//! flags and usage: `table`.

pub mod container;
pub mod events;
pub mod exec;
pub mod file;
pub mod health;
pub mod image;
pub mod info;
mod info_json;
pub mod inspect;
pub mod inspect_any;
pub mod network;
pub mod network_create;
pub mod node;
pub mod rollback;
pub mod run;
pub mod scale;
pub mod service_carried;
pub mod service_create;
pub mod service_generic;
pub mod service_inspect;
pub mod service_list;
pub mod service_logs;
pub mod service_ps;
pub mod service_references;
pub mod service_update;
pub mod stack;
pub mod stack_deploy;
pub mod stack_file;
pub mod swarm;
pub mod swarm_ca;
pub mod swarm_lock;
pub mod volume;

//! `docker create` and what belongs to it: names, networks, mounts; then waiting, looking on, commands inside, `top`, `prune`.
//!
//! Source: cli.md §5.8, networking.md §1.8; recordings docker-29/03 and 05; moby `daemon/create.go`, `daemon/names.go`.

use crate::engine::Duration;
use crate::swarm::api::{
    Answer, ApiError, ContainerCreate, EndpointRequest, ExecRequest, Filters, MountRequest, Pruned, Response, Top,
};
use crate::swarm::daemon::engine::{Container, ContainerState, Own, Owner};
use crate::swarm::daemon::image::canonical;
use crate::swarm::daemon::program::{Handles, Program};
use crate::swarm::daemon::{inside, limits};
use crate::swarm::object::{ContainerId, Id};
use crate::swarm::world::event::ClientId;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// Words for names that the engine makes up.
const LEFT: [&str; 20] = [
    "amazing", "bold", "brave", "busy", "clever", "cool", "eager", "elegant", "epic", "fervent", "gallant", "happy",
    "keen", "loving", "modest", "nifty", "quirky", "serene", "sharp", "zen",
];
/// People of science and engineering who have lived.
const RIGHT: [&str; 20] = [
    "bohr", "curie", "darwin", "dijkstra", "einstein", "euler", "fermat", "franklin", "galileo", "gauss", "hopper",
    "johnson", "kepler", "lamport", "lovelace", "meitner", "newton", "noether", "shannon", "turing",
];

fn name_is_good(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric();
    let rest = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    name.len() >= 2 && name.starts_with(first) && name.chars().all(rest)
}

impl Host {
    /// A name that nobody has: the one wanted, or one made up.
    fn container_name(&self, wanted: &str, id: ContainerId, env: &Env) -> Result<Arc<str>, ApiError> {
        let holder = |name: &str| {
            let made = self.engine.containers.values().find(|container| &*container.name == name);
            made.map(|container| container.id).or_else(|| self.engine.is_name_promised(name))
        };
        let name = wanted.trim_start_matches('/');
        if name.is_empty() {
            let key = env.seed.key("container.name", &id.0);
            let pick = |from: &[&'static str], number: u64| {
                from[usize::try_from(key.below(number, from.len() as u64)).unwrap_or(0)]
            };
            for draw in 0..50 {
                let name = format!("{}_{}", pick(&LEFT, 2 * draw), pick(&RIGHT, 2 * draw + 1));
                if holder(&name).is_none() {
                    return Ok(name.as_str().into());
                }
            }
            return Ok(id.text()[..12].into());
        }
        if !name_is_good(name) {
            let text = format!("Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
            return Err(ApiError::new(400, text));
        }
        match holder(name) {
            None => Ok(name.into()),
            Some(other) => Err(ApiError::new(
                409,
                format!(
                    "Conflict. The container name \"/{name}\" is already in use by container \"{}\". You have to remove (or rename) that container to be able to reuse that name.",
                    other.text()
                ),
            )),
        }
    }

    /// Makes a container; the client has its answer when it is made.
    pub(in crate::swarm::daemon) fn container_create(
        &mut self,
        order: &ContainerCreate,
        client: ClientId,
        number: u64,
        env: &mut Env,
    ) -> Result<(), ApiError> {
        let image = order.spec.image.as_str();
        let reference = self.image_named(image).ok_or_else(|| {
            ApiError::new(404, format!("No such image: {}", crate::swarm::daemon::image::familiar(&canonical(image))))
        })?;
        if let Some(text) = limits::beyond(&order.limits, &self.description) {
            return Err(ApiError::new(400, text));
        }
        if order.network.starts_with("container:") {
            return Err(ApiError::new(501, "swarmlab: the network of another container is not modelled yet"));
        }
        let id = env.ids.own_container(&self.name, &order.name);
        let name = self.container_name(&order.name, id, env)?;
        let behaviour = env.catalogue.behaviour(&reference);
        let mut program = Program::of(&behaviour, &order.spec);
        let words: Vec<String> = order.spec.command.iter().chain(&order.spec.args).cloned().collect();
        let shell = |words: &[String]| match words {
            [name] => matches!(name.rsplit('/').next().unwrap_or(name), "sh" | "bash" | "ash"),
            _ => false,
        };
        // What is understood of commands that take time or take signals is the program's own matter.
        let script = program.own && program.missing.is_none() && inside::is_script(&words);
        let waits = if words.is_empty() { behaviour.is_shell() } else { shell(&words) };
        if let Some(first) = words.first().filter(|first| !first.starts_with('-'))
            && program.own
            && program.missing.is_none()
            && !script
            && behaviour.is_shell()
            && !shell(&words)
        {
            if let Some(text) = inside::not_modelled(&words) {
                return Err(ApiError::new(501, text));
            }
            // An image that is a shell and little else has no such program.
            program.missing = Some(format!("exec: \"{first}\": executable file not found in $PATH").into());
        }
        if order.open_stdin && waits {
            // A shell whose input stays open waits for it.
            (program.ends, program.own) = (None, false);
        } else if script {
            (program.own, program.ends, program.handles) = (false, None, Handles::Nothing);
        }
        let mode = match order.network.as_str() {
            "" | "default" => "bridge",
            mode => mode,
        };
        let mut endpoints = vec![EndpointRequest { network: mode.to_owned(), ..EndpointRequest::default() }];
        for wanted in &order.endpoints {
            let network = self.engine.bridges.name_of(&wanted.network);
            match endpoints.iter_mut().find(|known| known.network == wanted.network || known.network == network) {
                Some(known) => *known = wanted.clone(),
                None => endpoints.push(wanted.clone()),
            }
        }
        for endpoint in &mut endpoints {
            endpoint.network = self.engine.bridges.name_of(&endpoint.network);
            if endpoint.network == "bridge" && !endpoint.aliases.is_empty() {
                return Err(ApiError::new(400, "network-scoped aliases are only supported for user-defined networks"));
            }
        }
        let mounts: Vec<MountRequest> = order
            .mounts
            .iter()
            .enumerate()
            .map(|(place, mount)| {
                let mut mount = mount.clone();
                if mount.kind == "volume" && mount.source.is_empty() {
                    let key = env.seed.key("volume.anonymous", &(id.0, place));
                    mount.source = format!("{:032x}{:032x}", key.at_u128(0), key.at_u128(1));
                }
                mount
            })
            .collect();
        let mut order = order.clone();
        if order.publish_all {
            let taken: Vec<u16> = order.ports.iter().map(|port| port.target).collect();
            let exposed = behaviour.listen.iter().map(|port| (*port, "tcp".to_owned())).chain(order.expose.clone());
            order.ports.extend(
                exposed.filter(|(port, _)| !taken.contains(port)).map(|(target, protocol)| {
                    crate::swarm::api::PortRequest { target, protocol, ..Default::default() }
                }),
            );
        }
        let own = Own {
            ports: Vec::new(),
            endpoints,
            mounts,
            restarts: 0,
            backoff: Duration::ZERO,
            stopped: false,
            again: None,
            script,
            said: Arc::default(),
            order: Arc::new(order),
        };
        let container = Container::new(id, name, image, behaviour, program, Owner::User(Box::new(own)), Id::default());
        self.engine_do(env, |engine, around, out| engine.make_for(client, number, container, around, out));
        Ok(())
    }

    /// What keeps a container of somebody's own from being started: a network that it cannot be on.
    pub(super) fn networks_of_own(&self, container: &Container) -> Result<(), ApiError> {
        let endpoints = container.own().map(|own| &own.endpoints[..]).unwrap_or_default();
        let unknown = endpoints.iter().find(|endpoint| !self.engine.bridges.knows(&endpoint.network));
        let Some(name) = unknown.map(|endpoint| endpoint.network.as_str()) else { return Ok(()) };
        let known = self.manager.as_ref().map(|manager| manager.state.networks.values()).into_iter().flatten();
        let here = self.engine.provision.instances().map(|instance| &instance.network);
        let meant = |network: &&Arc<crate::swarm::object::Network>| {
            &**network.name() == name || network.id.text().starts_with(name)
        };
        let text = match known.chain(here).find(meant) {
            None => format!("network {name} not found"),
            Some(network) if !network.spec.attachable => format!(
                "Could not attach to network {name}: rpc error: code = PermissionDenied desc = network {name} not manually attachable"
            ),
            Some(_) => {
                let text = "swarmlab: a container of your own on a network of the swarm is not modelled yet";
                return Err(ApiError::new(501, text));
            }
        };
        Err(ApiError::new(404, format!("failed to set up container networking: {text}")))
    }

    pub(in crate::swarm::daemon) fn container_wait(
        &mut self,
        name: &str,
        removed: bool,
        (client, number): (ClientId, u64),
        env: &mut Env,
    ) -> Result<(), ApiError> {
        let id = self.find_container(name)?.id;
        self.engine_do(env, |engine, _, out| engine.wait_for(id, client, number, removed, out));
        Ok(())
    }

    pub(in crate::swarm::daemon) fn container_attach(
        &mut self,
        name: &str,
        seen: u64,
        start: bool,
        (client, number): (ClientId, u64),
        env: &mut Env,
    ) -> Result<(), ApiError> {
        let container = self.find_container(name)?;
        let id = container.id;
        if start && let Err(error) = self.networks_of_own(container) {
            self.engine_do(env, |engine, around, out| engine.removed_with_end(id, around, out));
            return Err(error);
        }
        self.engine_do(env, |engine, around, out| engine.attach_for(id, client, number, seen, start, around, out));
        Ok(())
    }

    pub(in crate::swarm::daemon) fn container_exec(
        &mut self,
        request: &ExecRequest,
        client: (ClientId, u64),
        env: &mut Env,
    ) -> Result<(), ApiError> {
        let container = self.find_container(&request.id)?;
        let id = container.id;
        if container.paused.is_some() {
            let text = format!("Container {} is paused, unpause the container before exec", request.id);
            return Err(ApiError::new(409, text));
        }
        if !container.runs() {
            return Err(ApiError::new(409, format!("container {} is not running", id.text())));
        }
        let request = request.clone();
        self.engine_do(env, |engine, around, out| engine.exec_for(id, request, client, around, out));
        Ok(())
    }

    pub(in crate::swarm::daemon) fn container_top(&self, name: &str) -> Answer {
        let container = self.find_container(name)?;
        if !container.runs() {
            return Err(ApiError::new(409, format!("container {} is not running", container.id.text())).into());
        }
        let started = container.started_stamp.unwrap_or_default();
        let clock = crate::swarm::api::time::rfc3339(started.nanos());
        let row = ["root".to_owned(), container.pid().to_string(), (container.pid() - 20).to_string(), "0".into()];
        let rest = [clock[11..16].to_owned(), "?".into(), "00:00:00".into(), container.program.command.to_string()];
        let titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"].map(str::to_owned).to_vec();
        Ok(Response::Top(Arc::new(Top { titles, processes: vec![row.into_iter().chain(rest).collect()] })))
    }

    pub(in crate::swarm::daemon) fn container_prune(&mut self, filters: &Filters, env: &mut Env) -> Answer {
        let known = ["label", "label!", "until"];
        if let Some(key) = filters.0.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(ApiError::new(400, format!("invalid filter '{key}'")).into());
        }
        let has = |container: &Container, wanted: &String| match wanted.split_once('=') {
            Some((key, value)) => container.labels().get(key).is_some_and(|own| own == value),
            None => container.labels().contains_key(wanted),
        };
        let ended = self.engine.containers.values().filter(|container| {
            matches!(container.state, ContainerState::Created | ContainerState::Exited { .. })
                && !container.is_restarting()
                && filters.get("label").iter().all(|wanted| has(container, wanted))
                && !filters.get("label!").iter().any(|wanted| has(container, wanted))
        });
        let gone: Vec<ContainerId> = ended.map(|container| container.id).collect();
        for id in &gone {
            self.engine_do(env, |engine, around, out| engine.remove(*id, around, out));
        }
        Ok(Response::Pruned(Pruned { names: gone.into_iter().map(ContainerId::text).collect(), reclaimed: 0 }))
    }

    /// `docker network connect`
    pub(in crate::swarm::daemon) fn network_connect(
        &mut self,
        name: &str,
        endpoint: &EndpointRequest,
        env: &mut Env,
    ) -> Answer {
        let network = self.engine.bridges.name_of(&endpoint.network);
        if !self.engine.bridges.knows(&network) {
            let known = self.manager.as_ref().map(|manager| manager.state.networks.values()).into_iter().flatten();
            let found = known.into_iter().find(|known| **known.name() == *network);
            return Err(match found {
                None => ApiError::new(404, format!("network {} not found", endpoint.network)),
                Some(network) if !network.spec.attachable => {
                    let name = network.name();
                    let text = format!("Could not attach to network {name}: rpc error: code = PermissionDenied desc = network {name} not manually attachable");
                    ApiError::new(403, text)
                }
                Some(_) => {
                    let text = "swarmlab: a container of your own on a network of the swarm is not modelled yet";
                    ApiError::new(501, text)
                }
            }
            .into());
        }
        let container = self.find_container(name)?;
        if matches!(network.as_str(), "host" | "none") {
            let text = "container cannot be connected to host network - container must be created in host network mode";
            return Err(ApiError::new(403, text).into());
        }
        if container.own().is_none() {
            let text = "swarmlab: connecting a task's container by hand is not modelled yet";
            return Err(ApiError::new(501, text).into());
        }
        let id = container.id;
        let endpoint = EndpointRequest { network, ..endpoint.clone() };
        let mut result = Ok(());
        self.engine_do(env, |engine, around, out| result = engine.connect(id, &endpoint, around, out));
        result.map(|()| Response::Done).map_err(Into::into)
    }

    /// `docker network disconnect`
    pub(in crate::swarm::daemon) fn network_disconnect(&mut self, network: &str, name: &str, env: &mut Env) -> Answer {
        let local = self.engine.bridges.name_of(network);
        if !self.engine.bridges.knows(&local) {
            return Err(ApiError::new(404, format!("network {network} not found")).into());
        }
        let id = self.find_container(name)?.id;
        let mut was = false;
        self.engine_do(env, |engine, around, out| was = engine.disconnect(id, &local, around, out));
        if was {
            return Ok(Response::Done);
        }
        Err(ApiError::new(403, format!("container {} is not connected to network {local}", id.text())).into())
    }
}

//! What an engine refuses of a container's mounts before it makes it. The task is rejected with these words.
//!
//! Of a host's disk the model knows the top-level folders only, which every Linux has: a path below one of them counts as
//! there. Source: recording docker/05 (a path that is not there), the engine's own checks for the others (cli.md §7.3).

use crate::swarm::api::Mount;

/// What stands in the root folder of every host.
const ROOT: [&str; 20] = [
    "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv",
    "sys", "tmp", "usr", "var", "",
];

/// Why an engine does not make a container with these mounts, if it does not.
pub fn refused(mounts: &[Mount]) -> Option<String> {
    mounts.iter().find_map(one)
}

fn one(mount: &Mount) -> Option<String> {
    let (source, target) = (mount.source.as_str(), mount.target.as_str());
    if !target.starts_with('/') && mount.kind != "npipe" {
        return Some(format!("invalid mount target, must be an absolute path: {target}"));
    }
    match mount.kind.as_str() {
        "bind" if !source.starts_with('/') => {
            Some(format!("invalid bind mount source, must be an absolute path: {source}"))
        }
        "bind" if !is_there(source) && !mount.bind_options.as_ref().is_some_and(|bind| bind.create_mountpoint) => {
            Some(format!("invalid mount config for type \"bind\": bind source path does not exist: {source}"))
        }
        "volume" | "" if source.starts_with('/') => {
            Some(format!("invalid volume mount source, must not be an absolute path: {source}"))
        }
        "tmpfs" if !source.is_empty() => Some("invalid tmpfs source, source must be empty".into()),
        _ => None,
    }
}

fn is_there(path: &str) -> bool {
    let top = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    ROOT.contains(&top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::api::BindOptions;

    fn told(kind: &str, source: &str, target: &str) -> Option<String> {
        refused(&[Mount { kind: kind.into(), source: source.into(), target: target.into(), ..Mount::default() }])
    }

    #[test]
    fn sources_and_targets_have_to_fit_their_kind() {
        for (kind, source, target, text) in [
            ("bind", "/x", "/y", "invalid mount config for type \"bind\": bind source path does not exist: /x"),
            ("bind", "x", "/y", "invalid bind mount source, must be an absolute path: x"),
            ("volume", "v", "y", "invalid mount target, must be an absolute path: y"),
            ("volume", "/v", "/y", "invalid volume mount source, must not be an absolute path: /v"),
            ("tmpfs", "v", "/y", "invalid tmpfs source, source must be empty"),
        ] {
            assert_eq!(told(kind, source, target).as_deref(), Some(text));
        }
        for (kind, source) in [("bind", "/var/run/docker.sock"), ("bind", "/"), ("volume", "v"), ("tmpfs", "")] {
            assert_eq!(told(kind, source, "/y"), None);
        }
        let made = BindOptions { create_mountpoint: true, ..BindOptions::default() };
        let bind = Mount {
            kind: "bind".into(),
            source: "/x".into(),
            target: "/y".into(),
            bind_options: Some(made),
            ..Mount::default()
        };
        assert_eq!(refused(&[bind]), None);
    }
}

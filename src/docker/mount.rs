//! `--mount`: fields of CSV into a mount.
//!
//! cli.md §7.3. Returns the text after `invalid argument "V" for "--mount" flag: `.

use super::format::quote;
use super::value::{bytes, csv};
use crate::swarm::api::{BindOptions, Driver, Mount, TmpfsOptions, VolumeOptions};

/// Keys that may stand without a value.
const SWITCHES: [&str; 5] = ["readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src"];

/// Ways in which a mount is passed on between a host and its containers.
pub const PROPAGATIONS: [&str; 6] = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// Reads one value of `--mount`. A relative path `./x` is taken from the folder `directory`.
pub fn parse(text: &str, directory: &str) -> Result<Mount, String> {
    if text.trim().is_empty() {
        return Err("value is empty".into());
    }
    let mut mount = Mount { kind: "volume".into(), ..Mount::default() };
    for field in csv(text) {
        set(&mut mount, &field, directory)?;
    }
    let kind = mount.kind.clone();
    let mixed = |options: &str| Err(format!("cannot mix '{options}-*' options with mount type '{kind}'"));
    match kind.as_str() {
        "" => return Err("type is required".into()),
        kind => {
            if mount.volume_options.is_some() && kind != "volume" {
                return mixed("volume");
            }
            if mount.image_options.is_some() && kind != "image" {
                return mixed("image");
            }
            if mount.bind_options.is_some() && kind != "bind" {
                return mixed("bind");
            }
            if mount.tmpfs_options.is_some() && kind != "tmpfs" {
                return mixed("tmpfs");
            }
        }
    }
    Ok(mount)
}

fn set(mount: &mut Mount, field: &str, directory: &str) -> Result<(), String> {
    let (key, given) = field.split_once('=').map_or((field, None), |(key, value)| (key, Some(value)));
    let lower = key.to_lowercase();
    if lower.trim() != lower {
        return Err(format!("invalid option '{key}' in '{field}': option should not have whitespace"));
    }
    let value = match given {
        None if SWITCHES.contains(&lower.as_str()) => "true",
        None => return Err(format!("invalid field '{field}' must be a key=value pair")),
        Some("") if KEYS.contains(&lower.as_str()) => {
            return Err(format!("invalid value for '{key}': value is empty"));
        }
        Some(value) => value,
    };
    let boolean = || match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(format!(
            r#"invalid value for '{key}': invalid boolean value ({}): must be one of "true", "1", "false", or "0" (default "true")"#,
            quote(value)
        )),
    };
    let pair = || match value.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (value.to_owned(), String::new()),
    };
    match lower.as_str() {
        "type" => mount.kind = value.to_lowercase(),
        "source" | "src" => {
            mount.source = match value.strip_prefix("./") {
                Some(rest) => format!("{}/{rest}", directory.trim_end_matches('/')),
                None if value == "." => directory.to_owned(),
                None => value.to_owned(),
            }
        }
        "target" | "dst" | "destination" => value.clone_into(&mut mount.target),
        "readonly" | "ro" => mount.read_only = boolean()?,
        "consistency" => mount.consistency = value.to_lowercase(),
        "bind-propagation" => bind(mount).propagation = value.to_lowercase(),
        "bind-nonrecursive" => bind(mount).non_recursive = boolean()?,
        "bind-create-src" => bind(mount).create_mountpoint = boolean()?,
        "bind-recursive" => {
            let bind = bind(mount);
            match value {
                "enabled" => {}
                "disabled" => bind.non_recursive = true,
                "writable" => bind.read_only_non_recursive = true,
                "readonly" => bind.read_only_force_recursive = true,
                _ => {
                    return Err(format!(
                        r#"invalid value for {key}: {value} (must be "enabled", "disabled", "writable", or "readonly")"#
                    ));
                }
            }
        }
        "volume-subpath" => value.clone_into(&mut volume(mount).subpath),
        "volume-nocopy" => volume(mount).no_copy = boolean()?,
        "volume-label" => {
            let (name, label) = pair();
            volume(mount).labels.insert(name, label);
        }
        "volume-driver" => value.clone_into(&mut driver(mount).name),
        "volume-opt" => {
            let (name, option) = pair();
            driver(mount).options.insert(name, option);
        }
        "image-subpath" => value.clone_into(&mut mount.image_options.get_or_insert_default().subpath),
        "tmpfs-size" => {
            let size = bytes(value).map_err(|_| format!("invalid value for {key}: {value}"))?;
            tmpfs(mount).size_bytes = size;
        }
        "tmpfs-mode" => {
            let mode = u32::from_str_radix(value, 8).map_err(|_| format!("invalid value for {key}: {value}"))?;
            tmpfs(mount).mode = mode;
        }
        _ => return Err(format!("unknown option '{key}' in '{field}'")),
    }
    Ok(())
}

/// All keys but the switches.
const KEYS: [&str; 18] = [
    "type",
    "source",
    "src",
    "target",
    "dst",
    "destination",
    "readonly",
    "ro",
    "consistency",
    "bind-propagation",
    "bind-recursive",
    "volume-driver",
    "volume-label",
    "volume-opt",
    "volume-subpath",
    "tmpfs-size",
    "tmpfs-mode",
    "image-subpath",
];

fn bind(mount: &mut Mount) -> &mut BindOptions {
    mount.bind_options.get_or_insert_default()
}

fn volume(mount: &mut Mount) -> &mut VolumeOptions {
    mount.volume_options.get_or_insert_default()
}

fn driver(mount: &mut Mount) -> &mut Driver {
    volume(mount).driver_config.get_or_insert_default()
}

fn tmpfs(mount: &mut Mount) -> &mut TmpfsOptions {
    mount.tmpfs_options.get_or_insert_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_reach_their_places() {
        let mount = parse("type=bind,src=./site,dst=/usr/share,ro,bind-propagation=rslave", "/home/lab").unwrap();
        assert_eq!((mount.kind.as_str(), mount.source.as_str()), ("bind", "/home/lab/site"));
        assert!(mount.read_only);
        assert_eq!(mount.bind_options.unwrap().propagation, "rslave");
        let mount = parse("source=data,target=/d,volume-driver=nfs,volume-opt=o=rw,volume-label=a=1", "/").unwrap();
        let options = mount.volume_options.unwrap();
        assert_eq!((mount.kind.as_str(), options.labels["a"].as_str()), ("volume", "1"));
        assert_eq!(options.driver_config.unwrap().options["o"], "rw");
        let mount = parse("type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770", "/").unwrap();
        assert_eq!(mount.tmpfs_options, Some(TmpfsOptions { size_bytes: 64 << 20, mode: 0o1770 }));
    }

    #[test]
    fn refusals() {
        for (text, error) in [
            ("", "value is empty"),
            ("bogus", "invalid field 'bogus' must be a key=value pair"),
            ("typ=bind", "unknown option 'typ' in 'typ=bind'"),
            (" type=bind", "invalid option ' type' in ' type=bind': option should not have whitespace"),
            ("type=", "invalid value for 'type': value is empty"),
            ("type=volume,bind-propagation=shared", "cannot mix 'bind-*' options with mount type 'volume'"),
            ("type=bind,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"),
            ("type=bind,tmpfs-size=1m", "cannot mix 'tmpfs-*' options with mount type 'bind'"),
        ] {
            assert_eq!(parse(text, "/").unwrap_err(), error);
        }
    }
}

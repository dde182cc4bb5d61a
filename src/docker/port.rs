//! `--publish`: the long form (`target=80,published=8080`) and the short one (`8080:80/tcp`, with ranges).
//!
//! cli.md §7.2. Returns the text after `invalid argument "V" for "-p, --publish" flag: `.

use super::value::{NumberError, csv, decimal_digits};
use crate::swarm::api::PortConfig;

/// Reads one value of `--publish`; a range gives several ports, ascending.
pub fn publish(text: &str) -> Result<Vec<PortConfig>, String> {
    if is_long(text) { long(text).map(|port| vec![port]) } else { short(text) }
}

/// The most ports of one command line or one compose file: each that there is, of each protocol, and a few more. Ranges can
/// be written many times in little room.
pub const MOST: usize = 200_000;

/// How many ports a value of `--publish` comes to, if it can be read.
pub fn count(text: &str) -> usize {
    let (_, host, container) = split(text);
    let bare = container.split('/').next().unwrap_or_default();
    let of = |part: &str| range(part).map_or(1, |(from, to)| (to - from) as usize + 1);
    of(host).max(of(bare))
}

/// Go's test for the long form: `\w+=\w+(,\w+=\w+)*` anywhere.
fn is_long(text: &str) -> bool {
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let bytes = text.as_bytes();
    (1..bytes.len().saturating_sub(1)).any(|i| bytes[i] == b'=' && word(&bytes[i - 1]) && word(&bytes[i + 1]))
}

fn long(text: &str) -> Result<PortConfig, String> {
    let mut port = PortConfig { protocol: "tcp".into(), publish_mode: "ingress".into(), ..PortConfig::default() };
    for field in csv(text) {
        let lower = field.to_lowercase();
        let Some((key, value)) = lower.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(format!("invalid field: {field}"));
        };
        let number = |which: &str| {
            port_number(value)
                .map_err(|e| format!("invalid {which} port ({value}): value must be an integer: {}", e.text()))
        };
        match key {
            "protocol" => match value {
                "tcp" | "udp" | "sctp" => port.protocol = value.to_owned(),
                _ => return Err(format!("invalid protocol value '{value}'")),
            },
            "mode" => match value {
                "ingress" | "host" => port.publish_mode = value.to_owned(),
                _ => {
                    return Err(format!("invalid publish mode value ({value}): must be either 'ingress' or 'host'"));
                }
            },
            "target" => port.target_port = number("target")?,
            "published" => port.published_port = number("published")?,
            _ => return Err(format!("invalid field key: {key}")),
        }
    }
    if port.target_port == 0 {
        return Err("missing mandatory field 'target'".into());
    }
    Ok(port)
}

/// Reads one port of a compose file in its short form: the ports in Docker's order, and what is said of an address, which
/// is no error there but is passed over.
pub fn compose(text: &str) -> Result<(Vec<PortConfig>, Vec<String>), String> {
    let (address, mut ports) = ranges(text)?;
    ports.sort_by_key(|port| format!("{}/{}", port.target_port, port.protocol));
    let ignored = |port: &PortConfig| {
        let published = if port.published_port == 0 { String::new() } else { port.published_port.to_string() };
        let (target, protocol) = (port.target_port, &port.protocol);
        format!("ignoring IP-address ({address}:{published}:{target}/{protocol}) service will listen on '0.0.0.0'")
    };
    let warned = !matches!(address, "" | "0.0.0.0");
    let warnings = ports.iter().filter(|_| warned).map(ignored).collect();
    Ok((ports, warnings))
}

fn short(text: &str) -> Result<Vec<PortConfig>, String> {
    match ranges(text)? {
        ("", ports) => Ok(ports),
        _ => Err("hostip is not supported".into()),
    }
}

/// `[address:][published:]target[/protocol]`: the address, and a port for each number of the ranges.
fn ranges(text: &str) -> Result<(&str, Vec<PortConfig>), String> {
    let (address, host, container) = split(text);
    let (container, protocol) = match container.split_once('/') {
        Some((port, protocol)) => (port, protocol.to_lowercase()),
        None => (container, "tcp".to_owned()),
    };
    if container.is_empty() {
        return Err(format!("no port specified: {text}<empty>"));
    }
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("invalid proto: {protocol}"));
    }
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    if !bare.is_empty() && bare.parse::<std::net::IpAddr>().is_err() {
        return Err(format!("invalid IP address: {bare}"));
    }
    let (from, to) = range(container).ok_or_else(|| format!("invalid containerPort: {container}"))?;
    let published = match host {
        "" => None,
        host => Some(range(host).ok_or_else(|| format!("invalid hostPort: {host}"))?),
    };
    if let Some((first, last)) = published
        && last - first != to - from
        && from != to
    {
        return Err(format!("invalid ranges specified for container and host Ports: {container} and {host}"));
    }
    let port = |target_port, published_port| PortConfig {
        protocol: protocol.clone(),
        target_port,
        published_port,
        publish_mode: "ingress".into(),
        ..PortConfig::default()
    };
    let ports = match published {
        None => (from..=to).map(|target| port(target, 0)).collect(),
        Some((first, last)) if from == to => (first..=last).map(|published| port(from, published)).collect(),
        Some((first, _)) => (from..=to).map(|target| port(target, first + target - from)).collect(),
    };
    Ok((address, ports))
}

/// Address, published part and target of `[address:][published:]target`.
fn split(text: &str) -> (&str, &str, &str) {
    match text.rsplit_once(':') {
        None => ("", "", text),
        Some((rest, container)) => match rest.rsplit_once(':') {
            None => ("", rest, container),
            Some((address, host)) => (address, host, container),
        },
    }
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (port_number(from).ok()?, port_number(to).ok()?);
    (from <= to).then_some((from, to))
}

fn port_number(text: &str) -> Result<u32, NumberError> {
    let value = decimal_digits(text, 10)?;
    u16::try_from(value).map(u32::from).map_err(|_| NumberError::Range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(u32, u32)> {
        publish(text).unwrap().iter().map(|port| (port.published_port, port.target_port)).collect()
    }

    #[test]
    fn short_forms() {
        assert_eq!(pairs("80"), [(0, 80)]);
        assert_eq!(pairs("8080:80"), [(8080, 80)]);
        assert_eq!(pairs("8080-8082:80"), [(8080, 80), (8081, 80), (8082, 80)]);
        assert_eq!(pairs("8080-8081:80-81"), [(8080, 80), (8081, 81)]);
        assert_eq!(publish("53:53/UDP").unwrap()[0].protocol, "udp");
    }

    #[test]
    fn long_form() {
        let port = publish("mode=host,published=8050,target=80").unwrap().remove(0);
        assert_eq!((port.published_port, port.target_port, port.publish_mode.as_str()), (8050, 80, "host"));
    }

    #[test]
    fn ports_are_counted_without_being_made() {
        for text in ["80", "8080:80", "8080-8082:80", "1-65535:1-65535/udp", "1.2.3.4:1-9:1-9"] {
            let made = ranges(text).map_or(0, |(_, ports)| ports.len());
            assert_eq!(count(text), made, "{text}");
        }
        assert_eq!(count("nonsense"), 1);
    }

    #[test]
    fn refusals() {
        for (text, error) in [
            ("foo", "invalid containerPort: foo"),
            ("99999:80", "invalid hostPort: 99999"),
            ("80:80:80", "invalid IP address: 80"),
            ("1.2.3.4:8080:80", "hostip is not supported"),
            ("80/x", "invalid proto: x"),
            ("published=80", "missing mandatory field 'target'"),
            ("target=80,foo=1", "invalid field key: foo"),
            ("target=80,foo", "invalid field: foo"),
            ("target=80,protocol=x", "invalid protocol value 'x'"),
            ("target=80,mode=x", "invalid publish mode value (x): must be either 'ingress' or 'host'"),
            ("target=x", "invalid target port (x): value must be an integer: invalid syntax"),
            (
                "target=80,published=99999",
                "invalid published port (99999): value must be an integer: value out of range",
            ),
        ] {
            assert_eq!(publish(text).unwrap_err(), error, "{text}");
        }
    }
}

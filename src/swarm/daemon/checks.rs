//! What a daemon refuses of the addresses, networks and ports of `swarm init` and `swarm join` before it does anything,
//! in the engine's order (raft-and-security.md §5.1-§5.3).
//!
//! A host has one address on `eth0`, so none of the texts about several addresses can come up. An advertised address that
//! no interface has becomes the host's own: then what a book says to type works.

use crate::swarm::api::{ApiError, SwarmInitRequest, SwarmJoinRequest};
use std::net::{IpAddr, Ipv4Addr};

const BAD_LISTEN: &str = "listen address must be an IP address or network interface (with optional port number)";
const BAD_ADVERTISE: &str =
    "advertise address must be a non-zero IP address or network interface (with optional port number)";
const BAD_DATA_PATH: &str =
    "data path address must be a non-zero IP address or network interface (without a port number)";

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::new(400, text)
}

/// Checks an init; the address that the others will use.
pub fn init(init: &SwarmInitRequest, own: Ipv4Addr) -> Result<Ipv4Addr, ApiError> {
    listen(&init.listen_addr, own)?;
    let advertised = match init.advertise_addr.as_str() {
        "" => own,
        text => advertise(text, own)?,
    };
    data_path(&init.data_path_addr, own)?;
    pool(&init.default_addr_pool, init.subnet_size)?;
    match init.data_path_port {
        0 | 1024..=49151 => Ok(advertised),
        port => Err(invalid(format!("Datapath port number is not in valid range (1024-49151) : {port}"))),
    }
}

/// Checks a join; the address that the others will use. A bad one is silently passed over, as in the engine.
pub fn join(join: &SwarmJoinRequest, own: Ipv4Addr) -> Result<Ipv4Addr, ApiError> {
    listen(&join.listen_addr, own)?;
    if join.remote_addr.is_empty() {
        return Err(invalid("invalid remoteAddr \"\": invalid empty address"));
    }
    data_path(&join.data_path_addr, own)?;
    Ok(match join.advertise_addr.as_str() {
        "" => own,
        text => match advertise(text, own) {
            Err(error) if error.status != 400 => return Err(error),
            addr => addr.unwrap_or(own),
        },
    })
}

/// What another host has cannot be advertised here.
pub fn taken(addr: Ipv4Addr, by: &str) -> ApiError {
    ApiError::new(
        501,
        format!("swarmlab: {addr} is the address of {by}: to advertise it for another host is not modelled"),
    )
}

/// The address of an interface, or an address itself.
fn resolve(text: &str, own: Ipv4Addr) -> Option<IpAddr> {
    match text {
        "eth0" => Some(IpAddr::V4(own)),
        "lo" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        "docker0" => Some(IpAddr::V4(Ipv4Addr::new(172, 17, 0, 1))),
        _ => text.parse().ok(),
    }
}

/// Host and port; `None` without a port, or with more than one colon outside of brackets.
fn split(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => Some((host, port)),
        None => (!host.contains(':')).then_some((host, port)),
    }
}

fn listen(text: &str, own: Ipv4Addr) -> Result<(), ApiError> {
    if text.is_empty() {
        return Err(invalid("invalid ListenAddr \"\": invalid empty address"));
    }
    // The engine adds the port that is missing before it looks.
    let host = split(text).map_or(text, |(host, _)| host);
    match resolve(host, own) {
        Some(_) => Ok(()),
        None => Err(invalid(BAD_LISTEN)),
    }
}

fn advertise(text: &str, own: Ipv4Addr) -> Result<Ipv4Addr, ApiError> {
    let host = split(text).map_or(text, |(host, _)| host);
    match resolve(host, own) {
        Some(IpAddr::V4(addr)) if !addr.is_unspecified() => Ok(addr),
        // Nodes have addresses of version 4 only.
        Some(IpAddr::V6(addr)) if !addr.is_unspecified() => {
            Err(ApiError::new(501, "swarmlab: addresses of IP version 6 are not modelled yet"))
        }
        _ => Err(invalid(BAD_ADVERTISE)),
    }
}

fn data_path(text: &str, own: Ipv4Addr) -> Result<(), ApiError> {
    match resolve(text, own) {
        _ if text.is_empty() => Ok(()),
        Some(addr) if !addr.is_unspecified() => Ok(()),
        _ => Err(invalid(BAD_DATA_PATH)),
    }
}

fn pool(networks: &[String], size: u32) -> Result<(), ApiError> {
    let size = if size == 0 { 24 } else { size };
    if size > 29 {
        return Err(invalid(format!("subnet size is out of range: {size}")));
    }
    for network in networks {
        let length = network.split_once('/').and_then(|(addr, length)| {
            addr.parse::<IpAddr>().ok()?;
            length.parse::<u32>().ok()
        });
        match length {
            None => return Err(invalid(format!("invalid base pool {network}: invalid CIDR address: {network}"))),
            Some(length) if size < length => {
                let text = format!("invalid CIDR: {network:?}. Subnet size is too small for pool: {size}");
                return Err(invalid(text));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(192, 168, 65, 3);

    fn request() -> SwarmInitRequest {
        SwarmInitRequest { listen_addr: "0.0.0.0:2377".into(), subnet_size: 24, ..SwarmInitRequest::default() }
    }

    fn refused(request: SwarmInitRequest) -> String {
        init(&request, OWN).map_or_else(|error| error.message, |addr| addr.to_string())
    }

    #[test]
    fn addresses_are_read_as_the_engine_reads_them() {
        let advertise = |text: &str| refused(SwarmInitRequest { advertise_addr: text.into(), ..request() });
        assert_eq!(advertise(""), "192.168.65.3");
        assert_eq!((advertise("eth0"), advertise("eth0:2377")), ("192.168.65.3".into(), "192.168.65.3".into()));
        assert_eq!((advertise("1.2.3.4"), advertise("1.2.3.4:99")), ("1.2.3.4".into(), "1.2.3.4".into()));
        assert_eq!((advertise("0.0.0.0"), advertise("eth7")), (BAD_ADVERTISE.into(), BAD_ADVERTISE.into()));
        let listen = |text: &str| refused(SwarmInitRequest { listen_addr: text.into(), ..request() });
        assert_eq!(listen(""), "invalid ListenAddr \"\": invalid empty address");
        assert_eq!((listen("eth0:2377"), listen("[::]:2377")), ("192.168.65.3".into(), "192.168.65.3".into()));
        assert_eq!(listen("eth7:2377"), BAD_LISTEN);
        let data_path = |text: &str| refused(SwarmInitRequest { data_path_addr: text.into(), ..request() });
        assert_eq!((data_path("10.1.2.3"), data_path("0.0.0.0")), ("192.168.65.3".into(), BAD_DATA_PATH.into()));
    }

    #[test]
    fn the_first_mistake_in_the_engines_order_is_named() {
        let mut wrong = SwarmInitRequest {
            listen_addr: "nowhere:2377".into(),
            advertise_addr: "nowhere".into(),
            data_path_addr: "nowhere".into(),
            data_path_port: 80,
            default_addr_pool: vec!["10.0.0.0/26".into()],
            subnet_size: 33,
            ..request()
        };
        assert_eq!(refused(wrong.clone()), BAD_LISTEN);
        wrong.listen_addr = "0.0.0.0:2377".into();
        assert_eq!(refused(wrong.clone()), BAD_ADVERTISE);
        wrong.advertise_addr.clear();
        assert_eq!(refused(wrong.clone()), BAD_DATA_PATH);
        wrong.data_path_addr.clear();
        assert_eq!(refused(wrong.clone()), "subnet size is out of range: 33");
        wrong.subnet_size = 24;
        assert_eq!(refused(wrong.clone()), "invalid CIDR: \"10.0.0.0/26\". Subnet size is too small for pool: 24");
        wrong.default_addr_pool.clear();
        assert_eq!(refused(wrong), "Datapath port number is not in valid range (1024-49151) : 80");
    }

    #[test]
    fn a_join_needs_an_address_to_go_to() {
        let request = SwarmJoinRequest { listen_addr: "0.0.0.0:2377".into(), ..SwarmJoinRequest::default() };
        let error = join(&request, OWN).expect_err("no address");
        assert_eq!(error.message, "invalid remoteAddr \"\": invalid empty address");
        let request =
            SwarmJoinRequest { remote_addr: "192.168.65.4".into(), advertise_addr: "nonsense".into(), ..request };
        assert_eq!(join(&request, OWN), Ok(OWN));
        let told = SwarmJoinRequest { advertise_addr: "1.2.3.4:99".into(), ..request.clone() };
        assert_eq!(join(&told, OWN), Ok(Ipv4Addr::new(1, 2, 3, 4)));
        let six = SwarmJoinRequest { advertise_addr: "::1".into(), ..request };
        assert_eq!(join(&six, OWN).map_err(|error| error.status), Err(501));
    }
}

//! What is wrong with the subnets of a network request: the engine's own checks, before SwarmKit sees them.
//!
//! Source: moby `daemon/network.go`, `api/types/network/ipam.go`; networking.md §1.2.

use crate::swarm::api::{self, ApiError};
use crate::swarm::object::{IpamConfig, Subnet};
use std::net::IpAddr;

/// Reads the subnets of a request.
///
/// # Errors
/// All that is wrong with them, in the engine's words.
pub fn read(configs: &[api::IpamConfig]) -> Result<Vec<IpamConfig>, ApiError> {
    let mut errors: Vec<String> = Vec::new();
    let mut subnets = Vec::new();
    for config in configs {
        if config.subnet.contains(':') {
            return Err(ApiError::new(501, "swarmlab: networks of IP version 6 are not modelled yet"));
        }
        let Ok(subnet) = config.subnet.parse::<Subnet>() else {
            errors.push(format!("invalid subnet {}: invalid CIDR block notation", config.subnet));
            continue;
        };
        if !config.subnet.starts_with(&format!("{}/", subnet.base)) {
            errors.push(format!("invalid subnet {}: it should be {subnet}", config.subnet));
        }
        let range = match config.ip_range.as_str() {
            "" => None,
            text => match check_range(text, subnet) {
                Ok(range) => Some(range),
                Err(error) => {
                    errors.push(format!("invalid ip-range {text}: {error}"));
                    None
                }
            },
        };
        let gateway = match config.gateway.as_str() {
            "" => None,
            text => match text.parse::<IpAddr>() {
                Ok(IpAddr::V4(gateway)) if subnet.contains(gateway) => Some(gateway),
                Ok(IpAddr::V4(_)) => {
                    errors.push(format!("invalid gateway {text}: parent subnet {subnet} doesn't contain this address"));
                    None
                }
                Ok(IpAddr::V6(_)) => {
                    errors.push(format!("invalid gateway {text}: parent subnet is an IPv4 block"));
                    None
                }
                Err(_) => {
                    errors.push(format!("invalid gateway {text}: invalid address"));
                    None
                }
            },
        };
        subnets.push(IpamConfig { subnet, range, gateway });
    }
    match errors.as_slice() {
        [] => Ok(subnets),
        [one] => Err(ApiError::new(400, format!("invalid network config:\n{one}"))),
        all => Err(ApiError::new(400, format!("invalid network config:\n* {}", all.join("\n* ")))),
    }
}

fn check_range(text: &str, subnet: Subnet) -> Result<Subnet, String> {
    let range: Subnet = text.parse().map_err(|_| "invalid CIDR block notation".to_owned())?;
    if range.length < subnet.length {
        return Err(format!("CIDR block is bigger than its parent subnet {subnet}"));
    }
    if !text.starts_with(&format!("{}/", range.base)) {
        return Err(format!("it should be {range}"));
    }
    if !subnet.overlaps(range) {
        return Err(format!("parent subnet {subnet} doesn't contain ip-range"));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(subnet: &str, ip_range: &str, gateway: &str) -> String {
        let config = api::IpamConfig { subnet: subnet.into(), ip_range: ip_range.into(), gateway: gateway.into() };
        read(&[config]).map_or_else(|error| error.message, |read| format!("{read:?}"))
    }

    #[test]
    fn each_mistake_is_named() {
        let one = |text: &str| format!("invalid network config:\n{text}");
        assert_eq!(wrong("10.1.0.7/24", "", ""), one("invalid subnet 10.1.0.7/24: it should be 10.1.0.0/24"));
        assert_eq!(wrong("10.1.0", "", ""), one("invalid subnet 10.1.0: invalid CIDR block notation"));
        assert_eq!(
            wrong("10.1.0.0/24", "10.0.0.0/8", ""),
            one("invalid ip-range 10.0.0.0/8: CIDR block is bigger than its parent subnet 10.1.0.0/24")
        );
        assert_eq!(
            wrong("10.1.0.0/24", "10.2.0.0/25", ""),
            one("invalid ip-range 10.2.0.0/25: parent subnet 10.1.0.0/24 doesn't contain ip-range")
        );
        assert_eq!(
            wrong("10.1.0.0/24", "", "10.2.0.1"),
            one("invalid gateway 10.2.0.1: parent subnet 10.1.0.0/24 doesn't contain this address")
        );
        assert_eq!(
            wrong("10.1.0.9/24", "", "x"),
            "invalid network config:\n* invalid subnet 10.1.0.9/24: it should be 10.1.0.0/24\n* invalid gateway x: invalid address"
        );
    }
}

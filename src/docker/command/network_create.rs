//! `docker network create`: flags into a request; subnets, ranges and gateways are put together by the client.
//!
//! cli.md §5.5; Docker's `cli/command/network/create.go`.

use crate::docker::format::quote;
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::{IpamConfig, Labels, NetworkCreateRequest, Request};
use std::net::IpAddr;

/// Creates a network.
pub fn create(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    let driver = flags.text("driver").unwrap_or("bridge").to_owned();
    let request = NetworkCreateRequest {
        name: context.arguments()[0].clone(),
        driver,
        ipam: subnets(flags.all("subnet"), flags.all("ip-range"), flags.all("gateway"))?,
        internal: flags.is_set("internal"),
        attachable: flags.is_set("attachable"),
        ingress: flags.is_set("ingress"),
        enable_ipv4: flags.boolean("ipv4"),
        options: pairs(flags.all("opt")),
        labels: flags.labels("label"),
    };
    let id = context.created(Request::NetworkCreate(Box::new(request)))??;
    context.out(format!("{id}\n"));
    Ok(Finish::default())
}

/// `KEY=VALUE` and `KEY`.
fn pairs<'a>(given: impl Iterator<Item = &'a str>) -> Labels {
    given
        .map(|text| text.split_once('=').unwrap_or((text, "")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// A block of addresses as Go's `netip` reads it: its address, and its prefix length.
fn prefix(text: &str) -> Result<(IpAddr, u8), String> {
    let wrong = |why: String| format!("netip.ParsePrefix({}): {why}", quote(text));
    let (address, length) = text.rsplit_once('/').ok_or_else(|| wrong("no '/'".into()))?;
    let ip: IpAddr =
        address.parse().map_err(|_| wrong(format!("ParseAddr({}): {}", quote(address), reason(address))))?;
    let digits = !length.is_empty() && length.len() <= 3 && length.bytes().all(|b| b.is_ascii_digit());
    if !digits || (length.len() > 1 && length.starts_with('0')) {
        return Err(wrong(format!("bad bits after slash: {}", quote(length))));
    }
    let most = if ip.is_ipv4() { 32 } else { 128 };
    match length.parse::<u8>() {
        Ok(length) if length <= most => Ok((ip, length)),
        _ => Err(wrong("prefix length out of range".into())),
    }
}

/// Why an address cannot be read, as Go says it.
fn reason(address: &str) -> String {
    let fields: Vec<&str> = address.split('.').collect();
    let first_letter = address.find(|c: char| !c.is_ascii_digit() && c != '.');
    match first_letter {
        _ if !address.contains(['.', ':']) => "unable to parse IP".into(),
        Some(at) if address[..at].contains('.') => format!("unexpected character (at {})", quote(&address[at..])),
        Some(_) => "unable to parse IP".into(),
        None if fields.iter().any(|field| field.is_empty()) => "IPv4 field must have at least one digit".into(),
        None if fields.iter().any(|field| field.parse::<u8>().is_err()) => "IPv4 field has value >255".into(),
        None if fields.iter().any(|field| field.len() > 1 && field.starts_with('0')) => {
            "IPv4 field has octet with leading zero".into()
        }
        None if fields.len() < 4 => "IPv4 address too short".into(),
        None => "IPv4 address too long".into(),
    }
}

fn contains(subnet: &str, address: IpAddr) -> Result<bool, String> {
    let (base, length) = prefix(subnet)?;
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), 32u8),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    let ((base, width), (address, other)) = (bits(base), bits(address));
    let shift = u32::from(width - length);
    let cut = |value: u128| value.checked_shr(shift).unwrap_or(0);
    Ok(width == other && cut(base) == cut(address))
}

fn subnets<'a>(
    subnets: impl Iterator<Item = &'a str>,
    ranges: impl Iterator<Item = &'a str>,
    gateways: impl Iterator<Item = &'a str>,
) -> Result<Vec<IpamConfig>, String> {
    let (subnets, ranges): (Vec<&str>, Vec<&str>) = (subnets.collect(), ranges.collect());
    let gateways: Vec<&str> = gateways.collect();
    if subnets.len() < ranges.len() || subnets.len() < gateways.len() {
        return Err("every ip-range or gateway must have a corresponding subnet".into());
    }
    let mut configs: Vec<IpamConfig> = Vec::new();
    for subnet in subnets {
        let (base, _) = prefix(subnet)?;
        for known in &configs {
            if contains(&known.subnet, base)? || contains(subnet, prefix(&known.subnet)?.0)? {
                return Err("multiple overlapping subnet configuration is not supported".into());
            }
        }
        configs.push(IpamConfig { subnet: subnet.to_owned(), ..IpamConfig::default() });
    }
    for range in ranges {
        let (base, _) = prefix(range)?;
        let config = find(&mut configs, base)?.ok_or_else(|| format!("no matching subnet for range {range}"))?;
        if !config.ip_range.is_empty() {
            let (other, subnet) = (&config.ip_range, &config.subnet);
            return Err(format!("cannot configure multiple ranges ({range}, {other}) on the same subnet ({subnet})"));
        }
        config.ip_range = range.to_owned();
    }
    for gateway in gateways {
        let address: IpAddr =
            gateway.parse().map_err(|_| format!("ParseAddr({}): {}", quote(gateway), reason(gateway)))?;
        let config = find(&mut configs, address)?.ok_or_else(|| format!("no matching subnet for gateway {gateway}"))?;
        if !config.gateway.is_empty() {
            let (other, subnet) = (&config.gateway, &config.subnet);
            return Err(format!(
                "cannot configure multiple gateways ({gateway}, {other}) for the same subnet ({subnet})"
            ));
        }
        config.gateway = gateway.to_owned();
    }
    Ok(configs)
}

fn find(configs: &mut [IpamConfig], address: IpAddr) -> Result<Option<&mut IpamConfig>, String> {
    for config in configs {
        if contains(&config.subnet, address)? {
            return Ok(Some(config));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(s: &[&str], r: &[&str], g: &[&str]) -> String {
        match subnets(s.iter().copied(), r.iter().copied(), g.iter().copied()) {
            Ok(configs) => configs
                .iter()
                .map(|config| format!("{} [{}] [{}]", config.subnet, config.ip_range, config.gateway))
                .collect::<Vec<_>>()
                .join("; "),
            Err(error) => error,
        }
    }

    #[test]
    fn ranges_and_gateways_find_their_subnets() {
        assert_eq!(
            read(&["10.1.0.0/16", "10.2.0.0/16"], &["10.2.9.0/24"], &["10.1.0.7"]),
            "10.1.0.0/16 [] [10.1.0.7]; 10.2.0.0/16 [10.2.9.0/24] []"
        );
        assert_eq!(read(&[], &[], &["10.1.0.1"]), "every ip-range or gateway must have a corresponding subnet");
        assert_eq!(
            read(&["10.1.0.0/16", "10.1.5.0/24"], &[], &[]),
            "multiple overlapping subnet configuration is not supported"
        );
        assert_eq!(read(&["10.1.0.0/16"], &["10.2.0.0/24"], &[]), "no matching subnet for range 10.2.0.0/24");
        assert_eq!(read(&["10.1.0.0/16"], &[], &["10.2.0.1"]), "no matching subnet for gateway 10.2.0.1");
    }

    #[test]
    fn what_is_no_subnet_is_told_in_gos_words() {
        for (text, error) in [
            ("bogus", "netip.ParsePrefix(\"bogus\"): no '/'"),
            ("10.1.0/24", "netip.ParsePrefix(\"10.1.0/24\"): ParseAddr(\"10.1.0\"): IPv4 address too short"),
            (
                "10.1.0.999/24",
                "netip.ParsePrefix(\"10.1.0.999/24\"): ParseAddr(\"10.1.0.999\"): IPv4 field has value >255",
            ),
            ("10.1.0.0/x", "netip.ParsePrefix(\"10.1.0.0/x\"): bad bits after slash: \"x\""),
            ("10.1.0.0/33", "netip.ParsePrefix(\"10.1.0.0/33\"): prefix length out of range"),
        ] {
            assert_eq!(read(&[text], &[], &[]), error);
        }
    }
}

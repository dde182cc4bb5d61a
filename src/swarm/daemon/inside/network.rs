//! The programs inside a container that ask others: names, echoes, pages, and the container's own interfaces; with busybox's
//! texts (and curl's).
//!
//! Source: networking.md §3.4, §4.3; recordings docker-29/01 and 05, docker/10, dataplane/02; busybox 1.35, curl 8.

use super::super::directory::{Answer, Directory, Interface, Reach};
use super::super::image::{familiar, repository};
use super::super::networks::mac;
use super::Left;
use crate::engine::Duration;
use crate::swarm::daemon::engine::Container;
use std::net::Ipv4Addr;

/// A connection that nobody answers is given up after so long (the kernel's five repetitions).
const SYN_LIMIT: Duration = Duration::from_secs(127);
/// Nobody answers for an address of the own wire.
const NO_ROUTE: Duration = Duration::from_millis(3070);

/// Runs a program; none: it is not one of these.
pub fn run(directory: &Directory<'_>, name: &str, args: &[&str]) -> Option<Left> {
    Some(match name {
        "nslookup" => nslookup(directory, args),
        "getent" => getent(directory, args),
        "ping" => ping(directory, args),
        "wget" => wget(directory, args),
        "curl" => curl(directory, args),
        "ip" => ip(directory, args),
        _ => return None,
    })
}

fn nslookup(directory: &Directory<'_>, args: &[&str]) -> Left {
    let names: Vec<&str> = args.iter().copied().filter(|arg| !arg.starts_with('-')).collect();
    let Some(name) = names.first() else {
        return Left::failed(
            1,
            "BusyBox v1.35.0 multi-call binary.\n\nUsage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n\nQuery DNS about HOST\n",
        );
    };
    let server = if directory.has_names() { "127.0.0.11".to_owned() } else { directory.resolver().to_owned() };
    let mut out = format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n");
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        let [a, b, c, d] = address.octets();
        let back = format!("{d}.{c}.{b}.{a}.in-addr.arpa");
        return match directory.name_of(address) {
            Some(found) => Left::said(format!("{out}Non-authoritative answer:\n{back}\tname = {found}\n\n")),
            None => {
                out += &format!("** server can't find {back}: NXDOMAIN\n\n");
                Left { out, status: 1, ..Left::default() }
            }
        };
    }
    match directory.resolve(name) {
        Answer::Addresses(addresses) => {
            let found: String =
                addresses.iter().map(|address| format!("Name:\t{name}\nAddress: {address}\n")).collect();
            // Two questions are asked, for addresses of both kinds, and answered in any order.
            let parts = match directory.draws("nslookup.order").below(0, 2) {
                0 => [found.as_str(), ""],
                _ => ["", found.as_str()],
            };
            for part in parts {
                out += &format!("Non-authoritative answer:\n{part}\n");
            }
            Left::said(out)
        }
        failed => {
            let why = if failed == Answer::Failed { "SERVFAIL" } else { "NXDOMAIN" };
            for _ in 0..2 {
                out += &format!("** server can't find {name}: {why}\n\n");
            }
            Left { out, status: 1, ..Left::default() }
        }
    }
}

fn getent(directory: &Directory<'_>, args: &[&str]) -> Left {
    match args {
        ["hosts" | "ahosts" | "ahostsv4", name] => match directory.resolve(name) {
            Answer::Addresses(addresses) => {
                let shown = if args[0] == "hosts" { &addresses[..1] } else { &addresses[..] };
                Left::said(shown.iter().map(|address| format!("{address:<15} {name}\n")).collect::<String>())
            }
            _ => Left { status: 2, ..Left::default() },
        },
        _ => Left::failed(1, "getent: unknown database\n"),
    }
}

/// The value of a flag: `-c 3`, `-c3`.
fn valued<'a>(args: &[&'a str], flag: &str) -> Option<&'a str> {
    let at = args.iter().position(|arg| arg.starts_with(flag))?;
    let rest = args[at].strip_prefix(flag)?.trim_start_matches('=');
    if rest.is_empty() { args.get(at + 1).copied() } else { Some(rest) }
}

/// The arguments that are no flags, where these flags take a value.
fn operands<'a>(args: &[&'a str], takes_value: &[&str]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if takes_value.contains(word) {
            words.next();
        } else if !word.starts_with('-') {
            found.push(*word);
        }
    }
    found
}

fn time_of(text: Option<&str>) -> Option<Duration> {
    let text = text?;
    Duration::parse(&format!("{text}s")).ok().filter(|time| *time > Duration::ZERO)
}

/// Microseconds as milliseconds with three digits.
fn millis(micros: u64) -> String {
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

fn ping(directory: &Directory<'_>, args: &[&str]) -> Left {
    let Some(name) = operands(args, &["-c", "-W", "-w", "-i", "-s", "-I"]).first().copied() else {
        return Left::failed(1, "BusyBox v1.35.0 multi-call binary.\n\nUsage: ping [OPTIONS] HOST\n");
    };
    let Some(count) = valued(args, "-c").and_then(|count| count.parse::<u64>().ok()) else {
        return Left::failed(1, "swarmlab: ping without a number of packets never ends: give it -c N\n");
    };
    let count = count.clamp(1, 100);
    let Answer::Addresses(addresses) = directory.resolve(name) else {
        return Left::failed(1, format!("ping: bad address '{name}'\n"));
    };
    let address = addresses[0];
    let mut out = format!("PING {name} ({address}): 56 data bytes\n");
    let pause = Duration::from_secs(i64::try_from(count - 1).unwrap_or(0));
    let reach = directory.connect(address, 0);
    if matches!(reach, Reach::Unreachable) {
        return Left { out, err: "ping: sendto: Network is unreachable\n".into(), status: 1, ..Left::default() };
    }
    let answered = matches!(reach, Reach::Taken(_) | Reach::Refused);
    let mut times = Vec::new();
    if answered {
        let key = directory.draws("ping");
        for number in 0..count {
            let micros = if number == 0 { 300 } else { 90 } + key.below(number, 120);
            times.push(micros);
            out += &format!("64 bytes from {address}: seq={number} ttl=64 time={} ms\n", millis(micros));
        }
    }
    let lost = if answered { 0 } else { 100 };
    let back = times.len();
    out += &format!(
        "\n--- {name} ping statistics ---\n{count} packets transmitted, {back} packets received, {lost}% packet loss\n"
    );
    if let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) {
        let mean = times.iter().sum::<u64>() / count;
        out += &format!("round-trip min/avg/max = {}/{}/{} ms\n", millis(*least), millis(mean), millis(*most));
        return Left::said(out).after(pause);
    }
    let limit = time_of(valued(args, "-W")).unwrap_or(Duration::from_secs(10));
    Left { out, status: 1, took: pause + limit, ..Left::default() }
}

/// A URL: its host as written, port and path.
fn url(text: &str) -> (String, u32, String) {
    let (secure, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme == "https", rest),
        None => (false, text),
    };
    let (authority, path) =
        rest.split_once('/').map_or((rest, "/".to_owned()), |(host, path)| (host, format!("/{path}")));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(0)),
        None => (authority, if secure { 443 } else { 80 }),
    };
    (host.to_owned(), port, path)
}

/// The page of a web server: it names the image and the container.
pub fn page(container: &Container) -> String {
    let name = repository(familiar(&container.image)).rsplit('/').next().unwrap_or_default().to_owned();
    format!("<html><body>{name} from {}</body></html>\n", container.hostname())
}

fn wget(directory: &Directory<'_>, args: &[&str]) -> Left {
    let Some(address) = operands(args, &["-T", "-O", "-t", "-U", "-P", "--header", "--post-data"]).first().copied()
    else {
        return Left::failed(
            1,
            "BusyBox v1.35.0 multi-call binary.\n\nUsage: wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]\n\t[--post-data STR | --post-file FILE] [-Y on/off]\n\t[-P DIR] [-U AGENT] [-T SEC] URL...\n",
        );
    };
    let (host, port, path) = url(address);
    let short: String =
        args.iter().filter(|arg| arg.starts_with('-') && !arg.starts_with("--")).map(|arg| &arg[1..]).collect();
    let quiet = short.contains('q');
    let (to_stdout, file) = match args.iter().find_map(|arg| {
        let at = arg.find('O').filter(|_| arg.starts_with('-') && !arg.starts_with("--"))?;
        Some(&arg[at + 1..])
    }) {
        Some("-") => (true, String::new()),
        Some("") => match valued(args, "-O")
            .or_else(|| args.iter().position(|a| a.ends_with('O')).and_then(|at| args.get(at + 1).copied()))
        {
            Some("-") => (true, String::new()),
            other => (false, other.unwrap_or("index.html").to_owned()),
        },
        Some(file) => (false, file.to_owned()),
        None => (false, path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("index.html").to_owned()),
    };
    let spider = args.contains(&"--spider");
    let limit = time_of(valued(args, "-T"));
    let Answer::Addresses(addresses) = directory.resolve(&host) else {
        return Left::failed(1, format!("wget: bad address '{host}'\n"));
    };
    let found = addresses[0];
    let mut err = if quiet { String::new() } else { format!("Connecting to {host} ({found}:{port})\n") };
    let (why, took) = match directory.connect(found, port) {
        Reach::Taken(container) => {
            let body = page(container);
            if spider {
                err += if quiet { "" } else { "remote file exists\n" };
                return Left { err, ..Left::default() };
            }
            if !quiet {
                let (doing, done) = match to_stdout {
                    true => ("writing to stdout\n".to_owned(), "written to stdout\n".to_owned()),
                    false => (format!("saving to '{file}'\n"), format!("'{file}' saved\n")),
                };
                let shown = if to_stdout { "-" } else { &file };
                let bar = format!("{shown:<20} 100% |{}| {:>5}  0:00:00 ETA\n", "*".repeat(32), body.len());
                err += &(doing + &bar + &done);
            }
            let out = if to_stdout { body } else { String::new() };
            return Left { out, err, took: Duration::from_millis(2), ..Left::default() };
        }
        Reach::Refused => ("Connection refused", Duration::ZERO),
        Reach::NoRoute => ("Host is unreachable", NO_ROUTE),
        Reach::Unreachable => ("Network is unreachable", Duration::ZERO),
        Reach::Silence => ("Operation timed out", SYN_LIMIT),
    };
    if let Some(limit) = limit.filter(|limit| *limit < took) {
        return Left { err: err + "wget: download timed out\n", status: 1, took: limit, ..Left::default() };
    }
    err += &format!("wget: can't connect to remote host ({found}): {why}\n");
    Left { err, status: 1, took, ..Left::default() }
}

fn curl(directory: &Directory<'_>, args: &[&str]) -> Left {
    let with_value = ["-m", "--max-time", "--connect-timeout", "-o", "-w", "-H", "-X", "-d", "-A", "-u", "--retry"];
    let Some(address) = operands(args, &with_value).first().copied() else {
        return Left::failed(2, "curl: (2) no URL specified\n");
    };
    let (host, port, _) = url(address);
    let has = |long: &str, short: char| {
        args.iter().any(|arg| *arg == long || (arg.starts_with('-') && !arg.starts_with("--") && arg.contains(short)))
    };
    // Silent keeps errors back, too, unless they are asked for.
    let silent = has("--silent", 's') && !has("--show-error", 'S');
    let fail = |status: i32, text: String, took: Duration| Left {
        err: if silent { String::new() } else { format!("curl: ({status}) {text}\n") },
        status,
        took,
        ..Left::default()
    };
    let Answer::Addresses(addresses) = directory.resolve(&host) else {
        return fail(6, format!("Could not resolve host: {host}"), Duration::ZERO);
    };
    let limit = time_of(
        valued(args, "--connect-timeout").or_else(|| valued(args, "--max-time")).or_else(|| valued(args, "-m")),
    );
    let took = match directory.connect(addresses[0], port) {
        Reach::Taken(container) => {
            let body = page(container);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", body.len());
            let shown = match (has("--head", 'I'), has("--include", 'i')) {
                (true, _) => head,
                (false, true) => head + &body,
                (false, false) => body,
            };
            let out = if valued(args, "-o").is_some() { String::new() } else { shown };
            return Left::said(out).after(Duration::from_millis(2));
        }
        Reach::Refused | Reach::Unreachable => Duration::ZERO,
        Reach::NoRoute => NO_ROUTE,
        Reach::Silence => SYN_LIMIT,
    };
    if let Some(limit) = limit.filter(|limit| *limit < took) {
        let after = limit.as_millis();
        return fail(28, format!("Connection timed out after {after} milliseconds"), limit);
    }
    let after = took.as_millis();
    fail(7, format!("Failed to connect to {host} port {port} after {after} ms: Could not connect to server"), took)
}

const IP_USAGE: &str = "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.

Usage: ip [OPTIONS] address|route|link|tunnel|neigh|rule [ARGS]

OPTIONS := -f[amily] inet|inet6|link | -o[neline]

ip addr add|del IFADDR dev IFACE | show|flush [dev IFACE] [to PREFIX]
ip route list|flush|add|del|change|append|replace|test ROUTE
ip link set IFACE [up|down] [arp on|off] [multicast on|off]
\t[promisc on|off] [mtu NUM] [name NAME] [qlen NUM] [address MAC]
\t[master IFACE | nomaster] [netns PID]
ip tunnel add|change|del|show [NAME]
\t[mode ipip|gre|sit] [remote ADDR] [local ADDR] [ttl TTL]
ip neigh show|flush [to PREFIX] [dev DEV] [nud STATE]
ip rule [list] | add|del SELECTOR ACTION
";

fn ip(directory: &Directory<'_>, args: &[&str]) -> Left {
    let mut words = args.iter().copied().peekable();
    let mut one_line = false;
    while let Some(flag) = words.next_if(|word| word.starts_with('-')) {
        match flag {
            "-o" | "-oneline" => one_line = true,
            "-4" | "-6" | "-0" => {}
            "-f" | "-family" => {
                words.next();
            }
            _ => return Left::failed(1, IP_USAGE),
        }
    }
    let interfaces = directory.interfaces();
    let object = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.filter(|word| !matches!(*word, "show" | "list" | "ls" | "dev")).collect();
    let is = |name: &str| !object.is_empty() && name.starts_with(object);
    if is("address") {
        addresses(directory, &interfaces, one_line, rest.first().copied())
    } else if is("route") {
        Left::said(routes(&interfaces))
    } else {
        Left::failed(1, IP_USAGE)
    }
}

/// What is between two hosts' ends of a pair of interfaces has two numbers, one behind the other.
fn index(directory: &Directory<'_>, number: usize) -> usize {
    let base = 10 + usize::try_from(directory.container.id.0 % 40).unwrap_or(0) * 4;
    base + number * 4
}

fn hardware(directory: &Directory<'_>, interface: &Interface) -> String {
    if interface.key.is_some() {
        return mac(interface.address);
    }
    // Drawn anew by the engine; one of those that are nobody's.
    let drawn = directory.container.id.0 as u64 ^ u64::from(u32::from(interface.address));
    let [_, _, a, b, c, d, e, f] = drawn.to_be_bytes();
    format!("{:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}", (a & 0xfc) | 2)
}

fn addresses(directory: &Directory<'_>, interfaces: &[Interface], one_line: bool, only: Option<&str>) -> Left {
    let shown = |name: &str| only.is_none_or(|only| only == name);
    let mut out = String::new();
    if shown("lo") {
        out += match one_line {
            true => "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n",
            false => {
                "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n    inet6 ::1/128 scope host \n       valid_lft forever preferred_lft forever\n"
            }
        };
    }
    let mut found = shown("lo");
    for (number, interface) in interfaces.iter().enumerate() {
        let name = format!("eth{number}");
        if !shown(&name) {
            continue;
        }
        found = true;
        let own = index(directory, number);
        let (address, length) = (interface.address, interface.subnet.length);
        let last = Ipv4Addr::from(interface.subnet.last());
        let inet = format!("inet {address}/{length} brd {last} scope global {name}");
        out += &match one_line {
            true => format!("{own}: {name}    {inet}\\       valid_lft forever preferred_lft forever\n"),
            false => {
                let mtu = if interface.key.is_some() { 1450 } else { 1500 };
                format!(
                    "{own}: {name}@if{}: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu {mtu} qdisc noqueue \n    link/ether {} brd ff:ff:ff:ff:ff:ff\n    {inet}\n       valid_lft forever preferred_lft forever\n",
                    own + 1,
                    hardware(directory, interface)
                )
            }
        };
    }
    match only {
        Some(only) if !found => Left::failed(1, format!("ip: can't find device '{only}'\n")),
        _ => Left::said(out),
    }
}

fn routes(interfaces: &[Interface]) -> String {
    let mut text = String::new();
    if let Some((number, interface)) = interfaces.iter().enumerate().find(|(_, interface)| interface.gateway.is_some())
        && let Some(gateway) = interface.gateway
    {
        text += &format!("default via {gateway} dev eth{number} \n");
    }
    for (number, interface) in interfaces.iter().enumerate() {
        let (subnet, address) = (interface.subnet, interface.address);
        text += &format!("{subnet} dev eth{number} scope link  src {address} \n");
    }
    text
}

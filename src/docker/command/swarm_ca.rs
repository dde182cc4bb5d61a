//! `docker swarm ca`, and the flags about certificates that `init`, `update` and `ca` share.
//! cli.md §5.1, raft-and-security.md §5.5.

use crate::docker::format::quote;
use crate::docker::invocation::usage_error;
use crate::docker::progress::trust_root;
use crate::docker::script::{Context, Finish, Stop, Wait};
use crate::docker::value;
use crate::swarm::api::{ClusterSpec, ExternalCa, Request, RotateFlags};

/// A flag's value turns out to be unusable only now that a file has been read: the usage error that it is.
fn bad_value(context: &mut Context, flag: &str, text: &str, problem: &str) -> Stop {
    let problem = format!("invalid argument {} for {} flag: {problem}", quote(text), quote(&format!("--{flag}")));
    let text = usage_error(context.command, &problem);
    context.err(text);
    Stop::Status(125)
}

fn is_pem(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    text.find("-----BEGIN ").is_some_and(|begin| text[begin..].contains("-----END "))
}

/// The content of a file that a flag names; empty without the flag.
fn pem_file(context: &mut Context, flag: &str) -> Result<String, Stop> {
    let Some(path) = context.flags.text(flag).map(str::to_owned) else { return Ok(String::new()) };
    match context.file(&path)? {
        Err(problem) => Err(bad_value(context, flag, &path, &format!("open {path}: {problem}"))),
        Ok(content) if !is_pem(&content) => Err(bad_value(context, flag, &path, "file contents must be in PEM format")),
        Ok(content) => Ok(String::from_utf8_lossy(&content).into_owned()),
    }
}

/// All `--external-ca`. The certificate that each one names is read, as by Docker, and then replaced by `root`, the one
/// that the cluster has or shall have.
pub fn external_cas(context: &mut Context, root: &str) -> Result<Vec<ExternalCa>, Stop> {
    let mut found = Vec::new();
    for text in context.flags.all("external-ca") {
        let (mut ca, file) = value::external_ca(text).map_err(Stop::Failed)?;
        if let Some(path) = file {
            match context.file(&path)? {
                Err(problem) => {
                    let problem = format!("unable to read CA cert for external CA: open {path}: {problem}");
                    return Err(bad_value(context, "external-ca", text, &problem));
                }
                Ok(content) if !is_pem(&content) => {
                    let problem = "CA cert for external CA must be in PEM format";
                    return Err(bad_value(context, "external-ca", text, problem));
                }
                Ok(_) => {}
            }
        }
        ca.ca_cert = root.to_owned();
        found.push(ca);
    }
    Ok(found)
}

/// Takes over `--cert-expiry` and `--external-ca`.
pub fn merge(context: &mut Context, spec: &mut ClusterSpec, root: &str) -> Result<(), Stop> {
    if let Some(expiry) = context.flags.duration("cert-expiry") {
        spec.node_cert_expiry = expiry;
    }
    if context.flags.changed("external-ca") {
        spec.external_cas = external_cas(context, root)?;
    }
    Ok(())
}

/// Shows the root certificate, or has it replaced.
pub fn ca(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    // Files are read while the flags are, before anybody is asked.
    let (certificate, key) = (pem_file(context, "ca-cert")?, pem_file(context, "ca-key")?);
    let external = external_cas(context, &certificate)?;
    let swarm = context.swarm()??;
    if !flags.is_set("rotate") {
        let idle = ["ca-cert", "ca-key", "cert-expiry", "external-ca"];
        if let Some(flag) = idle.into_iter().find(|flag| flags.changed(flag)) {
            let text = format!("`--{flag}` flag requires the `--rotate` flag to update the CA");
            return Err(Stop::Failed(text));
        }
        context.out(trust_root(&swarm)?);
        return Ok(Finish::default());
    }
    if !external.is_empty() && !flags.changed("ca-cert") {
        return Err(Stop::Failed(
            "rotating to an external CA requires the `--ca-cert` flag to specify the external CA's cert - to add an \
             external CA with the current root CA certificate, use the `update` command instead"
                .into(),
        ));
    }
    if flags.changed("ca-cert") && external.is_empty() && !flags.changed("ca-key") {
        return Err(Stop::Failed(
            "the --ca-cert flag requires that a --ca-key flag and/or --external-ca flag be provided as well".into(),
        ));
    }
    let mut spec = Box::new(swarm.cluster.spec.clone());
    if let Some(expiry) = flags.duration("cert-expiry") {
        spec.node_cert_expiry = expiry;
    }
    if flags.changed("external-ca") {
        spec.external_cas = external;
    }
    if certificate.is_empty() && key.is_empty() {
        spec.force_rotate += 1;
    }
    (spec.signing_ca_cert, spec.signing_ca_key) = (certificate, key);
    let version = swarm.cluster.version.index;
    context.order(&Request::SwarmUpdate { version, spec, rotate: RotateFlags::default() })??;
    let mut finish = Finish::default();
    if !flags.is_set("detach") {
        finish.waits.push_back(Wait::Rotation { quiet: flags.is_set("quiet") });
    }
    Ok(finish)
}

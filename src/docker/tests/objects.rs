//! Networks, secrets and configs: what is printed, and what `service create` and `service update` send of them. cli.md §5.5,
//! §5.6, §7.4, §8, examples 12.67 to 12.78.

use crate::docker::testing::{cluster, refuse, run, run_with, services};
use crate::swarm::api::{
    ApiError, Code, FileKind, IpamConfig, NetworkAttachmentConfig, Request, Response, SecretReference, ServiceSpec,
};
use std::sync::Arc;

#[test]
fn network_commands() {
    assert_eq!(run("network create --driver overlay iotd-net").all(), ("e633vug6u678dugyxnnomevv9\n", "", Some(0)));
    let in_use = "network zxi3ccdh22ann3x4uszguhz61 is in use by service ok98g2oqrglqovopbadg7hx3m";
    let ran = run_with("network rm iotd-net none", |request, _| match request {
        Request::NetworkRemove(name) if name == "iotd-net" => {
            Err(ApiError::grpc(Code::FailedPrecondition, in_use).into())
        }
        other => cluster(other),
    });
    let error = format!("Error response from daemon: rpc error: code = FailedPrecondition desc = {in_use}\n");
    assert_eq!(ran.all(), ("none\n", (error + "exit status 1\n").as_str(), Some(1)));
    assert_eq!(
        run("network inspect nope").all(),
        ("[]\n", "Error response from daemon: network nope not found\n", Some(1))
    );
    assert_eq!(run("network inspect ingress --format '{{.Name}} {{.Scope}}'").stdout, "ingress swarm\n");
    let ran = run_with("network rm -f gone", |request, _| match request {
        Request::NetworkRemove(_) => refuse(404, "network gone not found"),
        other => cluster(other),
    });
    assert_eq!(ran.all(), ("", "", Some(0)));
}

#[test]
fn what_is_removed_for_good_is_asked_about() {
    // The scripted input is the unlock key: that is no yes.
    let ran = run("network rm ingress");
    assert!(ran.stdout.ends_with("Are you sure you want to continue? [y/N] "), "{}", ran.stdout);
    assert!(!ran.requests.iter().any(|request| matches!(request, Request::NetworkRemove(_))));
    assert_eq!(run("network prune -f").all(), ("Deleted Networks:\niotd-net\n\n", "", Some(0)));
    assert!(run("network prune").requests.is_empty());
}

#[test]
fn the_flags_of_network_create_reach_the_request() {
    let ran =
        run("network create -d overlay --subnet 10.9.0.0/16 --ip-range 10.9.5.0/24 --gateway 10.9.0.7 --attachable \
                   --internal --opt encrypted -o com.docker.network.driver.mtu=1300 --label a=1 net");
    let Some(Request::NetworkCreate(request)) = ran.requests.first() else { panic!("{ran:?}") };
    let config =
        IpamConfig { subnet: "10.9.0.0/16".into(), ip_range: "10.9.5.0/24".into(), gateway: "10.9.0.7".into() };
    assert_eq!((request.name.as_str(), request.driver.as_str(), &request.ipam), ("net", "overlay", &vec![config]));
    assert_eq!((request.attachable, request.internal, request.ingress), (true, true, false));
    assert_eq!(request.options["encrypted"], "");
    assert_eq!(request.options["com.docker.network.driver.mtu"], "1300");
    assert_eq!(run("network create --subnet bogus n2").all(), ("", "netip.ParsePrefix(\"bogus\"): no '/'\n", Some(1)));
}

#[test]
fn secrets_and_configs_are_listed() {
    assert_eq!(
        run("secret ls").stdout,
        "ID                          NAME          DRIVER    CREATED              UPDATED\n\
         wixvl56zyim1kt7lfsexw38id   app_key                 3 seconds ago        3 seconds ago\n\
         yqaf76el4jgr46sgw27l9wbpk   db_password             About a minute ago   About a minute ago\n"
    );
    assert_eq!(
        run("config ls").stdout,
        "ID                          NAME         CREATED              UPDATED\n\
         kzv4jo6apq64dhkiuulqaeflh   nginx_conf   About a minute ago   About a minute ago\n"
    );
    assert_eq!(run("secret ls -q").stdout, "wixvl56zyim1kt7lfsexw38id\nyqaf76el4jgr46sgw27l9wbpk\n");
}

#[test]
fn secrets_and_configs_are_shown() {
    let secret = run("secret inspect db_password").stdout;
    let json: serde_json::Value = serde_json::from_str(&secret).expect("JSON");
    assert_eq!(json[0]["Spec"], serde_json::json!({"Name": "db_password", "Labels": {}}), "not its content");
    let pretty = run("secret inspect --pretty app_key").stdout;
    let lines: Vec<&str> = pretty.lines().collect();
    assert_eq!(lines[0], "ID:              wixvl56zyim1kt7lfsexw38id");
    assert_eq!(&lines[1..5], ["Name:              app_key", "Labels:", " - env=dev", "Driver:            "]);
    assert!(lines[5].starts_with("Created at:        ") && lines[6].starts_with("Updated at:        "), "{pretty}");
    let config = run("config inspect --pretty nginx_conf").stdout;
    assert!(config.starts_with("ID:\t\t\tkzv4jo6apq64dhkiuulqaeflh\nName:\t\t\tnginx_conf\n"), "{config}");
    assert!(config.ends_with("\nData:\nhello\n\n"), "{config}");
    let json: serde_json::Value = serde_json::from_str(&run("config inspect nginx_conf").stdout).expect("JSON");
    assert_eq!(json[0]["Spec"]["Data"], "aGVsbG8K");
}

#[test]
fn secrets_and_configs_are_made_and_removed() {
    let ran = run("secret create -l env=dev db ca.pem");
    assert_eq!(ran.all(), ("1nrad6a6dgwge09iswy5todw2\n", "", Some(0)));
    let Some(Request::FileCreate { kind: FileKind::Secret, spec }) = ran.requests.first() else { panic!("{ran:?}") };
    assert_eq!((spec.name.as_str(), spec.labels["env"].as_str()), ("db", "dev"));
    assert!(spec.data.starts_with(b"-----BEGIN CERTIFICATE-----"));
    assert_eq!(run("secret create db").all(), ("", "secret file is required\n", Some(1)));
    let missing = "error reading from ./x: open ./x: no such file or directory\n";
    assert_eq!(run("secret create db ./x").all(), ("", missing, Some(1)));
    let missing = "error reading content from \"./x\": error reading from ./x: open ./x: no such file or directory\n";
    assert_eq!(run("config create c ./x").all(), ("", missing, Some(1)));
    assert!(run("config create c").stderr.starts_with("docker: 'docker config create' requires 2 arguments\n"));
    let many = run("secret create a b c");
    assert!(many.stderr.starts_with("docker: 'docker secret create' requires at least 1 and at most 2 arguments\n"));
    let in_use = "Error response from daemon: rpc error: code = InvalidArgument desc = secret 'db_password' is in use by the following service: web\n";
    assert_eq!(run("secret rm app_key db_password").all(), ("app_key\n", in_use, Some(1)));
    assert_eq!(run("config rm nginx_conf").all(), ("nginx_conf\n", "", Some(0)));
}

fn created(line: &str) -> ServiceSpec {
    let ran = run(&format!("service create -d {line} nginx"));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let spec = ran.requests.into_iter().find_map(|request| match request {
        Request::ServiceCreate { spec, .. } => Some(*spec),
        _ => None,
    });
    spec.expect("it was sent")
}

fn refused(line: &str) -> String {
    run(&format!("service create -d {line} nginx")).stderr
}

#[test]
fn a_service_names_networks_by_id() {
    let networks = created("--network name=iotd-net,alias=A,alias=b --network ingress").task_template.networks;
    let wanted = [("zo78ne9cpbbnt5k1x3q5cz7kd", vec![]), ("zxi3ccdh22ann3x4uszguhz61", vec!["a".into(), "b".into()])];
    let wanted = wanted.map(|(target, aliases)| NetworkAttachmentConfig {
        target: target.into(),
        aliases,
        ..NetworkAttachmentConfig::default()
    });
    assert_eq!(networks, wanted);
    assert_eq!(refused("--network nope"), "Error response from daemon: network nope not found\n");
    assert!(refused("--network alias=x").contains("network name/id is not specified"));
}

#[test]
fn a_service_names_secrets_by_id() {
    let container = created("--secret app_key --secret source=db_password,target=pw,mode=0400,uid=7 --config source=nginx_conf,target=/etc/n.conf")
        .task_template
        .container_spec;
    let shown: Vec<_> = container
        .secrets
        .iter()
        .map(|s: &SecretReference| {
            format!("{} {} {} {} {:o}", &s.id[..4], s.name, s.file.name, s.file.uid, s.file.mode)
        })
        .collect();
    assert_eq!(shown, ["wixv app_key app_key 0 444", "yqaf db_password pw 7 400"]);
    assert_eq!(container.configs[0].file.name, "/etc/n.conf");
    assert_eq!(refused("--secret nope"), "secret not found: nope\n");
    assert_eq!(refused("--config nope"), "config not found: nope\n");
    let twice = refused("--secret app_key --secret source=db_password,target=app_key");
    assert_eq!(twice, "duplicate secret target for db_password not allowed\n");
}

fn updated(line: &str) -> Result<ServiceSpec, String> {
    let ran = run_with(&format!("service update -d {line} web"), |request, _| match request {
        Request::ServiceInspect { .. } => {
            let mut web = services().into_iter().find(|service| service.spec.name == "web").expect("web");
            let network = NetworkAttachmentConfig { target: "zxi3ccdh22ann3x4uszguhz61".into(), ..Default::default() };
            web.spec.task_template.networks.push(network);
            let secret = SecretReference { name: "old".into(), ..SecretReference::default() };
            web.spec.task_template.container_spec.secrets.push(secret);
            Ok(Response::Service(Arc::new(web)))
        }
        other => cluster(other),
    });
    let sent = ran.requests.into_iter().find_map(|request| match request {
        Request::ServiceUpdate { spec, .. } => Some(*spec),
        _ => None,
    });
    sent.ok_or(ran.stderr)
}

#[test]
fn an_update_adds_and_takes_away() {
    let targets =
        |spec: ServiceSpec| spec.task_template.networks.into_iter().map(|network| network.target).collect::<Vec<_>>();
    let both = ["zo78ne9cpbbnt5k1x3q5cz7kd".to_owned(), "zxi3ccdh22ann3x4uszguhz61".to_owned()];
    assert_eq!(updated("--network-add ingress").map(targets), Ok(both.to_vec()));
    assert_eq!(updated("--network-rm iotd-net").map(targets), Ok(vec![]));
    assert_eq!(updated("--network-add iotd-net"), Err("service is already attached to network iotd-net\n".to_owned()));
    let again = updated("--network-rm iotd-net --network-add name=iotd-net,alias=x").expect("sent");
    assert_eq!(again.task_template.networks[0].aliases, ["x"]);
    let secrets = |spec: ServiceSpec| {
        spec.task_template.container_spec.secrets.into_iter().map(|secret| secret.name).collect::<Vec<_>>()
    };
    assert_eq!(updated("--secret-rm old --secret-add app_key").map(secrets), Ok(vec!["app_key".to_owned()]));
    assert_eq!(updated("--secret-rm nosuch").map(secrets), Ok(vec!["old".to_owned()]));
    assert_eq!(updated("--secret-add nosuch"), Err("secret not found: nosuch\n".to_owned()));
}

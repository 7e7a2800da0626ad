//! Checks that the manifests call the program with valid arguments, and that the topology has the names that it uses.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use clap::Parser as _;
use cookie_store::arguments::Arguments;
use cookie_store::topology::{EXCHANGE, MESSENGER_QUEUE, ORDER_CONFIRMED, ORDER_QUEUE};
use serde::Deserialize;
use serde_json::Value;

const SERVICES: [&str; 3] = ["payment", "messenger", "order"];

fn read(file: &str) -> std::io::Result<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
}

#[derive(Debug, Deserialize)]
struct Manifest {
    kind: String,
    #[serde(default)]
    spec: Value,
}

fn pod(service: &str) -> Result<Value, Box<dyn Error>> {
    let text = read(&format!("kubernetes/{service}.yaml"))?;
    let manifests = serde_saphyr::from_multiple::<Manifest>(&text)?;
    let deployment = manifests.into_iter().find(|manifest| manifest.kind == "Deployment");
    Ok(deployment.ok_or("no Deployment")?.spec["template"]["spec"].take())
}

#[test]
fn a_pod_reads_its_credentials_from_a_mounted_secret_and_from_no_variable() -> Result<(), Box<dyn Error>> {
    for service in SERVICES {
        let pod = pod(service)?;
        let container = &pod["containers"][0];
        assert!(container["env"].is_null() && container["envFrom"].is_null(), "{service}");
        let arguments = container["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let arguments = Arguments::try_parse_from(std::iter::once("cookie-store").chain(arguments))?;
        assert_eq!(arguments.service.name(), service);
        let mount = &container["volumeMounts"][0];
        assert_eq!(Some(arguments.credentials.as_path()), mount["mountPath"].as_str().map(Path::new));
        assert!(mount["subPath"].is_null(), "{service}: a subPath never changes");
        assert_eq!(pod["volumes"][0]["name"], mount["name"]);
        assert_eq!(pod["volumes"][0]["secret"]["secretName"], format!("{service}-broker"));
    }
    Ok(())
}

#[test]
fn a_pod_has_no_more_permissions_than_it_needs() -> Result<(), Box<dyn Error>> {
    for service in SERVICES {
        let pod = pod(service)?;
        assert_eq!(pod["automountServiceAccountToken"], false, "{service}");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{service}");
        let container = &pod["containers"][0]["securityContext"];
        assert_eq!(container["allowPrivilegeEscalation"], false, "{service}");
        assert_eq!(container["readOnlyRootFilesystem"], true, "{service}");
        assert_eq!(container["capabilities"]["drop"][0], "ALL", "{service}");
    }
    Ok(())
}

#[test]
fn a_pod_that_reads_variables_is_replaced_when_their_secret_changes() -> Result<(), Box<dyn Error>> {
    let manifest: Value = serde_saphyr::from_str(&read("../clients/environment/deployment.yaml")?)?;
    let reloaded = &manifest["metadata"]["annotations"]["secret.reloader.stakater.com/reload"];
    let container = &manifest["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().cloned().unwrap_or_default();
    let mut keys = Vec::new();
    for variable in &variables {
        let from = &variable["valueFrom"]["secretKeyRef"];
        assert_eq!(&from["name"], reloaded, "{variable}");
        keys.push(text(&from["key"]));
    }
    assert_eq!(keys, ["username", "password"]);
    assert_eq!(manifest["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    assert!(container["readinessProbe"].is_object());
    Ok(())
}

#[test]
fn the_topology_has_the_names_of_the_code_and_each_user_may_do_one_thing() -> Result<(), Box<dyn Error>> {
    let topology: Value = serde_json::from_str(&read("topology.json")?)?;
    assert_eq!(topology["exchanges"][0]["name"], EXCHANGE);
    let list = |section: &str| topology[section].as_array().cloned().unwrap_or_default();
    for (number, queue) in [MESSENGER_QUEUE, ORDER_QUEUE].into_iter().enumerate() {
        assert_eq!(topology["queues"][number]["name"], queue);
        assert_eq!(topology["queues"][number]["durable"], true);
        assert_eq!(topology["bindings"][number]["destination"], queue);
        assert_eq!(topology["bindings"][number]["routing_key"], ORDER_CONFIRMED);
    }
    let granted: BTreeMap<String, [String; 3]> = list("permissions")
        .iter()
        .map(|one| (text(&one["user"]), ["configure", "write", "read"].map(|what| text(&one[what]))))
        .collect();
    let expected = [
        ("store-messenger", ["^$", "^$", "^messenger$"]),
        ("store-order", ["^$", "^$", "^order$"]),
        ("store-payment", ["^$", "^store$", "^$"]),
    ];
    let expected = expected.map(|(user, granted)| (user.to_owned(), granted.map(str::to_owned)));
    assert_eq!(granted, BTreeMap::from(expected));
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

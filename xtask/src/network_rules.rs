//! Checks that `infra/network.yaml` has an endpoint for each service that a function calls from the VPC.
//!
//! In a VPC without NAT, a function reaches only services with an endpoint. Without it, every call times out. Neither a
//! linter nor the emulator detects this.

use anyhow::Result;

use crate::workspace;

const NETWORK: &str = "infra/network.yaml";
/// The crates of the functions with a `VpcConfig` that call AWS.
const IN_VPC: [&str; 3] = ["messages", "rotation-mq", "secret2eks"];

/// The violations, one line each.
///
/// # Errors
/// When one of the files cannot be read.
pub fn violations() -> Result<Vec<String>> {
    let network = workspace::read(NETWORK)?;
    let mut found = Vec::new();
    for name in IN_VPC {
        let manifest = format!("{name}/Cargo.toml");
        let services = services(&workspace::read(&manifest)?);
        if services.is_empty() {
            found.push(format!("{manifest} names no service of AWS: has it changed?"));
        }
        found.extend(services.iter().filter_map(|service| violation(&network, &manifest, service)));
    }
    Ok(found)
}

/// The services whose SDK a crate depends on.
fn services(manifest: &str) -> Vec<String> {
    let service = |line: &str| Some(line.strip_prefix("aws-sdk-")?.split_once(['.', ' '])?.0.to_owned());
    manifest.lines().filter_map(service).collect()
}

fn violation(network: &str, manifest: &str, service: &str) -> Option<String> {
    let name = format!("ServiceName: !Sub com.amazonaws.${{AWS::Region}}.{service}\n");
    let problem = match network.split_once(&name) {
        None => "has no endpoint",
        Some((_, rest)) if !first_resource(rest).contains("PrivateDnsEnabled: true") => {
            "has an endpoint without the service's own DNS name (PrivateDnsEnabled)"
        }
        Some(_) => return None,
    };
    Some(format!("{NETWORK}: {service}, which {manifest} calls, {problem}"))
}

/// The text up to the next resource, which follows an empty line.
fn first_resource(text: &str) -> &str {
    text.split_once("\n\n").map_or(text, |(resource, _)| resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: &str = "    ServiceName: !Sub com.amazonaws.${AWS::Region}.mq\n      PrivateDnsEnabled: true\n\n  \
                           Next:\n    ServiceName: !Sub com.amazonaws.${AWS::Region}.sns\n";

    #[test]
    fn the_services_are_those_whose_sdk_is_a_dependency() {
        let manifest = "aws-config.workspace = true\naws-sdk-mq.workspace = true\naws-sdk-sns = \"1\"\n";
        assert_eq!(services(manifest), ["mq", "sns"]);
    }

    #[test]
    fn a_service_without_an_endpoint_or_without_its_own_name_is_found() {
        assert_eq!(violation(NETWORK, "a", "mq"), None);
        for (service, expected) in [("sns", "PrivateDnsEnabled"), ("eks", "has no endpoint")] {
            let found = violation(NETWORK, "a", service).unwrap_or_default();
            assert!(found.contains(expected), "{service}: {found}");
        }
    }
}

//! The cluster, as EKS knows it and as secret2eks sees it. The program itself has no login to a cluster.

use std::collections::BTreeMap;

use contract::{ClusterLook, Finding, Kind, PlaceLook, StoreLook, StoreState};

use crate::aws::eks::{AccessEntry, Cluster};
use crate::doctor::check::Check;
use crate::doctor::facts::{ClusterSeen, Seen};
use crate::doctor::report::Row;
use crate::playbooks::hint;
use crate::screen::text::foreign;

const GROUP: &str = "secret2eks";
/// The version of the API that secret2eks uses.
const API: &str = "v1";
/// The first version of the operator without a known way from one tenant to another.
/// `infra/kubernetes/external-secrets-values.yaml` names the holes.
const SAFE: (u32, u32, u32) = (2, 4, 1);
const ACCESS: &str = "kubectl apply -f infra/kubernetes/access.yaml";
const OPERATOR: &str = "Update it: docs/src/kubernetes.md#set-a-cluster-up.";

pub(super) fn rows(cluster: Option<&ClusterSeen>) -> Vec<Row> {
    let Some(cluster) = cluster else { return Vec::new() };
    let mut rows = vec![entry(cluster)];
    match &cluster.look {
        Ok(Ok(look)) => {
            let version = look.kubernetes.as_deref().unwrap_or("an unknown version");
            rows.push(Row::ok(
                Check::ClusterLogin,
                format!("`{}`, Kubernetes {}", cluster.name, foreign(version)),
            ));
            rows.push(operator(look));
            rows.extend(permissions(look));
            rows.extend(namespaces(look));
            rows.extend(stores(look));
        }
        Ok(Err(failed)) => {
            let seen = format!("{}: {}", foreign(&failed.kind), foreign(&failed.message));
            rows.push(Row::broken(Check::ClusterLogin, seen, hint(&failed.kind)));
        }
        Err(unseen) => {
            let checks = [
                Check::ClusterLogin,
                Check::ClusterOperator,
                Check::ClusterPermissions,
                Check::ClusterNamespaces,
                Check::ClusterStores,
            ];
            rows.extend(checks.map(|check| Row::unseen(check, unseen)));
        }
    }
    rows
}

fn entry(cluster: &ClusterSeen) -> Row {
    let check = Check::ClusterAccessEntry;
    let name = &cluster.name;
    match &cluster.described {
        Ok(None) => {
            let seen = format!("EKS does not know the cluster `{name}` in this region");
            return Row::broken(check, seen, "Update the stack with the right EksClusterName.");
        }
        Ok(Some(Cluster { authentication, .. })) if authentication.as_deref() == Some("CONFIG_MAP") => {
            return Row::broken(
                check,
                "the cluster's authentication mode is CONFIG_MAP, which knows no access entries",
                format!(
                    "aws eks update-cluster-config --name {name} --access-config authenticationMode=API_AND_CONFIG_MAP"
                ),
            );
        }
        Ok(Some(Cluster { status, .. })) if status != "ACTIVE" && status != "UPDATING" => {
            return Row::broken(check, format!("the cluster is {status}"), hint("cluster.not_found"));
        }
        // The access entry may still be known.
        Ok(Some(_)) | Err(_) => {}
    }
    of_role(&cluster.entry, &cluster.role)
}

fn of_role(entry: &Seen<Option<AccessEntry>>, role: &str) -> Row {
    let check = Check::ClusterAccessEntry;
    let fix = "Deploy the stack again, or restore it: aws eks create-access-entry with --kubernetes-groups secret2eks \
               --type STANDARD.";
    match entry {
        Ok(Some(entry)) if entry.kind != "STANDARD" => Row::broken(
            check,
            format!("the access entry of {role} has the type {}, not STANDARD", entry.kind),
            fix,
        ),
        Ok(Some(entry)) if !entry.groups.iter().any(|group| group == GROUP) => {
            Row::broken(check, format!("the access entry of {role} lacks the group `{GROUP}`"), fix)
        }
        Ok(Some(_)) => Row::ok(check, format!("the role of secret2eks is in the group `{GROUP}`")),
        Ok(None) => Row::broken(check, format!("the cluster has no access entry for {role}"), fix),
        Err(unseen) => Row::unseen(check, unseen),
    }
}

fn operator(look: &ClusterLook) -> Row {
    let check = Check::ClusterOperator;
    match &look.api_versions {
        Some(versions) if versions.is_empty() => {
            return Row::broken(check, "the definitions of External Secrets Operator are missing", OPERATOR);
        }
        Some(versions) if !versions.iter().any(|version| version == API) => {
            let seen =
                format!("the cluster serves external-secrets.io in {}, not in {API}", versions.join(", "));
            return Row::broken(check, seen, OPERATOR);
        }
        _ => {}
    }
    let Some(text) = look.operator.as_deref() else {
        return Row::unknown(
            check,
            "the API is served; the version is unknown: no Deployment `external-secrets` in the namespace `external-secrets`, \
             no permission to get it, or an image without a version",
            format!("{ACCESS}, and compare the version yourself: docs/src/kubernetes.md#set-a-cluster-up"),
        );
    };
    let Some(version) = version(text) else {
        let seen = format!("its version `{}` cannot be read", foreign(text));
        return Row::unknown(
            check,
            seen,
            "Compare the version yourself: docs/src/kubernetes.md#set-a-cluster-up.",
        );
    };
    let shown = foreign(text);
    if version >= SAFE {
        return Row::ok(check, shown);
    }
    let tenants = look.places.iter().any(|place| place.has_tenant);
    let seen = format!("{shown} has known holes between namespaces; 2.4.1 has none that are known");
    if tenants { Row::broken(check, seen, OPERATOR) } else { Row::warning(check, seen, OPERATOR) }
}

/// `v2.9.0`, `2.9.0-ubi`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let number = |part: &str| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let mut parts = text.trim_start_matches('v').splitn(3, '.');
    Some((number(parts.next()?)?, number(parts.next()?)?, parts.next().and_then(number).unwrap_or(0)))
}

fn permissions(look: &ClusterLook) -> Vec<Row> {
    let check = Check::ClusterPermissions;
    let mut rows = Vec::new();
    if !look.missing_permissions.is_empty() {
        let seen = format!("in the whole cluster, secret2eks may not {}", list(&look.missing_permissions));
        rows.push(Row::broken(check, seen, ACCESS));
    }
    let mut namespaces: BTreeMap<&str, &[String]> = BTreeMap::new();
    for place in look.places.iter().filter(|place| place.namespace_exists != Some(false)) {
        if let (Some(namespace), false) = (place.namespace.as_deref(), place.missing_permissions.is_empty()) {
            namespaces.insert(namespace, &place.missing_permissions);
        }
    }
    rows.extend(namespaces.into_iter().map(|(namespace, missing)| {
        let fix = "Add the namespace: docs/src/kubernetes.md#add-a-namespace.";
        Row::broken(check, format!("secret2eks may not {}", list(missing)), fix).of(foreign(namespace))
    }));
    if rows.is_empty() {
        rows.push(Row::ok(check, "secret2eks has all permissions that it needs"));
    }
    rows
}

fn list(missing: &[String]) -> String {
    foreign(&missing.join(", "))
}

fn namespaces(look: &ClusterLook) -> Vec<Row> {
    let check = Check::ClusterNamespaces;
    let row = |(place, problem): (&PlaceLook, &Finding)| {
        let row = match problem.kind {
            Kind::SecretNotFound => {
                Row::warning(check, foreign(&problem.message), hint(problem.kind.as_str()))
            }
            _ => Row::broken(check, foreign(&problem.message), hint(problem.kind.as_str())),
        };
        row.of(foreign(&place.secret))
    };
    let problems = look.places.iter().filter_map(|place| Some((place, place.problem.as_ref()?)));
    let mut rows: Vec<Row> = problems.map(row).collect();
    if rows.is_empty() {
        let here = look.places.iter().filter(|place| place.is_for_this_cluster).count();
        rows.push(Row::ok(check, format!("{here} secrets go to namespaces that exist, with their tenant")));
    }
    rows
}

fn stores(look: &ClusterLook) -> Vec<Row> {
    let check = Check::ClusterStores;
    let mut stores: BTreeMap<String, &StoreLook> = BTreeMap::new();
    for place in look.places.iter().filter(|place| place.namespace_exists != Some(false)) {
        if let (Some(namespace), Some(store)) = (place.namespace.as_deref(), &place.store) {
            stores.insert(format!("{namespace}: {}", store.name), store);
        }
    }
    let rows = stores.into_iter().map(|(name, store)| {
        let said = store.message.as_deref().map(|said| format!(": {}", foreign(said))).unwrap_or_default();
        let row = match store.state {
            StoreState::Ready => Row::ok(check, "ready"),
            StoreState::NotReady => {
                Row::broken(check, format!("the operator cannot use it{said}"), hint("delivery.not_synced"))
            }
            StoreState::Missing => Row::broken(
                check,
                format!("it does not exist{said}"),
                "Add the namespace: docs/src/kubernetes.md#add-a-namespace, or correct the tag secret2eks/store.",
            ),
            StoreState::Unknown => Row::unknown(check, format!("secret2eks may not see it{said}"), ACCESS),
        };
        row.of(foreign(&name))
    });
    rows.collect()
}

#[cfg(test)]
mod tests;

use contract::CLUSTER_LOOK_SCHEMA;

use super::*;
use crate::doctor::report::State;

fn look(places: Vec<PlaceLook>) -> ClusterLook {
    ClusterLook {
        schema: CLUSTER_LOOK_SCHEMA.to_owned(),
        cluster: "shop".to_owned(),
        kubernetes: Some("v1.35.4".to_owned()),
        api_versions: Some(vec!["v1".to_owned(), "v1beta1".to_owned()]),
        operator: Some("v2.9.0".to_owned()),
        missing_permissions: Vec::new(),
        places,
    }
}

fn place(state: StoreState) -> PlaceLook {
    PlaceLook {
        secret: "rabbitmq/payment".to_owned(),
        is_for_this_cluster: true,
        namespace: Some("shop".to_owned()),
        namespace_exists: Some(true),
        store: Some(StoreLook { name: "SecretStore/aws".to_owned(), state, message: None }),
        ..PlaceLook::default()
    }
}

#[test]
fn the_access_entry_puts_the_role_into_the_group() {
    let entry = |kind: &str, group: &str| {
        Ok(Some(AccessEntry { kind: kind.to_owned(), groups: vec![group.to_owned()] }))
    };
    for (seen, expected) in [
        (entry("STANDARD", "secret2eks"), State::Ok),
        (entry("STANDARD", "system:masters"), State::Broken),
        (entry("EC2_LINUX", "secret2eks"), State::Broken),
        (Ok(None), State::Broken),
    ] {
        assert_eq!(of_role(&seen, "arn:role").state, expected, "{seen:?}");
    }
}

#[test]
fn the_operator_serves_the_api_in_a_version_without_known_holes() {
    let with = |versions: &[&str], operator: Option<&str>, has_tenant: bool| ClusterLook {
        api_versions: Some(versions.iter().map(|version| (*version).to_owned()).collect()),
        operator: operator.map(str::to_owned),
        ..look(vec![PlaceLook { has_tenant, ..place(StoreState::Ready) }])
    };
    for (look, expected) in [
        (with(&["v1"], Some("v2.9.0"), true), State::Ok),
        (with(&["v1"], Some("2.4.1-ubi"), true), State::Ok),
        (with(&["v1"], Some("v2.4.0"), true), State::Broken),
        (with(&["v1"], Some("v1.1.0"), false), State::Warning),
        (with(&["v1"], Some("latest"), false), State::Unknown),
        (with(&["v1"], None, false), State::Unknown),
        (with(&["v1beta1"], Some("v0.10.0"), false), State::Broken),
        (with(&[], None, false), State::Broken),
    ] {
        assert_eq!(operator(&look).state, expected, "{look:?}");
    }
}

#[test]
fn missing_permissions_are_named_once_for_each_namespace() {
    let without = |permission: &str| PlaceLook {
        missing_permissions: vec![permission.to_owned()],
        ..place(StoreState::Ready)
    };
    assert_eq!(permissions(&look(vec![place(StoreState::Ready)])).len(), 1);
    let seen = ClusterLook {
        missing_permissions: vec!["get namespaces".to_owned()],
        ..look(vec![without("get externalsecrets"), without("get externalsecrets")])
    };
    let rows = permissions(&seen);
    let found: Vec<_> = rows.iter().map(|row| (row.state, row.subject.as_deref())).collect();
    assert_eq!(found, [(State::Broken, None), (State::Broken, Some("shop"))]);
    assert!(rows.iter().all(|row| row.seen.contains("may not get")), "{rows:?}");
}

#[test]
fn a_place_that_cannot_be_used_names_the_kind() {
    let problem = |kind: Kind| PlaceLook {
        problem: Some(Finding { kind, severity: kind.severity(), message: "said".to_owned() }),
        ..place(StoreState::Ready)
    };
    for (kind, expected) in [
        (Kind::DeliveryNamespaceMissing, State::Broken),
        (Kind::DeliveryTenantMismatch, State::Broken),
        (Kind::DeliveryTagsInvalid, State::Broken),
        (Kind::SecretNotFound, State::Warning),
    ] {
        let rows = namespaces(&look(vec![problem(kind)]));
        let found: Vec<_> = rows.iter().map(|row| (row.state, row.fix.clone())).collect();
        assert_eq!(found, [(expected, Some(format!("secops explain {kind}")))]);
    }
    assert_eq!(
        namespaces(&look(vec![place(StoreState::Ready)])).first().map(|row| row.state),
        Some(State::Ok)
    );
}

#[test]
fn each_store_has_one_row() {
    for (state, expected) in [
        (StoreState::Ready, State::Ok),
        (StoreState::NotReady, State::Broken),
        (StoreState::Missing, State::Broken),
        (StoreState::Unknown, State::Unknown),
    ] {
        let rows = stores(&look(vec![place(state), place(state)]));
        let found: Vec<_> = rows.iter().map(|row| (row.state, row.subject.as_deref())).collect();
        assert_eq!(found, [(expected, Some("shop: SecretStore/aws"))]);
    }
}

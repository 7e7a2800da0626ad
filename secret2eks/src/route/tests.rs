use super::*;

fn tags(list: &[(&str, &str)]) -> Tags {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

const COMPLETE: [(&str, &str); 3] =
    [(Tags::NAMESPACE, "shop"), (Tags::NAME, "payment"), (Tags::STORE, "SecretStore/aws")];

fn with(change: (&'static str, &'static str)) -> Result<Routing, TagError> {
    let mut list: Vec<_> = COMPLETE.into_iter().filter(|(key, _)| *key != change.0).collect();
    list.push(change);
    route(&tags(&list))
}

#[test]
fn a_secret_without_our_tags_is_not_for_kubernetes() {
    for list in [&[][..], &[("team", "x"), (Tags::TENANT, "a"), (Tags::DELIVERED, "v")]] {
        assert_eq!(route(&tags(list)), Ok(Routing::NotForKubernetes));
    }
}

#[test]
fn complete_tags_are_a_route_with_username_and_password() {
    let store = Store { kind: "SecretStore", name: "aws".to_owned() };
    let keys = vec!["password".to_owned(), "username".to_owned()];
    let expected = Route {
        namespace: "shop".to_owned(),
        name: "payment".to_owned(),
        tenant: None,
        mode: Mode::Apply { store, keys },
    };
    assert_eq!(route(&tags(&COMPLETE)), Ok(Routing::To(expected)));
}

#[test]
fn refresh_needs_no_store() {
    let list = [(Tags::NAMESPACE, "shop"), (Tags::NAME, "payment"), (Tags::MODE, "refresh")];
    let routing = route(&tags(&list));
    assert!(matches!(&routing, Ok(Routing::To(Route { mode: Mode::Refresh, .. }))), "{routing:?}");
}

#[test]
fn a_key_in_another_case_is_refused_with_and_without_the_right_one() {
    let error = "the tag `Secret2EKS/namespace` is `secret2eks/namespace` in another case: remove it";
    for list in [&[("Secret2EKS/namespace", "shop")][..], &[COMPLETE[0], ("Secret2EKS/namespace", "evil")]] {
        let refused = route(&tags(list)).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some(error));
    }
    for list in [&[("Tenant", "x")][..], &[("Tenant", "x"), (Tags::TENANT, "y")]] {
        let refused = route(&tags(&[&COMPLETE[..], list].concat())).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("the tag `Tenant` is `tenant` in another case: remove it"));
    }
    // This is not a routed secret: others have a tag of that name for their costs.
    assert_eq!(route(&tags(&[("Tenant", "x")])), Ok(Routing::NotForKubernetes));
}

#[test]
fn an_incomplete_set_names_the_missing_tag() {
    for missing in [Tags::NAMESPACE, Tags::NAME, Tags::STORE] {
        let list: Vec<_> = COMPLETE.into_iter().filter(|(key, _)| *key != missing).collect();
        assert_eq!(route(&tags(&list)), Err(TagError::Missing(missing)));
    }
}

#[test]
fn what_kubernetes_does_not_take_is_refused_with_the_tag_and_the_value() {
    for change in [
        (Tags::NAMESPACE, ""),
        (Tags::NAMESPACE, "Shop"),
        (Tags::NAMESPACE, "-shop"),
        (Tags::NAMESPACE, "shop.eu"),
        (Tags::NAMESPACE, "../kube-system"),
        (Tags::NAME, "pay_ment"),
        (Tags::NAME, "a..b"),
        (Tags::NAME, "payment/../../secrets"),
        (Tags::STORE, "aws"),
        (Tags::STORE, "Store/aws"),
        (Tags::STORE, "SecretStore/"),
        (Tags::KEYS, ""),
        (Tags::KEYS, "user/name"),
        (Tags::KEYS, ".."),
        (Tags::KEYS, "username masterarn"),
        (Tags::MODE, "force"),
    ] {
        let error = with(change).err();
        assert!(
            matches!(&error, Some(TagError::Wrong { tag, value, .. }) if (*tag, value.as_str()) == change),
            "{change:?}: {error:?}"
        );
    }
}

#[test]
fn keys_of_which_none_may_hold_the_password_are_refused() {
    for keys in
        ["username", "host username", "vhost username port", "engine brokerId managementUrl rotationStrategy"]
    {
        let error = with((Tags::KEYS, keys)).err().map(|error| error.to_string());
        let expected = format!(
            "the tag `secret2eks/keys` is `{keys}`, but must be keys of which at least one may hold the password, \
             such as `password` or `uri`"
        );
        assert_eq!(error, Some(expected));
    }
    for keys in ["password", "host password", "uri", "username amqp_url"] {
        assert!(matches!(with((Tags::KEYS, keys)), Ok(Routing::To(_))), "{keys}");
    }
}

#[test]
fn a_tenants_secret_never_uses_a_cluster_store() {
    let mut list = vec![(Tags::NAMESPACE, "shop"), (Tags::NAME, "payment")];
    list.push((Tags::STORE, "ClusterSecretStore/aws"));
    assert!(route(&tags(&list)).is_ok());
    list.push((Tags::TENANT, "acme"));
    assert!(matches!(route(&tags(&list)), Err(TagError::Wrong { tag: Tags::STORE, .. })));
}

#[test]
fn a_secret_is_for_every_cluster_or_for_the_one_that_its_tag_names() {
    for (tag, expected) in [
        (None, None),
        (Some("shop"), None),
        (Some("test"), Some("test")),
        (Some("Shop"), Some("Shop")),
        (Some(""), Some("")),
    ] {
        let list: Vec<_> = tag.map(|cluster| (Tags::CLUSTER, cluster)).into_iter().collect();
        assert_eq!(other_cluster(&tags(&list), "shop"), expected, "{tag:?}");
    }
}

#[test]
fn a_secret_goes_to_a_place_as_long_as_no_tag_of_the_route_changes() {
    let with = |key: &'static str, value: &'static str| {
        let mut list: Vec<_> = COMPLETE.into_iter().filter(|(other, _)| *other != key).collect();
        list.push((key, value));
        tags(&list)
    };
    let Ok(Routing::To(to)) = route(&with("team", "cookies")) else { unreachable!("the tags are right") };
    for (key, value, expected) in [
        ("team", "bakers", true),
        (Tags::CLUSTER, "production", true),
        (Tags::CLUSTER, "test", false),
        (Tags::NAMESPACE, "other", false),
        (Tags::NAME, "other", false),
        (Tags::STORE, "SecretStore/other", false),
        (Tags::STORE, "aws", false),
        (Tags::TENANT, "acme", false),
        (Tags::MODE, "refresh", false),
    ] {
        assert_eq!(goes_to(&with(key, value), "production", &to), expected, "{key}={value}");
    }
}

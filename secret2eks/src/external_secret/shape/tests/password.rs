//! Objects that fetch keys of the secret, with and without one that may hold the password.

use super::*;

/// Items of `spec.data`: the key in the Kubernetes Secret, the secret, and its key.
fn items_of(list: &[(&str, &str, &str)]) -> Value {
    let item = |(to, key, property): &(&str, &str, &str)| json!({"secretKey": to, "remoteRef": {"key": key, "property": property}});
    list.iter().map(item).collect()
}

#[test]
fn an_object_that_fetches_no_password_of_this_secret_is_refused_with_what_to_do() {
    let no_password: Result<(), Refusal> = Err(Unproven::new(
        "spec.data",
        "fetches from this secret only keys that never hold the password: fetch `password` as well",
    )
    .into());
    let template = json!({"data": {"uri": "amqps://{{ .user }}@host"}, "mergePolicy": "Replace"});
    for list in [
        &[("user", NAME, "username")][..],
        &[("password", NAME, "username")],
        &[("user", ARN, "username"), ("host", ARN, "host"), ("vhost", ARN, "vhost"), ("port", ARN, "port")],
        &[("user", NAME, "username"), ("password", OTHER, "password"), ("other.json", OTHER, "")],
    ] {
        for target in [json!({}), json!({"template": template})] {
            let spec = json!({"target": target, "data": items_of(list)});
            assert_eq!(judged(&spec), no_password, "{spec}");
        }
        let mut spec = json!({"data": items_of(list), "dataFrom": [{"extract": {"key": OTHER}}]});
        assert_eq!(judged(&spec), no_password, "{spec}");
        spec["dataFrom"][0]["extract"]["key"] = json!(NAME);
        let overwrites = list.iter().any(|(to, ..)| *to == "password");
        assert_eq!(judged(&spec).is_err(), overwrites, "{spec}");
    }
}

#[test]
fn one_key_that_may_hold_the_password_is_enough() {
    for list in [
        &[("user", NAME, "username"), ("pass", NAME, "password")][..],
        &[("password", NAME, "password")],
        &[("uri", NAME, "uri")],
        &[("AMQP_URL", ARN, "amqp_url"), ("host", ARN, "host")],
        &[("user", NAME, "username"), ("broker.json", NAME, "")],
        &[("pass", NAME, "spring.rabbitmq.password"), ("ca.crt", OTHER, "ca")],
    ] {
        let spec = json!({"data": items_of(list)});
        assert_eq!(judged(&spec), Ok(()), "{spec}");
    }
    let placed = json!({"data": {"conf": "url = {{ .uri | quote }}"}, "mergePolicy": "Replace"});
    let spec = json!({"target": {"template": placed}, "data": items_of(&[("uri", NAME, "uri")])});
    assert_eq!(judged(&spec), Ok(()), "{spec}");
}

#[test]
fn a_whole_secret_whose_password_is_overwritten_is_refused() {
    for (list, expected) in [
        (&[("password", NAME, "username")][..], Err("spec.data[0]")),
        (&[("user", NAME, "username"), ("password", ARN, "host")], Err("spec.data[1]")),
        (&[("password", NAME, "password")], Ok(())),
        (&[("user", NAME, "username")], Ok(())),
    ] {
        let spec = extracted(|spec| spec["data"] = items_of(list));
        let expected = expected.map_err(|field| {
            Refusal::Unproven(Unproven::new(field, "overwrites what comes from this secret"))
        });
        assert_eq!(judged(&spec), expected, "{spec}");
    }
}

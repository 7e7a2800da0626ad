use contract::{Finding, INSPECTION_SCHEMA, Kind, RouteCheck};

use super::*;
use crate::doctor::facts::{FunctionFailed, Unseen};
use crate::secret::example::{CURRENT, with_tags};

fn inspection(kinds: &[Kind]) -> Seen<Asked<Inspection>> {
    let finding =
        |kind: &Kind| Finding { kind: *kind, severity: kind.severity(), message: "said".to_owned() };
    Ok(Ok(Inspection {
        schema: INSPECTION_SCHEMA.to_owned(),
        secret_arn: String::new(),
        name: "rabbitmq/payment".to_owned(),
        inspected_at: String::new(),
        strategy: None,
        rotation_enabled: true,
        next_rotation: None,
        versions: Vec::new(),
        users: Vec::new(),
        broker: None,
        connections: Vec::new(),
        connections_total: None,
        differences: Vec::new(),
        delivery: None,
        findings: kinds.iter().map(finding).collect(),
    }))
}

#[test]
fn a_finding_is_a_warning_or_broken_by_its_severity() {
    let failed = FunctionFailed { kind: "secret.not_found".to_owned(), message: String::new() };
    for (seen, expected) in [
        (inspection(&[]), State::Ok),
        (
            inspection(&[Kind::GrantsDiffer]),
            if Kind::GrantsDiffer.severity() == Severity::Warning { State::Warning } else { State::Broken },
        ),
        (inspection(&[Kind::CurrentLoginRefused, Kind::GrantsDiffer]), State::Broken),
        (Ok(Err(failed)), State::Broken),
        (Err(Unseen::NoTime), State::Unknown),
        (Err(Unseen::Denied("lambda:InvokeFunction")), State::Unknown),
    ] {
        assert_eq!(inspected("rabbitmq/payment", &seen).state, expected, "{seen:?}");
    }
    let row = inspected("rabbitmq/payment", &inspection(&[Kind::CurrentLoginRefused; 5]));
    assert!(row.seen.ends_with("and 2 more"), "{}", row.seen);
    assert_eq!(row.fix.as_deref(), Some("secops explain current.login_refused"));
}

#[test]
fn the_admin_is_judged_by_every_inspection() {
    let rules = Rules {
        prefix: "rabbitmq/",
        admin_prefix: "rabbitmq-admin/",
        key: "rotation-mq",
        rotate: "rotate",
        admin: "admin",
    };
    let admin_secret = with_tags("rabbitmq-admin/b-1", &[("rotation-mq", "admin")]);
    let rotated = with_tags("rabbitmq/payment", &[("rotation-mq", "rotate")]);
    let both = [admin_secret, rotated.clone()];
    let (well, refused) = (inspection(&[]), inspection(&[Kind::AdminLoginRefused]));
    assert_eq!(admin(&both, rules, &[&well]).state, State::Ok);
    assert_eq!(admin(&both, rules, &[&well, &refused]).state, State::Broken);
    assert_eq!(admin(&both, rules, &[]).state, State::Unknown);
    assert_eq!(admin(&[rotated], rules, &[&well]).state, State::Warning);
}

#[test]
fn rotation_is_on_with_the_function_of_the_stack() {
    let secret = |rotation_enabled, function: &str| Secret {
        rotation_enabled,
        rotation_function: Some(function.to_owned()),
        ..with_tags("rabbitmq/payment", &[("rotation-mq", "rotate")])
    };
    let state = |secret: &Secret| rotation(secret, "arn:ours", "rabbitmq-admin/").map(|row| row.state);
    assert_eq!(state(&secret(true, "arn:ours")), None);
    assert_eq!(state(&secret(true, "arn:other")), Some(State::Broken));
    assert_eq!(state(&secret(false, "arn:ours")), Some(State::Warning));
}

#[test]
fn a_receipt_of_another_version_is_a_warning() {
    let routed = ("secret2eks/namespace", "shop");
    for (tags, expected) in [
        (vec![], None),
        (vec![routed], Some(State::Warning)),
        (vec![routed, ("secret2eks/delivered", "old")], Some(State::Warning)),
        (vec![routed, ("secret2eks/delivered", CURRENT)], None),
    ] {
        let secret = with_tags("rabbitmq/payment", &tags);
        assert_eq!(delivered(&secret).map(|row| row.state), expected, "{tags:?}");
    }
}

#[test]
fn a_service_without_a_route_is_broken() {
    let check = |service: &str, reached: bool| RouteCheck {
        service: service.to_owned(),
        reached,
        problem: (!reached).then(|| "timed out".to_owned()),
    };
    let facts = crate::doctor::facts::Facts {
        routes: Ok(Ok(contract::Routes {
            schema: contract::ROUTES_SCHEMA.to_owned(),
            routes: vec![check("sns", true), check("mq", false)],
        })),
        ..crate::doctor::facts::Facts::unseen(&Unseen::NoTime)
    };
    let found: Vec<_> = routes(&facts).into_iter().map(|row| (row.subject, row.state)).collect();
    assert_eq!(found, [(Some("sns".to_owned()), State::Ok), (Some("mq".to_owned()), State::Broken)]);
}

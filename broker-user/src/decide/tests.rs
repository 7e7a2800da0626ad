//! What a request does with each state of a pair.

use std::collections::BTreeMap;

use rotation_mq::grants::Permission;

use super::*;

mod pair;

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf";
const THEIRS: &str = "secret-0123456789abcdef";

fn permission(write: &str) -> Permission {
    Permission { configure: String::new(), write: write.to_owned(), read: String::new() }
}

fn wanted() -> Grants {
    Grants {
        tags: ["reporting".to_owned()].into(),
        permissions: BTreeMap::from([("/".to_owned(), permission("^orders$"))]),
        ..Grants::default()
    }
}

/// A user with the wanted permissions and these tags. `ours` stands for the mark.
fn account(tags: &[&str], logs_in: bool) -> Account {
    let ours = Mark::of(ARN).to_string();
    let tags = tags.iter().map(|tag| if *tag == "ours" { ours.clone() } else { (*tag).to_owned() });
    let grants = Grants { tags: tags.collect(), ..wanted() };
    Account { grants, logs_in, is_settled: false }
}

fn decided(
    purpose: Purpose,
    active: Option<&Account>,
    other: Option<&Account>,
) -> Result<Vec<UserPlan>, Refusal> {
    let on_broker =
        OnBroker { active: "payment", active_account: active, other: "payment_clone", other_account: other };
    decide(&wanted(), &Mark::of(ARN), purpose, Strategy::Alternating, on_broker)
}

#[test]
fn what_happens_to_the_active_user_follows_the_table() {
    use Login::{Create, Keep, SetCurrent};
    use Purpose as P;
    let taken = |tag: &'static str| Refusal::Special { user: "payment".to_owned(), tag };
    let unproved = Refusal::Taken(Taken::Unproved { user: "payment".to_owned() });
    let foreign = Refusal::Taken(Taken::OtherSecret { user: "payment".to_owned(), mark: THEIRS.to_owned() });
    let refused = Refusal::LoginRefused { user: "payment".to_owned() };
    for (purpose, active, expected, what) in [
        (P::Create, None, Ok(Create), "a new user"),
        (P::Update, None, Ok(Create), "a user that somebody has deleted"),
        (P::Create, Some(account(&["ours", "reporting"], true)), Ok(Keep), "the answer of a Create was lost"),
        (P::Update, Some(account(&["ours", "reporting"], true)), Ok(Keep), "an update of other grants"),
        (P::Update, Some(account(&["ours"], true)), Ok(SetCurrent), "an update of tags"),
        (P::Update, Some(account(&["ours", "reporting", "x"], true)), Ok(SetCurrent), "a tag to remove"),
        (P::Create, Some(account(&["reporting"], true)), Ok(SetCurrent), "a user made by hand gets the mark"),
        (P::Update, Some(account(&["reporting"], true)), Ok(SetCurrent), "an unmarked user gets the mark"),
        (
            P::Create,
            Some(account(&["ours", "reporting"], false)),
            Ok(SetCurrent),
            "a secret that was restored",
        ),
        (P::Update, Some(account(&["ours"], false)), Err(refused), "a value stored by hand"),
        (P::Update, Some(account(&["ours", "reporting"], false)), Ok(Keep), "nothing to write"),
        (P::Create, Some(account(&["reporting"], false)), Err(unproved.clone()), "somebody else's user"),
        (P::Update, Some(account(&[], false)), Err(unproved), "somebody else's user"),
        (P::Create, Some(account(&[THEIRS], true)), Err(foreign.clone()), "a mark beats a login"),
        (P::Create, Some(account(&["ours", THEIRS], true)), Err(foreign), "two marks"),
        (
            P::Create,
            Some(account(&["ours", "administrator"], true)),
            Err(taken("administrator")),
            "an administrator",
        ),
        (P::Update, Some(account(&["ours", "protected"], true)), Err(taken("protected")), "a protected user"),
    ] {
        let found = decided(purpose, active.as_ref(), None);
        let found = found.map(|plans| plans.iter().map(|plan| plan.login).collect::<Vec<_>>());
        assert_eq!(found, expected.map(|login| vec![login]), "{what}");
    }
}

#[test]
fn what_happens_to_the_other_user_follows_the_table() {
    use Login::{Keep, SetTags};
    let unproved = Refusal::Taken(Taken::Unproved { user: "payment_clone".to_owned() });
    let foreign =
        Refusal::Taken(Taken::OtherSecret { user: "payment_clone".to_owned(), mark: THEIRS.to_owned() });
    let special = Refusal::Special { user: "payment_clone".to_owned(), tag: "administrator" };
    let active = account(&["ours", "reporting"], true);
    for (other, expected, what) in [
        (None, Ok(None), "no rotation yet"),
        (Some(account(&["ours", "reporting"], true)), Ok(Some(Keep)), "a pair that rotates"),
        (Some(account(&["ours", "reporting"], false)), Ok(Some(Keep)), "its password was revoked"),
        (Some(account(&["ours"], false)), Ok(Some(SetTags)), "an update of tags keeps its password"),
        (Some(account(&["reporting"], true)), Ok(Some(SetTags)), "AWSPREVIOUS logs in: it gets the mark"),
        (Some(account(&["reporting"], false)), Err(unproved), "somebody else's user"),
        (Some(account(&[THEIRS], true)), Err(foreign), "another secret's user"),
        (Some(account(&["ours", "administrator"], true)), Err(special), "an administrator"),
    ] {
        for purpose in [Purpose::Create, Purpose::Update] {
            let found = decided(purpose, Some(&active), other.as_ref());
            let found = found.map(|plans| plans.get(1).map(|plan| plan.login));
            assert_eq!(found, expected, "{what}");
        }
    }
}

#[test]
fn a_single_user_has_no_other_user() -> Result<(), Refusal> {
    let (active, other) = (account(&["ours", "reporting"], true), account(&[THEIRS], false));
    let on_broker = OnBroker {
        active: "payment",
        active_account: Some(&active),
        other: "payment_clone",
        other_account: Some(&other),
    };
    let plans = decide(&wanted(), &Mark::of(ARN), Purpose::Update, Strategy::Single, on_broker)?;
    assert_eq!(plans.len(), 1);
    Ok(())
}

#[test]
fn both_users_get_the_same_grants_and_the_active_one_first() -> Result<(), Refusal> {
    let mut account = account(&["ours", "reporting"], true);
    account.grants.permissions = BTreeMap::from([("/old".to_owned(), permission(".*"))]);
    let plans = decided(Purpose::Update, Some(&account), Some(&account))?;
    let users: Vec<&str> = plans.iter().map(|plan| plan.user.as_str()).collect();
    assert_eq!(users, ["payment", "payment_clone"]);
    for plan in plans {
        let expected = [
            Change::RevokeVhost("/old".to_owned()),
            Change::GrantVhost("/".to_owned(), permission("^orders$")),
        ];
        assert_eq!(plan.changes, expected, "removals come first");
        assert!(plan.changes_an_existing_user());
    }
    Ok(())
}

#[test]
fn a_refused_login_matters_to_an_update_that_writes_to_either_user() {
    let (refused, accepted) = (account(&["ours", "reporting"], false), account(&["ours", "reporting"], true));
    let mut changed = accepted.clone();
    changed.grants.permissions.clear();
    for (other, writes) in [(&accepted, false), (&changed, true)] {
        let found = decided(Purpose::Update, Some(&refused), Some(other));
        let expected = Err(Refusal::LoginRefused { user: "payment".to_owned() });
        assert_eq!(found == expected, writes, "{found:?}");
    }
}

#[test]
fn only_what_exists_is_changed_by_a_plan_that_does_something() -> Result<(), Refusal> {
    let kept = account(&["ours", "reporting"], true);
    let plans = decided(Purpose::Create, Some(&kept), Some(&kept))?;
    assert!(plans.iter().all(UserPlan::is_nothing));
    let created = decided(Purpose::Create, None, None)?;
    assert!(created.iter().all(|plan| !plan.is_nothing() && !plan.changes_an_existing_user()), "{created:?}");
    Ok(())
}

#[test]
fn tags_are_written_once_even_if_the_broker_keeps_no_mark() -> Result<(), Refusal> {
    let settled = |logs_in| Account { is_settled: true, ..account(&[], logs_in) };
    for (logs_in, expected) in [(true, Login::Keep), (false, Login::SetCurrent)] {
        let plans = decided(Purpose::Update, Some(&settled(logs_in)), Some(&settled(false)))?;
        let logins: Vec<Login> = plans.iter().map(|plan| plan.login).collect();
        assert_eq!(logins, [expected, Login::Keep], "{logs_in}");
    }
    Ok(())
}

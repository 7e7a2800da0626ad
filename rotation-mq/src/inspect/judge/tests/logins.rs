//! Logins, and whose the users are.

use super::*;

#[test]
fn logins_follow_the_table() {
    type Change = fn(&mut Facts);
    let table: [(&str, Change, &[&str]); 13] = [
        ("current refused", |f| refuse(f, 0, Credentials::Current), &["current.login_refused"]),
        ("previous refused: it was revoked", |f| refuse(f, 1, Credentials::Checked), &[]),
        (
            "the user is missing",
            |f| {
                refuse(f, 0, Credentials::Current);
                f.users[0].account = Account::Missing;
            },
            &["current.user_missing"],
        ),
        (
            "a pending version that waits for setSecret",
            |f| {
                f.versions.insert(1, pending(60_000));
                refuse(f, 1, Credentials::Pending);
            },
            &[],
        ),
        (
            "a pending version that is left over",
            |f| {
                f.versions.insert(1, pending(HOUR));
                refuse(f, 1, Credentials::Pending);
            },
            &["pending.login_refused"],
        ),
        (
            "AWSPENDING still on the current version",
            |f| f.versions[0].stages.push(AWSPENDING.to_owned()),
            &[],
        ),
        (
            "single, between setSecret and finishSecret",
            |f| {
                f.strategy = Some(Strategy::Single);
                f.versions.insert(1, pending(60_000));
                refuse(f, 0, Credentials::Current);
            },
            &[],
        ),
        (
            "single, and setSecret was an hour ago",
            |f| {
                f.strategy = Some(Strategy::Single);
                f.versions.insert(1, pending(HOUR));
                refuse(f, 0, Credentials::Current);
            },
            &["current.login_refused"],
        ),
        (
            "alternating: nothing makes the current login fail",
            |f| {
                f.versions.insert(1, pending(60_000));
                refuse(f, 0, Credentials::Current);
            },
            &["current.login_refused"],
        ),
        (
            "no answer, told once",
            |f| {
                f.versions.insert(1, pending(60_000));
                for version in &mut f.versions {
                    version.login = Login::Unknown;
                    version.problem = version.user.as_deref().map(silent);
                }
            },
            &["broker.unreachable"],
        ),
        (
            "an administrator whose own login is refused",
            |f| {
                f.is_own_admin = true;
                refuse(f, 0, Credentials::Current);
                let kind = Kind::AdminLoginRefused;
                f.problems.push(found(kind, "the same login"));
            },
            &["current.login_refused"],
        ),
        (
            "a value with a near miss logs in, and is told",
            |f| f.versions[0].unreadable = Some(found(Kind::SecretInvalid, "`UserName`")),
            &["secret.invalid"],
        ),
        (
            "an unreadable value of before matters to nobody",
            |f| f.versions[1].unreadable = Some(found(Kind::SecretInvalid, "`UserName`")),
            &[],
        ),
    ];
    for (what, change, expected) in table {
        let inspection = with(change);
        assert_eq!(kinds(&inspection), expected, "{what}: {:?}", inspection.findings);
    }
}

#[test]
fn whose_a_user_is_follows_the_table() {
    let mark = Mark::of(ARN).to_string();
    let (marked, foreign, unmarked) = (grants(&[&mark]), grants(&[FOREIGN]), grants(&[]));
    for (account, has_proof, expected, of_next, of_active) in [
        (Account::Exists(marked.clone()), None, Owner::ThisSecret, false, false),
        (Account::Exists(marked), Some(false), Owner::ThisSecret, false, false),
        (Account::Exists(foreign), Some(true), Owner::AnotherSecret, true, true),
        (Account::Exists(unmarked.clone()), Some(true), Owner::ThisSecret, false, false),
        (Account::Exists(unmarked.clone()), Some(false), Owner::Nobody, true, false),
        (Account::Exists(unmarked), None, Owner::Unknown, false, false),
        (Account::Missing, None, Owner::Unknown, false, false),
        (Account::Unknown, None, Owner::Unknown, false, false),
    ] {
        for (index, taken) in [(1, of_next), (0, of_active)] {
            let inspection = with(|facts| {
                (facts.users[index].account, facts.users[index].has_proof) = (account.clone(), has_proof);
            });
            assert_eq!(inspection.users[index].owner, expected, "{account:?} {has_proof:?}");
            let is_taken = kinds(&inspection).contains(&"pair.taken");
            assert_eq!(is_taken, taken, "{account:?} {has_proof:?} {index}: {:?}", inspection.findings);
        }
    }
}

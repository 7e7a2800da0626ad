//! What CloudFormation sends in its operations and their rollbacks (`testbed/aws/CONTRACT.md`, rows K2 and K5 to K8), and
//! which Delete removes users.

use super::*;

/// What the function finds and does.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// Neither user of the pair existed.
    New,
    /// A user of the pair existed, and belongs to the secret.
    Existed,
    /// It failed, and nothing is left of it.
    Failed,
    /// It failed, and the user that it created is left.
    Left,
    /// It is a deletion.
    Deleted,
}

use Outcome::{Deleted, Existed, Failed, Left, New};

/// A request: its type, the users of its new and its old properties, its id, and what the function finds. Then: what the
/// function does, and the id that it answers.
type Step = (&'static str, &'static str, &'static str, &'static str, Outcome, &'static str, &'static str);

fn done(step: Step) -> Result<(&'static str, String), EventError> {
    let (kind, new, old, id, outcome, ..) = step;
    let old = if old.is_empty() { Value::Null } else { properties(old, "AbCdEf") };
    let changes = json!({
        "ResourceProperties": properties(new, "AbCdEf"), "OldResourceProperties": old, "PhysicalResourceId": id,
    });
    let request = parse(&event(kind, &changes), None)?;
    let envelope = request.envelope.ok_or(EventError::UnknownForm)?;
    let (what, user) = match request.work? {
        Work::Ensure { wanted, purpose: Purpose::Create, .. } => ("creates", wanted.identity.physical_id()),
        Work::Ensure { wanted, purpose: Purpose::Update, .. } => ("updates", wanted.identity.physical_id()),
        Work::Delete { id: Id::Ours, .. } => ("deletes", String::new()),
        Work::Delete { id: Id::MadeUp, .. } => ("deletes new ones", String::new()),
        Work::Nothing { .. } => ("keeps", String::new()),
    };
    let answered = match outcome {
        New => envelope.id_of_a_success(&user, false),
        Existed => envelope.id_of_a_success(&user, true),
        Failed | Deleted => envelope.id_of_a_failure(false),
        Left => envelope.id_of_a_failure(true),
    };
    Ok((what, answered))
}

#[test]
fn no_sequence_of_requests_deletes_a_user_that_an_application_uses() -> Result<(), EventError> {
    let sequences: [(&str, &[Step]); 9] = [
        (
            "a Create fails",
            &[
                ("Create", "payment", "", "", Failed, "creates", "none/4711"),
                ("Delete", "payment", "", "none/4711", Deleted, "keeps", "none/4711"),
            ],
        ),
        (
            "a Create fails and leaves its user",
            &[
                ("Create", "payment", "", "", Left, "creates", "unfinished-4711"),
                ("Delete", "payment", "", "unfinished-4711", Deleted, "deletes new ones", "unfinished-4711"),
            ],
        ),
        (
            "a Create is cancelled, or gets no answer",
            &[("Delete", "payment", "", "shop-User-1A", Deleted, "deletes new ones", "shop-User-1A")],
        ),
        (
            "a user is created, and a later resource fails",
            &[
                ("Create", "payment", "", "", New, "creates", "b-1/payment"),
                ("Delete", "payment", "", "b-1/payment", Deleted, "deletes", "b-1/payment"),
            ],
        ),
        (
            "a stack takes over the users of a secret that exists, and a later resource fails",
            &[
                ("Create", "payment", "", "", Existed, "creates", "existing:b-1/payment"),
                ("Delete", "payment", "", "existing:b-1/payment", Deleted, "keeps", "existing:b-1/payment"),
            ],
        ),
        (
            "an update and its rollback keep the id, whether the first one succeeded or failed",
            &[
                ("Update", "payment", "payment", "b-1/payment", Existed, "updates", "b-1/payment"),
                ("Update", "payment", "payment", "b-1/payment", Failed, "updates", "b-1/payment"),
                (
                    "Update",
                    "payment",
                    "payment",
                    "existing:b-1/payment",
                    Existed,
                    "updates",
                    "existing:b-1/payment",
                ),
                ("Update", "payment", "payment", "b-1/payment", New, "updates", "b-1/payment"),
            ],
        ),
        (
            "a user is replaced by a new one, and a later resource fails",
            &[
                ("Update", "order", "payment", "b-1/payment", New, "creates", "b-1/order"),
                ("Update", "payment", "order", "b-1/order", Existed, "creates", "existing:b-1/payment"),
                ("Delete", "order", "", "b-1/order", Deleted, "deletes", "b-1/order"),
            ],
        ),
        (
            "a user is replaced by one that exists, and a later resource fails",
            &[
                ("Update", "order", "payment", "b-1/payment", Existed, "creates", "existing:b-1/order"),
                (
                    "Update",
                    "payment",
                    "order",
                    "existing:b-1/order",
                    Existed,
                    "creates",
                    "existing:b-1/payment",
                ),
                ("Delete", "order", "", "existing:b-1/order", Deleted, "keeps", "existing:b-1/order"),
            ],
        ),
        (
            "the replacement itself fails",
            &[
                ("Update", "order", "payment", "b-1/payment", Failed, "creates", "b-1/payment"),
                ("Update", "payment", "order", "b-1/payment", Existed, "updates", "b-1/payment"),
            ],
        ),
    ];
    for (what, steps) in sequences {
        for step in steps {
            let (.., does, answers) = *step;
            assert_eq!(done(*step)?, (does, answers.to_owned()), "{what}: {step:?}");
        }
    }
    Ok(())
}

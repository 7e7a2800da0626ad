//! What can happen next, each as a sentence.

use std::fmt;

use super::delivery::{self, Delivery};
use super::invocation::{At, Invocation, Work};
use super::people::ByHand;
use super::world::{Hypothesis, Id};
use crate::suite::name;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The schedule, or a person, starts a rotation.
    Rotate,
    /// Secrets Manager invokes the next step.
    Invoke,
    /// It tries again with the same token.
    Again,
    /// It tries again with a new token.
    AgainWithNewToken,
    /// It does not try again.
    GiveUp,
    /// It waits for a step no longer. The step goes on.
    StopWaiting,
    /// The rotation ends. AWSPENDING stays attached or is removed.
    End {
        /// Whether it stays attached.
        kept: bool,
    },
    /// A step is invoked twice, or late.
    Extra(Work, Id),
    /// An invocation makes its next effect.
    Advance(Invocation),
    /// An invocation is killed, its answer is lost, or its call fails.
    Kill(Invocation),
    /// A delivery begins.
    StartDelivery,
    /// A delivery makes its next effect.
    Deliver(Delivery),
    /// A delivery is killed or gives up.
    KillDelivery(Delivery),
    /// The operator reads the object and the secret.
    SyncReads,
    /// The operator writes the Kubernetes Secret.
    SyncWrites,
    /// A person acts.
    Person(ByHand),
    /// Nothing goes wrong any more.
    Calm(Hypothesis),
    /// A person follows the playbook for a failure that no retry ends.
    Playbook(ByHand),
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotate => {
                formatter.write_str("Secrets Manager starts a rotation: a new version is AWSPENDING")
            }
            Self::Invoke => formatter.write_str("Secrets Manager invokes the next step"),
            Self::Again => formatter.write_str("Secrets Manager begins again, with the same token"),
            Self::AgainWithNewToken => formatter.write_str(
                "Secrets Manager begins again, with a new token: AWSPENDING moves to a new version",
            ),
            Self::GiveUp => formatter.write_str("Secrets Manager does not try again"),
            Self::StopWaiting => {
                formatter.write_str("Secrets Manager waits for the step no longer, and the step goes on")
            }
            Self::End { kept: true } => {
                formatter.write_str("the rotation has succeeded, and AWSPENDING stays attached")
            }
            Self::End { kept: false } => {
                formatter.write_str("the rotation has succeeded, and AWSPENDING is removed")
            }
            Self::Extra(work, id) => {
                write!(
                    formatter,
                    "{} of {} is invoked once more, while nobody waits for it, reads and decides",
                    work.as_str(),
                    name(*id)
                )
            }
            Self::Advance(invocation) => write!(formatter, "{invocation}"),
            Self::Kill(invocation) => write!(
                formatter,
                "{} of {} is killed, or a call fails or loses its answer, before: {}",
                invocation.work.as_str(),
                name(invocation.version),
                invocation.at
            ),
            Self::StartDelivery => formatter.write_str("secret2eks is invoked"),
            Self::Deliver(delivery) => {
                write!(formatter, "secret2eks {}", delivery.at.words(delivery.version))
            }
            Self::KillDelivery(delivery) => {
                write!(formatter, "secret2eks is killed, before it {}", delivery.at.words(delivery.version))
            }
            Self::SyncReads => formatter.write_str("the operator reads the ExternalSecret and AWSCURRENT"),
            Self::SyncWrites => formatter.write_str("the operator writes the Kubernetes Secret"),
            Self::Person(by_hand) => write!(formatter, "a person {by_hand}"),
            Self::Calm(hypothesis) => {
                let then = match hypothesis {
                    Hypothesis::SameToken => "Secrets Manager tries again with the same token",
                    Hypothesis::NewToken => "Secrets Manager tries again with a new token",
                    Hypothesis::None => {
                        "Secrets Manager does not try again, and a person follows the playbook"
                    }
                };
                write!(formatter, "from now on nothing goes wrong, and after a failure {then}")
            }
            Self::Playbook(by_hand) => write!(formatter, "a person follows the playbook and {by_hand}"),
        }
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.awaited || self.work == Work::Revoke { "" } else { " (nobody waits for it)" };
        write!(formatter, "{} of {}{whose} {}", self.work.as_str(), name(self.version), self.at)
    }
}

impl fmt::Display for At {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => formatter.write_str("reads and decides"),
            Self::Store(login) => write!(formatter, "stores a value for `{}`", login.user.name()),
            Self::ReadAgain => formatter.write_str("reads the value that another call has stored"),
            Self::Pin(..) => formatter.write_str("writes the tag with the pair"),
            Self::Remove(_) => formatter.write_str("removes permissions that the active user does not have"),
            Self::Password(_) => formatter.write_str("sets the password"),
            Self::Grant(_) => formatter.write_str("makes the other changes of permissions"),
            Self::LookAgain(_) => formatter.write_str("looks whether its write was right"),
            Self::Restore(id, _) => write!(formatter, "restores the password of {}", name(*id)),
            Self::Promote(from, _) => write!(formatter, "moves AWSCURRENT from {}", name(*from)),
            Self::Request => formatter.write_str("requests the delivery"),
            Self::Scramble(_) => formatter.write_str("makes the password random"),
            Self::Watch(..) => formatter.write_str("looks whether a rotation has taken the user"),
            Self::Restored(id, _) | Self::GivenBack(id, ..) => {
                write!(formatter, "looks whether {} is still in use", name(*id))
            }
            Self::GiveBack(id, ..) => write!(formatter, "gives the user the password of {}", name(*id)),
        }
    }
}

impl delivery::At {
    fn words(self, version: Id) -> String {
        match self {
            Self::Describe => "looks up which version is current".to_owned(),
            Self::Compare => format!("compares the ExternalSecret, for {}", name(version)),
            Self::Write(..) => format!("writes the ExternalSecret, for {}", name(version)),
            Self::Ask(_) | Self::Prove(_) => format!("requests another sync, for {}", name(version)),
            Self::Wait(_) => format!("waits for the operator, for {}", name(version)),
            Self::LookAgain(_) => format!("looks whether {} is still current", name(version)),
            Self::Receipt => format!("writes the receipt of {}", name(version)),
        }
    }
}

impl fmt::Display for ByHand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RollBack => formatter.write_str("moves AWSCURRENT back to AWSPREVIOUS"),
            Self::StoreRight => formatter.write_str("changes the password on the broker and stores it"),
            Self::StoreWrong => formatter.write_str("stores a value that does not log in"),
            Self::StoreStrangers => {
                formatter.write_str("stores the credentials of another application's user")
            }
            Self::Revoke(id) => write!(formatter, "revokes {}: revokePrevious reads and decides", name(*id)),
            Self::Cancel => formatter.write_str("cancels the rotation"),
            Self::RemovePending => formatter.write_str("removes AWSPENDING"),
            Self::PutRight => formatter.write_str("gives the user of AWSCURRENT the stored password"),
            Self::Permit => formatter.write_str("gives the user of AWSCURRENT its permission"),
            Self::Adopt => formatter.write_str("adopts the user"),
            Self::Pin => formatter.write_str("sets the tag with the pair"),
        }
    }
}

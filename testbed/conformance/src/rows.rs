//! The rows of `CONTRACT.md`: how each is asked, by whom it can be answered, and which are not built.

pub mod asynchronous;
pub mod cancellation;
pub mod endpoints;
pub mod events;
pub mod labels;
pub mod metadata;
pub mod permissions;
pub mod policies;
pub mod refusals;
pub mod rotation;
pub mod stacks;
pub mod test_rotation;
pub mod values;

use std::pin::Pin;

use anyhow::Result;

use crate::target::{Judge, Target};
use crate::verdict::Verdict;

/// The future of one row.
pub type Played<'t> = Pin<Box<dyn Future<Output = Result<Verdict>> + 't>>;

/// How a row is proved.
#[derive(Clone, Copy)]
pub enum Proof {
    /// By these judges, with this function.
    Asked(&'static [Judge], for<'t> fn(&'t Target) -> Played<'t>),
    /// As [`Proof::Asked`], after all other rows: it uses up a quota.
    Last(&'static [Judge], for<'t> fn(&'t Target) -> Played<'t>),
    /// A day later, by `--collect`, in an account only.
    Collected,
    /// The testbed's own: AWS has no such thing.
    Own,
    /// Not built, and why.
    NotBuilt(&'static str),
}

/// One row.
#[derive(Clone, Copy)]
pub struct Row {
    /// Such as `V1`.
    pub id: &'static str,
    /// How it is proved.
    pub proof: Proof,
}

const ALL: &[Judge] = &[Judge::Account, Judge::Emulator, Judge::Moto];
/// Functions, events, IAM and CloudFormation: moto's server is installed for Secrets Manager only.
const WITH_PROBE: &[Judge] = &[Judge::Account, Judge::Emulator];
const ACCOUNT: &[Judge] = &[Judge::Account];

macro_rules! asked {
    ($id:literal, $judges:expr, $play:path) => {
        Row { id: $id, proof: Proof::Asked($judges, |target| Box::pin($play(target))) }
    };
}

macro_rules! unasked {
    ($proof:expr; $($id:literal),+) => { [$(Row { id: $id, proof: $proof }),+] };
}

/// Rows that are asked while others are.
const ASKED: &[Row] = &[
    asked!("V1", ALL, values::v1),
    asked!("V2", ALL, values::v2),
    asked!("V3", ALL, values::v3),
    asked!("V4", ALL, values::v4),
    asked!("V5", ALL, values::v5),
    asked!("V6", ALL, values::v6),
    asked!("V7", WITH_PROBE, values::v7),
    asked!("V8", ALL, values::v8),
    asked!("L1", ALL, labels::l1),
    asked!("L2", ALL, labels::l2),
    asked!("L3", ALL, labels::l3),
    asked!("L4", ALL, labels::l4),
    asked!("L5", ALL, labels::l5),
    asked!("R1", WITH_PROBE, rotation::r1),
    asked!("R2", WITH_PROBE, rotation::r2),
    asked!("R3", WITH_PROBE, rotation::r3),
    asked!("R4", WITH_PROBE, rotation::r4),
    asked!("R5", WITH_PROBE, rotation::r5),
    asked!("R6", WITH_PROBE, refusals::r6),
    asked!("R7", WITH_PROBE, refusals::r7),
    asked!("R8", WITH_PROBE, refusals::r8),
    asked!("R9", WITH_PROBE, rotation::r9),
    asked!("R10", WITH_PROBE, events::r10),
    asked!("R11", WITH_PROBE, rotation::r11),
    asked!("R12", WITH_PROBE, events::r12),
    asked!("R13", WITH_PROBE, events::r13),
    asked!("R14", ACCOUNT, events::r14),
    asked!("T1", WITH_PROBE, test_rotation::t1),
    asked!("T2", WITH_PROBE, test_rotation::t2),
    asked!("C1", WITH_PROBE, cancellation::c1),
    asked!("C2", WITH_PROBE, cancellation::c2),
    asked!("C3", ALL, cancellation::c3),
    asked!("D1", WITH_PROBE, metadata::d1),
    asked!("D2", WITH_PROBE, metadata::d2),
    asked!("D3", WITH_PROBE, metadata::d3),
    asked!("D4", WITH_PROBE, metadata::d4),
    asked!("D5", ALL, metadata::d5),
    asked!("I1", WITH_PROBE, permissions::i1),
    asked!("I2", WITH_PROBE, permissions::i2),
    asked!("I3", WITH_PROBE, permissions::i3),
    asked!("I4", WITH_PROBE, permissions::i4),
    asked!("I5", WITH_PROBE, permissions::i5),
    asked!("I7", WITH_PROBE, permissions::i7),
    asked!("I8", WITH_PROBE, policies::i8),
    asked!("I9", WITH_PROBE, policies::i9),
    asked!("I10", WITH_PROBE, policies::i10),
    asked!("I11", WITH_PROBE, policies::i11),
    asked!("A1", WITH_PROBE, asynchronous::a1),
    asked!("A2", WITH_PROBE, asynchronous::a2),
    asked!("A3", WITH_PROBE, asynchronous::a3),
    asked!("A5", WITH_PROBE, asynchronous::a5),
    asked!("E1", WITH_PROBE, endpoints::e1),
    asked!("E2", ACCOUNT, endpoints::e2),
    asked!("F1", WITH_PROBE, stacks::f1),
    asked!("F2", &[Judge::Emulator], stacks::f2),
    asked!("F3", WITH_PROBE, stacks::f3),
    asked!("F5", WITH_PROBE, stacks::f5),
    asked!("F7", WITH_PROBE, stacks::f7),
    Row { id: "E5", proof: Proof::Last(WITH_PROBE, |target| Box::pin(endpoints::e5(target))) },
];

/// All rows.
#[must_use]
pub fn all() -> Vec<Row> {
    let quotas = "it would use up the account's quota, which others need";
    let custom = "the probe answers no request of CloudFormation";
    let mut rows = ASKED.to_vec();
    rows.extend(unasked!(Proof::Collected; "H1", "H2", "H3", "H4", "H5", "H6"));
    rows.extend(unasked!(Proof::Own; "H7", "H8", "A4", "A6", "A7", "Q3", "Q4", "Q5"));
    rows.extend(unasked!(Proof::NotBuilt(quotas); "Q1", "Q2"));
    rows.extend(unasked!(Proof::NotBuilt(custom); "K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K9"));
    rows.extend(unasked!(Proof::NotBuilt("it needs a service account of a cluster"); "I6", "E4"));
    rows.extend(unasked!(Proof::NotBuilt("it would change a cluster"); "E3", "F4"));
    rows.extend(unasked!(Proof::NotBuilt("three stacks that fail"); "F6"));
    rows.extend(unasked!(Proof::NotBuilt("the events of calls need a rule of this run"); "B1", "B2", "B3", "B4", "B5", "B6", "B7"));
    rows.extend(unasked!(Proof::NotBuilt("it needs a role for each resource"); "I12"));
    rows.extend(unasked!(Proof::NotBuilt("it would wait for events that must not come"); "I13", "I14"));
    rows
}

impl Row {
    /// Whether this judge is asked.
    #[must_use]
    pub fn is_for(&self, judge: Judge) -> bool {
        matches!(self.proof, Proof::Asked(judges, _) | Proof::Last(judges, _) if judges.contains(&judge))
    }

    /// Whether it is asked after all others.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self.proof, Proof::Last(..))
    }

    /// Asks the judge of the target. A row that has no question for it is undecided.
    pub async fn ask(&self, target: &Target) -> Verdict {
        match self.proof {
            Proof::Asked(_, play) | Proof::Last(_, play) => Verdict::of(play(target).await),
            Proof::Collected | Proof::Own | Proof::NotBuilt(_) => Verdict::Unknown("it was not asked".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract;

    #[test]
    fn every_row_of_the_contract_is_asked_or_its_absence_is_said() {
        let rows = all();
        let known: BTreeSet<&str> = rows.iter().map(|row| row.id).collect();
        assert_eq!(known.len(), rows.len(), "a row is there twice");
        let contract: BTreeSet<String> = contract::rows().into_iter().map(|row| row.id).collect();
        assert_eq!(known, contract.iter().map(String::as_str).collect(), "left: here, right: CONTRACT.md");
    }
}

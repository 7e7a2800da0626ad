//! The model of a rotation: Secrets Manager, the broker, the cluster, and the people.

pub mod action;
mod beginning;
pub mod calm;
pub mod delivery;
pub mod exception;
mod finish;
pub mod invocation;
pub mod limits;
pub mod people;
mod revoke;
pub mod scenario;
pub mod secret;
mod secrets_manager;
mod steps;
mod troubles;
pub mod world;

use stateright::{Model, Property};

use self::action::Action;
use self::delivery::Delivery;
use self::exception::{of_cluster, of_current, of_pending};
use self::invocation::{At, Invocation, Next, Work};
use self::people::ByHand;
use self::scenario::Scenario;
use self::world::{Id, World, Writer, ids};
use crate::checking::Checked;
use crate::mutation::Mutation;
use crate::suite::rotation::Changes;

/// The model, for one scenario.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Where it begins, and what may go wrong.
    pub scenario: Scenario,
    /// A rule that is broken.
    pub broken: Option<Mutation>,
}

impl Model for Rotation {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        self.scenario.worlds()
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        match world.calm {
            Some(calm) => actions.extend(calm::next(world, calm)),
            None => self.troubles(world, actions),
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = *before;
        self.happen(&mut world, action)?;
        if world.secret.current != before.secret.current {
            for delivery in world.deliveries.iter_mut().flatten() {
                delivery.overtaken = true;
            }
        }
        end_exceptions(&mut world);
        world.sort();
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("AWSCURRENT logs in", |_, world| of_current(world).holds()),
            Property::<Self>::always("what the cluster holds logs in", |_, world| of_cluster(world).holds()),
            Property::<Self>::always("nobody else's user is written", |_, world| !world.wrote_theirs),
            Property::<Self>::always("this secret's own user is never refused", |_, world| {
                !world.refused_ours
            }),
            Property::<Self>::always("a user never has more than the active one", |_, world| {
                of_pending(world).holds()
            }),
        ]
    }

    fn format_action(&self, action: &Action) -> String {
        action.to_string()
    }
}

impl Checked for Rotation {
    const PROMISE: &'static str = "every run can still reach a finished rotation";

    fn must_reach(&self, world: &World) -> bool {
        world.calm.is_some()
    }

    fn is_goal(&self, world: &World) -> bool {
        world.calm.is_some_and(|calm| calm::is_finished(world, calm))
    }

    fn exceptions(&self, world: &World) -> Vec<&'static str> {
        let verdicts = [of_current(world), of_cluster(world), of_pending(world)];
        let mut names: Vec<_> = verdicts.into_iter().filter_map(exception::Verdict::name).collect();
        names.dedup();
        names
    }
}

impl Rotation {
    fn happen(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Rotate | Action::AgainWithNewToken => {
                calm::make_room(world);
                calm::count_attempt(world);
                world.budget.tokens = world.budget.tokens.saturating_sub(1);
                secrets_manager::begin(world)
            }
            Action::Invoke => secrets_manager::invoke(world),
            Action::Again => {
                calm::count_attempt(world);
                world.budget.again = world.budget.again.saturating_sub(1);
                secrets_manager::again(world)
            }
            Action::GiveUp => {
                world.attempt = None;
                Some(())
            }
            Action::StopWaiting => {
                world.budget.faults -= 1;
                secrets_manager::abandon(world);
                Some(())
            }
            Action::End { kept } => secrets_manager::end(world, kept),
            Action::Extra(work, version) => {
                self.begin_at_once(world, work, version)?;
                world.budget.extra -= 1;
                Some(())
            }
            Action::Advance(invocation) => self.advance(world, invocation),
            Action::Kill(invocation) => kill(world, invocation),
            Action::StartDelivery => {
                let place = world.deliveries.iter_mut().find(|place| place.is_none())?;
                *place = Some(Delivery::invoked());
                world.requested = false;
                Some(())
            }
            Action::Deliver(delivery) => {
                let at = world.deliveries.iter().position(|other| *other == Some(delivery))?;
                let next = delivery.advance(world, self.broken);
                *world.deliveries.get_mut(at)? = next;
                Some(())
            }
            Action::KillDelivery(delivery) => {
                world.budget.faults = world.budget.faults.saturating_sub(1);
                *world.deliveries.iter_mut().find(|other| **other == Some(delivery))? = None;
                Some(())
            }
            Action::SyncReads => {
                delivery::read_for_sync(world);
                Some(())
            }
            Action::SyncWrites => {
                delivery::write_sync(world);
                Some(())
            }
            Action::Person(ByHand::Revoke(version)) => {
                self.begin_at_once(world, Work::Revoke, version)?;
                world.budget.people -= 1;
                Some(())
            }
            Action::Person(by_hand) => {
                world.budget.people -= 1;
                by_hand.act(world)
            }
            Action::Calm(hypothesis) => {
                calm::begin(world, hypothesis);
                Some(())
            }
            Action::Playbook(by_hand) => {
                calm::count_person(world);
                by_hand.act(world)
            }
        }
    }

    /// An invocation that nobody waits for begins. Until it reads, it has no effect, so it reads at once. None if it ends
    /// with that and changes nothing.
    fn begin_at_once(&self, world: &mut World, work: Work, version: Id) -> Option<()> {
        let before = *world;
        let invocation = Invocation { work, version, awaited: false, at: At::Start };
        world.invoke(invocation).then_some(())?;
        self.advance(world, invocation)?;
        (*world != before).then_some(())
    }

    fn advance(&self, world: &mut World, invocation: Invocation) -> Option<()> {
        let at = world.invocations.iter().position(|other| *other == Some(invocation))?;
        let next = steps::advance(world, invocation, self.broken);
        let place = world.invocations.get_mut(at)?;
        *place = match next {
            Next::At(at) => Some(Invocation { at, ..invocation }),
            Next::Done | Next::Failed(_) => None,
        };
        if invocation.awaited && !matches!(next, Next::At(_)) {
            secrets_manager::answered(world, next);
        }
        Some(())
    }
}

/// A kill, a lost answer or a failed call: the invocation has made its last effect.
fn kill(world: &mut World, invocation: Invocation) -> Option<()> {
    world.budget.faults -= 1;
    *world.invocations.iter_mut().find(|other| **other == Some(invocation))? = None;
    let looks_again = matches!(
        invocation.at,
        At::LookAgain(_)
            | At::Restore(..)
            | At::Restored(..)
            | At::Watch(..)
            | At::GiveBack(..)
            | At::GivenBack(..)
            | At::Grant(Changes { password: true, .. })
    );
    if let Some(login) = world.secret.login(invocation.version).filter(|_| looks_again) {
        world.change(login.user, |account| {
            account.writer = match account.writer {
                Writer::LateStep if invocation.work == Work::Set => Writer::LateStepKilled,
                Writer::Revocation(_) if invocation.work == Work::Revoke => Writer::RevocationKilled,
                other => other,
            };
        });
    }
    if invocation.awaited {
        secrets_manager::abandon(world);
    }
    Some(())
}

/// Removes the exception of each version that logs in again.
fn end_exceptions(world: &mut World) {
    for id in ids() {
        let bit = 1_u16 << id;
        if (world.secret.wrong_by_hand | world.secret.late) & bit != 0 && world.works(id) {
            world.secret.wrong_by_hand &= !bit;
            world.secret.late &= !bit;
        }
    }
}

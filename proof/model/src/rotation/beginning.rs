//! The worlds in which a scenario begins.

use super::world::{
    Account, Annotations, Budget, Cluster, EXTRA, Login, Mark, NEEDED, STRANGE, Secret, User, VERSIONS,
    Version, World, Writer,
};

fn login(user: User, password: u8) -> Login {
    Login { user, password }
}

fn account(password: u8, mark: Mark, permissions: u8) -> Option<Account> {
    Some(Account { password, mark, permissions, is_theirs: false, writer: Writer::Rotation })
}

fn theirs(mark: Mark) -> Option<Account> {
    Some(Account { password: STRANGE, mark, permissions: NEEDED, is_theirs: true, writer: Writer::Rotation })
}

/// One version, one user without a mark, nothing of the suite yet.
fn first() -> World {
    let mut versions = [Version::Absent; VERSIONS];
    versions[0] = Version::Holds(login(User::First, 0));
    World {
        secret: Secret {
            versions,
            current: 0,
            previous: None,
            pending: None,
            enabled: true,
            pin: None,
            routed: false,
            receipt: None,
            single: false,
            wrong_by_hand: 0,
            late: 0,
            is_receipt_late: false,
        },
        broker: [account(0, Mark::None, NEEDED), None, None, None],
        cluster: Cluster { object: None, synced: None, holds: None, syncing: None },
        attempt: None,
        invocations: [None; 3],
        deliveries: [None; 2],
        requested: false,
        budget: Budget { faults: 0, extra: 0, again: 0, tokens: 0, people: 0 },
        calm: None,
        wrote_theirs: false,
        refused_ours: false,
    }
}

/// Two turns have passed: both users have the mark, and the next turn is that of `payment`.
fn steady() -> World {
    let mut world = first();
    world.secret.versions[1] = Version::Holds(login(User::Second, 1));
    (world.secret.current, world.secret.previous, world.secret.pin) = (1, Some(0), Some(User::First));
    world.broker = [account(0, Mark::Ours, NEEDED), account(1, Mark::Ours, NEEDED), None, None];
    world
}

/// As [`steady`], and a person has given each user other permissions.
fn unequal() -> World {
    let mut world = steady();
    world.broker = [account(0, Mark::Ours, EXTRA), account(1, Mark::Ours, NEEDED), None, None];
    world
}

/// As [`steady`], before there were marks and the pin.
fn unmarked() -> World {
    let mut world = steady();
    world.secret.pin = None;
    world.broker = [account(0, Mark::None, NEEDED), account(1, Mark::None, NEEDED), None, None];
    world
}

/// Without a delivery: before the first rotation, after two turns, with unequal permissions, and before there were marks.
pub fn undelivered() -> Vec<World> {
    vec![first(), steady(), unequal(), unmarked()]
}

/// Users of other applications and of other secrets.
pub fn strangers() -> Vec<World> {
    let mut worlds = Vec::new();
    // The name of the second user is another application's, or another secret's.
    for mark in [Mark::None, Mark::Theirs] {
        let mut world = first();
        world.broker[User::Second as usize] = theirs(mark);
        worlds.push(world);
    }
    // Another application on the same broker, whose credentials a person may store here.
    for mut world in [first(), steady()] {
        world.broker[User::Stranger as usize] = theirs(Mark::None);
        worlds.push(world);
    }
    // Somebody has deleted the user of AWSPREVIOUS, and another application has made one with its name.
    let mut replaced = steady();
    replaced.broker[User::First as usize] = theirs(Mark::None);
    worlds.push(replaced);
    // The value names another application's user from the beginning.
    let mut copy = first();
    copy.secret.versions[0] = Version::Holds(login(User::Stranger, STRANGE));
    copy.broker = [None, None, theirs(Mark::Theirs), None];
    worlds.push(copy);
    worlds
}

/// With a delivery: before the first rotation, and after two turns.
pub fn delivered() -> Vec<World> {
    [first(), steady()].into_iter().flat_map(|world| [synced(world), requested(world)]).collect()
}

/// With a delivery, after two turns.
pub fn delivered_pair() -> Vec<World> {
    vec![synced(steady()), requested(steady())]
}

/// As [`delivered_pair`], and the delivery has ended.
pub fn settled_pair() -> Vec<World> {
    vec![synced(steady())]
}

/// The cluster has the current version.
fn synced(mut world: World) -> World {
    let current = world.secret.current;
    let object = Some(Annotations { version: current, request: 0, writes: 1 });
    (world.secret.routed, world.secret.receipt) = (true, Some(current));
    world.cluster = Cluster { object, synced: object, holds: Some(current), syncing: None };
    world
}

/// The tags were set a moment ago, and nothing was delivered yet.
fn requested(mut world: World) -> World {
    (world.secret.routed, world.requested) = (true, true);
    world
}

/// With one user.
pub fn single() -> Vec<World> {
    vec![only_user(first())]
}

/// With one user, and a delivery.
pub fn single_delivery() -> Vec<World> {
    vec![only_user(synced(first()))]
}

fn only_user(world: World) -> World {
    World { secret: Secret { single: true, ..world.secret }, ..world }
}

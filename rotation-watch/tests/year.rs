//! A simulated year, day by day, for secrets of every kind. Owners are notified before a secret is overdue, and nobody is
//! notified of the same finding twice on one day.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contract::{Kind, Tags};
use jiff::{SignedDuration, Timestamp};
use rotation_watch::ages::Ages;
use rotation_watch::telling::{Letter, Seen, plan};
use rotation_watch::watched::{Memory, Secret, Version};
use rotation_watch::wording;

const DAYS: i64 = 365;
const DUE_WITHIN_DAYS: i64 = 7;
const SECRETS: usize = 270;
/// The longest time that a schedule fails to run, for example because a role was broken over a weekend.
const LONGEST_OUTAGE_DAYS: u64 = 5;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

/// How the people of a secret, or its schedule, behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Replaced as soon as it is due.
    Punctual,
    /// Replaced some time after it is overdue.
    Late,
    /// Never replaced.
    Forgotten,
    /// Rotated by Secrets Manager.
    ByItself,
    /// Rotation is on and fails.
    NeverRotated,
    /// A rotation hangs.
    Stuck,
    /// Nobody owns it.
    Unowned,
    /// The cluster does not get it.
    Undelivered,
    /// Secrets Manager does not let the watch see how old it is.
    Unwatched,
}

const HABITS: [Habit; 9] = [
    Habit::Punctual,
    Habit::Late,
    Habit::Forgotten,
    Habit::ByItself,
    Habit::NeverRotated,
    Habit::Stuck,
    Habit::Unowned,
    Habit::Undelivered,
    Habit::Unwatched,
];

fn day(number: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + number * 86_400).unwrap_or_default()
}

struct World {
    secrets: Vec<(Habit, i64, Secret)>,
    memories: HashMap<String, Memory>,
    dice: Dice,
    versions: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self { secrets: Vec::new(), memories: HashMap::new(), dice: Dice(seed), versions: 0 };
        for number in 0..SECRETS {
            let habit = HABITS[number % HABITS.len()];
            let max_age = [30, 60, 90, 180][usize::try_from(world.dice.below(4)).unwrap_or(0)];
            let secret = world.secret(number, habit, max_age);
            world.secrets.push((habit, max_age, secret));
        }
        world
    }

    fn secret(&mut self, number: usize, habit: Habit, max_age: i64) -> Secret {
        let mut tags = Vec::new();
        // Only secrets that rotate have receipts.
        let by_itself = [Habit::ByItself, Habit::NeverRotated, Habit::Stuck, Habit::Undelivered];
        let people = !by_itself.contains(&habit);
        if people {
            tags.push((Tags::MAX_AGE_DAYS.to_owned(), max_age.to_string()));
        }
        if habit != Habit::Unowned {
            tags.push((Tags::OWNER.to_owned(), format!("team-{}", number % 5)));
        }
        if habit == Habit::Undelivered {
            tags.push((Tags::NAMESPACE.to_owned(), "shop".to_owned()));
        }
        Secret {
            arn: format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:s{number}-AbCdEf"),
            name: format!("s{number}"),
            tags: tags.into_iter().collect(),
            rotation_enabled: !people,
            last_rotated: matches!(habit, Habit::ByItself | Habit::Undelivered).then(|| day(0)),
            next_rotation: (!people && habit != Habit::Undelivered).then(|| day(1)),
            created_at: Some(day(0)),
            current: Some(match habit {
                Habit::Unwatched => Version { created_at: None, ..self.version(0) },
                _ => self.version(0),
            }),
            pending: (habit == Habit::Stuck).then(|| self.version(0)),
        }
    }

    fn version(&mut self, today: i64) -> Version {
        self.versions += 1;
        Version { id: format!("v{}", self.versions), created_at: Some(day(today)) }
    }

    /// What people and schedules do on a day.
    fn live(&mut self, today: i64) {
        for index in 0..self.secrets.len() {
            let Some((habit, max_age, secret)) = self.secrets.get(index).cloned() else { continue };
            let made = secret.current.as_ref().and_then(|current| current.created_at).unwrap_or_default();
            let age = day(today).duration_since(made).as_hours() / 24;
            let replaces = match habit {
                Habit::Punctual => age > max_age - DUE_WITHIN_DAYS,
                Habit::Late => age >= max_age && self.dice.below(10) == 0,
                Habit::ByItself => true,
                _ => false,
            };
            if replaces {
                let version = self.version(today);
                if let Some((_, _, secret)) = self.secrets.get_mut(index) {
                    secret.current = Some(version);
                    if habit == Habit::ByItself {
                        secret.last_rotated = Some(day(today));
                        secret.next_rotation = Some(day(today + 1));
                    }
                }
            }
        }
    }

    fn watch(&mut self, now: Timestamp) -> Vec<Letter> {
        let seen = self.secrets.iter().map(|(habit, _, secret)| Seen {
            secret: secret.clone(),
            memory: self.memories.get(&secret.arn).cloned().unwrap_or_default(),
            ages: if *habit == Habit::Unwatched { Ages::Refused } else { Ages::Known },
        });
        let (letters, totals) = plan(seen.collect(), now, SignedDuration::from_hours(24 * DUE_WITHIN_DAYS));
        assert_eq!(totals.watched, SECRETS as u64);
        for memory in letters.iter().flat_map(|letter| &letter.memories) {
            self.memories.insert(memory.arn.clone(), memory.clone());
        }
        letters
    }
}

/// Of which secret and kind an owner was notified, and whether it was an alert of its own.
fn told(letters: &[Letter]) -> Vec<(String, Kind, bool)> {
    let mut told = Vec::new();
    for letter in letters {
        for (entries, at_once) in [(&letter.alone, true), (&letter.digest, false)] {
            told.extend(entries.iter().map(|entry| (entry.name.clone(), entry.finding.kind, at_once)));
        }
    }
    told
}

fn simulate(seed: u64) {
    let mut world = World::new(seed);
    let mut announced: BTreeMap<String, i64> = BTreeMap::new();
    let mut alerted: BTreeSet<(String, String)> = BTreeSet::new();
    let mut ever: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut outage = 0_u64;
    for today in 0..DAYS {
        world.live(today);
        if outage == 0 && world.dice.below(60) == 0 {
            outage = world.dice.below(LONGEST_OUTAGE_DAYS) + 1;
        }
        if outage > 0 {
            outage -= 1;
            continue;
        }
        let morning = told(&world.watch(day(today)));
        let mut twice = BTreeSet::new();
        for (name, kind, at_once) in &morning {
            *ever.entry(*kind).or_default() += 1;
            assert!(
                twice.insert((name.clone(), *kind)),
                "{name} was reported as {kind} twice on day {today}"
            );
            match kind {
                Kind::SecretDue => {
                    announced.insert(name.clone(), today);
                }
                Kind::SecretOverdue => {
                    let secret = world.secrets.iter().find(|(_, _, secret)| secret.name == *name);
                    let (habit, _, secret) = secret.unwrap_or_else(|| panic!("{name} is unknown"));
                    if !secret.rotation_enabled {
                        let before = announced.get(name).is_some_and(|due| *due < today);
                        assert!(
                            before,
                            "{name} ({habit:?}) was overdue on day {today} without having been due"
                        );
                    }
                    let version = secret.current.as_ref().map(|one| one.id.clone()).unwrap_or_default();
                    let is_first = alerted.insert((name.clone(), version));
                    assert_eq!(is_first, *at_once, "{name}, day {today}: at once, and once only");
                }
                Kind::SecretUnwatched => {
                    let is_first = alerted.insert((name.clone(), kind.to_string()));
                    assert_eq!(is_first, *at_once, "{name}, day {today}: at once, and once only");
                }
                _ => assert!(!at_once, "{name}: {kind} is in the digest"),
            }
        }
        // Called by hand, too: nothing is reported again.
        assert_eq!(told(&world.watch(day(today))), [], "day {today}");
    }
    for kind in rotation_watch::telling::KINDS {
        assert!(ever.get(&kind).is_some_and(|count| *count > 0), "{kind} was never reported");
    }
    let is_quiet = |name: &str| !alerted.iter().any(|(told, _)| told == name);
    for (habit, _, secret) in &world.secrets {
        match habit {
            Habit::Punctual | Habit::ByItself => assert!(is_quiet(&secret.name), "{} {habit:?}", secret.name),
            Habit::Forgotten => assert!(!is_quiet(&secret.name), "{} was forgotten in silence", secret.name),
            _ => {}
        }
    }
}

#[test]
fn in_a_year_each_secret_is_announced_before_it_is_overdue_and_nobody_is_notified_twice_a_day() {
    for seed in 1..=8 {
        simulate(seed);
    }
}

#[test]
fn a_new_value_begins_a_new_story() {
    let mut world = World::new(1);
    world.secrets.retain(|(habit, _, _)| *habit == Habit::Forgotten);
    world.secrets.truncate(1);
    let names = |letters: &[Letter]| told(letters).into_iter().map(|(_, kind, once)| (kind, once)).collect();
    let run = |world: &mut World, today: i64| -> Vec<(Kind, bool)> {
        let seen = world.secrets.iter().map(|(_, _, secret)| Seen {
            secret: secret.clone(),
            memory: world.memories.get(&secret.arn).cloned().unwrap_or_default(),
            ages: Ages::Known,
        });
        let (letters, _) = plan(seen.collect(), day(today), SignedDuration::from_hours(24 * DUE_WITHIN_DAYS));
        for memory in letters.iter().flat_map(|letter| &letter.memories) {
            world.memories.insert(memory.arn.clone(), memory.clone());
        }
        names(&letters)
    };
    let max_age = world.secrets.first().map(|(_, max_age, _)| *max_age).unwrap_or_default();
    assert_eq!(run(&mut world, max_age), [(Kind::SecretOverdue, true)]);
    assert_eq!(run(&mut world, max_age + 1), [(Kind::SecretOverdue, false)]);
    let version = world.version(max_age + 2);
    if let Some((_, _, secret)) = world.secrets.first_mut() {
        secret.current = Some(version);
    }
    assert_eq!(run(&mut world, max_age + 2), []);
    assert_eq!(run(&mut world, 2 * max_age + 2), [(Kind::SecretOverdue, true)]);
}

#[test]
fn every_message_of_the_year_follows_the_schema_of_alerts() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/schemas/alert.json");
    let schema = jsonschema::validator_for(&serde_json::from_slice(&std::fs::read(path)?)?)?;
    let mut world = World::new(3);
    for today in (0..DAYS).step_by(9) {
        for letter in world.watch(day(today)) {
            let alerts =
                letter.alone.iter().map(|entry| wording::alone(&letter.owner, entry, "https://wiki"));
            for alert in alerts.chain(wording::digest(&letter, "https://wiki")) {
                let value = serde_json::to_value(&alert)?;
                let wrong: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
                assert!(wrong.is_empty(), "{value}: {wrong:?}");
                assert!(alert.mail().contains("https://wiki/"), "{}", alert.mail());
            }
        }
    }
    Ok(())
}

#[test]
fn ten_thousand_secrets_are_planned_in_a_moment_and_a_digest_stays_small() {
    let mut world = World::new(2);
    let (_, _, model) = world
        .secrets
        .iter()
        .find(|(habit, _, _)| *habit == Habit::Forgotten)
        .cloned()
        .unwrap_or_else(|| panic!("no model"));
    let seen = (0..10_000).map(|number| Seen {
        secret: Secret {
            arn: format!("arn:{number}"),
            name: format!("s{number}"),
            current: Some(world.version(0)),
            ..model.clone()
        },
        memory: Memory::default(),
        ages: Ages::Known,
    });
    let (letters, totals) = plan(seen.collect(), day(175), SignedDuration::from_hours(24 * DUE_WITHIN_DAYS));
    assert_eq!(totals.watched, 10_000);
    for letter in &letters {
        if let Some(digest) = wording::digest(letter, "https://wiki") {
            assert!(digest.mail().len() < 8_000);
        }
    }
}

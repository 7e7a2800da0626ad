//! Changes of a JSON document that keep it JSON.

use serde_json::{Map, Number, Value, json};

use crate::bytes;
use crate::canary::CANARIES;
use crate::random::Random;

const LONG: [usize; 4] = [256, 600, 3_000, 70_000];
const DEEP: usize = 100;
const MANY: usize = 300;
/// A larger value is not moved, so that the search in it takes no time.
const LARGE: usize = 4_000;

/// Makes one change at a place that chance chooses.
///
/// No change moves a canary to another field: a parser may show what stands in a field that is public.
pub fn change(value: &mut Value, random: &mut Random) {
    let place = random.below(size(value));
    let mut at = 0;
    if let Some(chosen) = nth(value, place, &mut at) {
        change_here(chosen, random);
    }
}

fn change_here(value: &mut Value, random: &mut Random) {
    match random.below(8) {
        0 => *value = odd(random),
        1 => {
            // As SNS in SQS, or a person who stores JSON in a text.
            *value = Value::String(value.to_string());
        }
        2 => *value = json!([value.take()]),
        3 => {
            let inner = value.take();
            *value = json!({"value": inner});
        }
        _ => match value {
            Value::Object(fields) => change_object(fields, random),
            Value::Array(entries) => change_array(entries, random),
            Value::String(text) => *text = bytes::changed(text, random),
            Value::Number(_) | Value::Bool(_) | Value::Null => *value = odd(random),
        },
    }
}

fn change_object(fields: &mut Map<String, Value>, random: &mut Random) {
    let keys: Vec<String> = fields.keys().cloned().collect();
    let key = random.pick(&keys).cloned().unwrap_or_default();
    match random.below(6) {
        0 => drop(fields.remove(&key)),
        1 => {
            // A typing error in a name.
            if let Some(value) = fields.remove(&key) {
                fields.insert(misspelt(&key, random), value);
            }
        }
        2 => {
            let value = fields.get(&key).cloned().unwrap_or_default();
            fields.insert(misspelt(&key, random), value);
        }
        3 => {
            fields.insert(bytes::changed("another", random), odd(random));
        }
        4 => {
            let other = random.pick(&keys).cloned().unwrap_or_default();
            let pair = (fields.get(&key).cloned(), fields.get(&other).cloned());
            if let (Some(one), Some(two)) = pair
                && may_move(&one)
                && may_move(&two)
            {
                fields.insert(key, two);
                fields.insert(other, one);
            }
        }
        _ => {
            fields.insert(key, odd(random));
        }
    }
}

fn change_array(entries: &mut Vec<Value>, random: &mut Random) {
    let at = random.below(entries.len());
    let entry = entries.get(at).cloned().unwrap_or_default();
    match random.below(5) {
        0 if !entries.is_empty() => drop(entries.remove(at)),
        1 => entries.insert(at, entry),
        2 if random.once_in(4) && size(&entry) < 30 => {
            let many = std::iter::repeat_n(entry, MANY);
            entries.extend(many);
        }
        3 => entries.clear(),
        _ => entries.insert(at, odd(random)),
    }
}

fn misspelt(key: &str, random: &mut Random) -> String {
    match random.below(6) {
        0 => key.to_uppercase(),
        1 => key.to_lowercase(),
        2 => format!("{key}s"),
        3 => key.chars().flat_map(|c| if c.is_uppercase() { vec!['_', c] } else { vec![c] }).collect(),
        4 => format!(" {key}"),
        _ => bytes::changed(key, random),
    }
}

/// A value at the edge of some type.
fn odd(random: &mut Random) -> Value {
    match random.below(22) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(i64::MIN),
        5 => json!(u64::MAX),
        6 => Number::from_f64(1e308).map_or(Value::Null, Value::Number),
        7 => json!(0.5),
        8 => json!(""),
        9 => json!(" "),
        10 => json!([]),
        11 => json!({}),
        12 => json!("\u{0}\u{1b}[31m\u{202e}\u{feff}"),
        13 => json!(".."),
        14 => json!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:x-AbCdEf"),
        15 => json!("2026-11-25T03:00:00Z"),
        16 => json!("+999999-12-31T23:59:60.999999999+25:00"),
        17 => json!("{\"Type\":\"Notification\",\"Message\":\"{}\"}"),
        18 => json!("amqps://u:p@h:1/%2f?a=b&c#d"),
        19 => (0..random.below(DEEP)).fold(json!("deep"), |inner, _| json!([inner])),
        20 => (0..random.below(DEEP)).fold(json!("deep"), |inner, _| json!({"a": inner})),
        _ => {
            let length = if random.once_in(8) { random.pick(&LONG) } else { LONG.first() };
            let letter = random.pick(&["a", "\u{e9}", "%", "\"", "/", "=", "\u{1f36a}"]).copied();
            json!(letter.unwrap_or("a").repeat(length.copied().unwrap_or_default()))
        }
    }
}

/// Whether the value contains no part of a canary.
fn may_move(value: &Value) -> bool {
    let text = value.to_string();
    text.len() <= LARGE && CANARIES.found_in(text.as_bytes()).is_none()
}

/// Removes what is nested deeper than `depth` objects and arrays.
pub fn flatten(value: &mut Value, depth: usize) {
    match value {
        Value::Object(_) | Value::Array(_) if depth == 0 => *value = Value::Null,
        Value::Object(fields) => fields.values_mut().for_each(|inner| flatten(inner, depth - 1)),
        Value::Array(entries) => entries.iter_mut().for_each(|inner| flatten(inner, depth - 1)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// The number of values in a document.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Object(fields) => fields.values().map(size).sum::<usize>(),
        Value::Array(entries) => entries.iter().map(size).sum(),
        _ => 0,
    }
}

fn nth<'v>(value: &'v mut Value, place: usize, at: &mut usize) -> Option<&'v mut Value> {
    if *at == place {
        return Some(value);
    }
    *at += 1;
    match value {
        Value::Object(fields) => fields.values_mut().find_map(|inner| nth(inner, place, at)),
        Value::Array(entries) => entries.iter_mut().find_map(|inner| nth(inner, place, at)),
        _ => None,
    }
}

/// The longest document of which each inner part is left out. All results exist at the same time, and each is a whole document.
const DEEP_BYTES: usize = 16_000;

/// Documents with one part less.
pub fn smaller(value: &Value) -> Vec<Value> {
    let whole = value.to_string().len();
    let inner = |value: &Value| if whole > DEEP_BYTES { Vec::new() } else { self::smaller(value) };
    let mut smaller = Vec::new();
    match value {
        Value::Object(fields) => {
            smaller.extend(fields.values().cloned());
            for (key, value) in fields {
                let mut less = fields.clone();
                less.remove(key);
                smaller.push(Value::Object(less));
                smaller.extend(inner(value).into_iter().map(|value| {
                    let mut less = fields.clone();
                    less.insert(key.clone(), value);
                    Value::Object(less)
                }));
            }
        }
        Value::Array(entries) => {
            smaller.extend(entries.iter().cloned());
            smaller.push(Value::Array(entries.iter().take(entries.len() / 2).cloned().collect()));
            for (at, value) in entries.iter().enumerate().take(20) {
                let mut less = entries.clone();
                less.remove(at);
                smaller.push(Value::Array(less));
                smaller.extend(inner(value).into_iter().map(|value| {
                    let mut less = entries.clone();
                    less[at] = value;
                    Value::Array(less)
                }));
            }
        }
        Value::String(text) => {
            smaller.extend(bytes::smaller(text).into_iter().take(60).map(Value::String));
        }
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
    smaller.retain(|one| one.to_string().len() < whole);
    smaller
}

//! An inspection for people. Every text in it may be somebody else's.

use contract::{InspectedConnection, Inspection, Login, Owner, Strategy};
use jiff::Timestamp;

use crate::playbooks::hint;
use crate::screen::table::{Cell, Table};
use crate::screen::text::{foreign, short_version};
use crate::screen::{Screen, Style, time};
use crate::status::severity_cell;

/// The connections that are shown. The others are counted.
const SHOWN: usize = 20;

/// The whole page.
#[must_use]
pub fn page(found: &Inspection, screen: &Screen, now: Timestamp) -> String {
    let mut parts = vec![general(found, screen, now), versions(found, screen, now), users(found, screen)];
    parts.extend((!found.connections.is_empty()).then(|| connections(found, screen, now)));
    let differences = found.differences.iter().map(|one| format!("  - {}", foreign(one)));
    let differences: Vec<String> = differences.collect();
    if !differences.is_empty() {
        let head = screen.paint(Style::Bold, "THE NEXT ROTATION WOULD CHANGE");
        parts.push(format!("{head}\n{}", differences.join("\n")));
    }
    parts.push(findings(found, screen));
    parts.join("\n\n")
}

fn general(found: &Inspection, screen: &Screen, now: Timestamp) -> String {
    let mut table = Table::fields();
    table.field("secret", foreign(&found.name));
    table.field(
        "strategy",
        match found.strategy {
            Some(Strategy::Alternating) => "alternating: two users take turns",
            Some(Strategy::Single) => "single: one user changes its password",
            None => "unknown: the current value cannot be read",
        },
    );
    let rotation = match (found.rotation_enabled, when(found.next_rotation.as_deref(), now)) {
        (false, _) => "off".to_owned(),
        (true, None) => "on".to_owned(),
        (true, Some(next)) => format!("on, next {next}"),
    };
    table.field("rotation", rotation);
    if let Some(broker) = &found.broker {
        let words = [Some(&broker.name), broker.state.as_ref(), broker.version.as_ref()];
        let words: Vec<String> = words.into_iter().flatten().map(|word| foreign(word)).collect();
        table.field("broker", words.join(", "));
        if let Some(days) = broker.certificate_days {
            let style = if days < 14 { Style::Bad } else { Style::Plain };
            table.field("certificate", Cell::new(style, format!("{days} days left")));
        }
    }
    if let Some(delivery) = &found.delivery {
        let (style, words) =
            if delivery.current { (Style::Good, "has it") } else { (Style::Bad, "does not have it") };
        let words = format!("namespace {} {words}", foreign(&delivery.namespace));
        table.field("cluster", Cell::new(style, words));
    }
    table.lines(screen)
}

fn versions(found: &Inspection, screen: &Screen, now: Timestamp) -> String {
    let mut table = Table::new(&["VERSION", "STAGES", "USER", "LOGIN", "MADE"]);
    for version in &found.versions {
        table.row(vec![
            short_version(&version.version_id).into(),
            foreign(&version.stages.join(" ")).into(),
            foreign(version.user.as_deref().unwrap_or("?")).into(),
            login(version.login),
            when(version.created_at.as_deref(), now).unwrap_or_else(|| "?".to_owned()).into(),
        ]);
    }
    table.lines(screen)
}

fn users(found: &Inspection, screen: &Screen) -> String {
    let mut table = Table::new(&["USER", "TURN", "OWNER", "CONNECTIONS", "TAGS"]);
    for user in &found.users {
        let owner = match (user.exists, user.owner) {
            (Some(false), _) => Cell::new(Style::Warning, "does not exist"),
            (_, Owner::ThisSecret) => "this secret".into(),
            (_, Owner::AnotherSecret) => Cell::new(Style::Bad, "another secret"),
            (_, Owner::Nobody) => Cell::new(Style::Warning, "nobody"),
            (_, Owner::Unknown) => "?".into(),
        };
        let connections = user.connections.map_or_else(|| "?".to_owned(), |count| count.to_string());
        let limit = user.connection_limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
        table.row(vec![
            foreign(&user.name).into(),
            if user.in_turn { "in turn" } else { "" }.into(),
            owner,
            format!("{connections}{limit}").into(),
            foreign(&user.tags.join(" ")).into(),
        ]);
    }
    table.lines(screen)
}

fn connections(found: &Inspection, screen: &Screen, now: Timestamp) -> String {
    let listed = clients(&found.connections, screen, now);
    let total = found.connections_total.unwrap_or_default();
    let more = total.saturating_sub(found.connections.len().min(SHOWN) as u64);
    if more > 0 { format!("{listed}\nand {more} more") } else { listed }
}

/// Who is connected.
#[must_use]
pub fn clients(found: &[InspectedConnection], screen: &Screen, now: Timestamp) -> String {
    let mut table = Table::new(&["CONNECTED AS", "FROM", "CLIENT", "SINCE", ""]);
    for one in found.iter().take(SHOWN) {
        let stale = if one.stale { Cell::new(Style::Warning, "not the user in turn") } else { "".into() };
        table.row(vec![
            foreign(&one.user).into(),
            foreign(&one.peer).into(),
            foreign(one.client.as_deref().unwrap_or_default()).into(),
            when(one.since.as_deref(), now).unwrap_or_default().into(),
            stale,
        ]);
    }
    table.lines(screen)
}

fn findings(found: &Inspection, screen: &Screen) -> String {
    if found.findings.is_empty() {
        return screen.paint(Style::Good, "Nothing is wrong.");
    }
    let mut table = Table::new(&["SEVERITY", "KIND", "WHAT IT IS", "WHAT TO DO"]);
    for finding in &found.findings {
        table.row(vec![
            severity_cell(finding.severity),
            finding.kind.as_str().into(),
            foreign(&finding.message).into(),
            hint(finding.kind.as_str()).into(),
        ]);
    }
    table.lines(screen)
}

/// Whether a login works.
#[must_use]
pub fn login(login: Login) -> Cell {
    match login {
        Login::Accepted => Cell::new(Style::Good, "accepted"),
        Login::Refused => Cell::new(Style::Bad, "refused"),
        Login::Unknown => Cell::new(Style::Warning, "unknown"),
    }
}

/// A time from a function, for people. What is no time is shown as it came.
fn when(text: Option<&str>, now: Timestamp) -> Option<String> {
    text.map(|text| text.parse().map_or_else(|_| foreign(text), |at| time::relative(at, now)))
}

#[cfg(test)]
mod tests {
    use contract::{Finding, INSPECTION_SCHEMA, InspectedUser, InspectedVersion, Kind, Severity};

    use super::*;
    use crate::screen::text::width;

    const EVIL: &str = "\u{1b}]0;owned\u{7}\u{202e}payment\nroot";

    fn inspection() -> Inspection {
        Inspection {
            schema: INSPECTION_SCHEMA.to_owned(),
            secret_arn: "arn:aws:secretsmanager:x:1:secret:rabbitmq/payment-AbCdE1".to_owned(),
            name: EVIL.to_owned(),
            inspected_at: "2026-01-01T00:00:00Z".to_owned(),
            strategy: Some(Strategy::Alternating),
            rotation_enabled: true,
            next_rotation: Some(EVIL.to_owned()),
            versions: vec![InspectedVersion {
                version_id: EVIL.to_owned(),
                stages: vec![EVIL.to_owned()],
                created_at: Some("2026-01-01T00:00:00Z".to_owned()),
                user: Some(EVIL.to_owned()),
                login: Login::Accepted,
            }],
            users: vec![InspectedUser {
                name: EVIL.to_owned(),
                exists: Some(true),
                in_turn: true,
                owner: Owner::ThisSecret,
                tags: vec![EVIL.to_owned()],
                connections: Some(3),
                connection_limit: Some(10),
            }],
            broker: None,
            connections: vec![InspectedConnection {
                user: EVIL.to_owned(),
                vhost: None,
                peer: EVIL.to_owned(),
                client: Some(EVIL.to_owned()),
                since: None,
                stale: true,
            }],
            connections_total: Some(30),
            differences: vec![EVIL.to_owned()],
            delivery: None,
            findings: vec![Finding {
                kind: Kind::ConnectionsStale,
                severity: Severity::Warning,
                message: EVIL.to_owned(),
            }],
        }
    }

    #[test]
    fn no_name_from_outside_has_an_effect_on_the_terminal() {
        let screen = Screen { width: Some(80), has_colour: false };
        let shown = page(&inspection(), &screen, Timestamp::UNIX_EPOCH);
        for character in shown.chars().filter(|c| *c != '\n') {
            assert!(!character.is_control() && character != '\u{202e}', "{shown:?}");
        }
        assert!(shown.lines().all(|line| width(line) <= 80), "{shown}");
        assert!(shown.contains("secops explain"), "{shown}");
    }
}

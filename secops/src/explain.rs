//! `explain`: the section of the playbooks for a kind of failure.

use contract::Kind;
use serde_json::json;

use crate::arguments::{Options, Output};
use crate::outcome::{Outcome, Problem, Result};
use crate::playbooks::{PAGES, find};
use crate::screen::table::Table;
use crate::screen::{Screen, Style, markdown, text};

/// Shows the section, or all kinds.
pub fn explain(options: &Options, screen: &Screen, kind: Option<&str>) -> Result<Outcome> {
    let is_json = options.output == Output::Json;
    let Some(name) = kind else {
        if is_json {
            screen.json(&Kind::ALL.iter().map(|kind| described(*kind)).collect::<Vec<_>>())?;
        } else {
            screen.say(&kinds(screen));
        }
        return Ok(Outcome::Well);
    };
    let Some(section) = find(name) else { return Err(Problem::usage(unknown(name))) };
    if is_json {
        let mut found = section.kind.map_or_else(|| json!({}), described);
        (found["page"], found["text"]) = (json!(section.page), json!(section.text));
        screen.json(&found)?;
        return Ok(Outcome::Well);
    }
    screen.say(&markdown::render(section.text, screen));
    let page = format!("\nThis is a part of infra/playbooks/{}.", section.page);
    screen.say(&screen.paint(Style::Dim, &page));
    Ok(Outcome::Well)
}

fn described(kind: Kind) -> serde_json::Value {
    json!({
        "kind": kind, "severity": kind.severity(), "transient": kind.is_transient(), "meaning": kind.meaning(),
        "playbook": kind.playbook(),
    })
}

fn kinds(screen: &Screen) -> String {
    let mut table = Table::new(&["KIND", "SEVERITY", "MEANING"]);
    for kind in Kind::ALL {
        table.row(vec![
            kind.as_str().into(),
            super::status::severity_cell(kind.severity()),
            kind.meaning().into(),
        ]);
    }
    let pages: Vec<&str> = PAGES.iter().filter_map(|(page, _)| page.strip_suffix(".md")).collect();
    let pages = text::wrap(&format!("Whole pages: {}", pages.join(", ")), screen.width.unwrap_or(100));
    format!("{}\n\n{}", table.lines(screen), pages.join("\n"))
}

/// Names that contain a part of what was asked for.
fn unknown(name: &str) -> String {
    let parts: Vec<&str> = name.split(['.', '-', '_']).filter(|part| part.len() > 2).collect();
    let is_near = |known: &str| parts.iter().any(|part| known.contains(part));
    let near: Vec<&str> =
        Kind::ALL.iter().map(|kind| kind.as_str()).filter(|kind| is_near(kind)).take(5).collect();
    let hint = match near.as_slice() {
        [] => "`secops explain` lists all kinds".to_owned(),
        near => format!("there are {}", near.join(", ")),
    };
    format!("no playbook has a section `{}`; {hint}", text::foreign(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_leads_to_those_with_a_similar_name() {
        assert!(unknown("broker.unreachabel").contains("broker.unreachable"));
        assert!(unknown("x").contains("lists all kinds"));
        assert!(!unknown("\u{1b}[2J").contains('\u{1b}'));
    }
}

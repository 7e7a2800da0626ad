//! The templates of the operator that secret2eks understands: text with fetched fields in it. Pure.
//!
//! <https://external-secrets.io/latest/guides/templating/> has about two hundred functions. Any of them may put something
//! into the Kubernetes Secret that is not the fetched data.

use std::collections::BTreeSet;

/// Functions that keep the whole value: for a URI, for JSON and for YAML.
const UNDERSTOOD: [&str; 4] = ["urlquery", "quote", "toString", "toJson"];
const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// The fields that a template places, or the number of the first line that does something else.
pub(super) fn placed_fields(text: &str) -> Result<BTreeSet<&str>, usize> {
    let mut fields = BTreeSet::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(OPEN) {
        let line = || 1 + text[..text.len() - after.len()].matches('\n').count();
        let (action, following) = after.split_once(CLOSE).ok_or_else(line)?;
        fields.insert(placed_field(action).ok_or_else(line)?);
        rest = following;
    }
    Ok(fields)
}

/// `.password` or `.password | urlquery`, with or without the hyphens that trim white space.
fn placed_field(action: &str) -> Option<&str> {
    let action = action.strip_prefix("- ").unwrap_or(action);
    let action = action.strip_suffix(" -").unwrap_or(action);
    let mut pipeline = action.split('|').map(str::trim);
    let field = pipeline.next()?.strip_prefix('.').filter(|field| is_identifier(field))?;
    pipeline.all(|function| UNDERSTOOD.contains(&function)).then_some(field)
}

/// Names as in Go, in ASCII.
fn is_identifier(text: &str) -> bool {
    let starts = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    starts && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_fields_are_placed_in_is_understood() {
        let table: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("mq.example.com", &[]),
            ("{{ .password }}", &["password"]),
            ("{{.password}}", &["password"]),
            ("{{- .password -}}", &["password"]),
            ("amqps://{{ .username }}:{{ .password | urlquery }}@host:5671/%2F", &["password", "username"]),
            ("{\"password\": {{ .password | toJson }}}", &["password"]),
            ("[user]\nname = {{ .username | toString | quote }}\n", &["username"]),
            ("{ {{ .a_1 }} }", &["a_1"]),
        ];
        for (text, expected) in table {
            assert_eq!(placed_fields(text), Ok(expected.iter().copied().collect()), "{text}");
        }
    }

    #[test]
    fn whatever_else_a_template_does_is_named_by_its_line() {
        for (text, line) in [
            ("{{ getSecretKey \"payment\" \"other\" \"password\" }}", 1),
            ("a\n{{ .password }}\n{{ .password | trunc 4 }}", 3),
            ("{{ .password | sha256sum }}", 1),
            ("{{ .password | default \"old\" }}", 1),
            ("{{ \"old\" }}", 1),
            ("{{ `}}` }}{{ .password }}", 1),
            ("{{/* {{ .password }} */}}", 1),
            ("{{ if false }}{{ .password }}{{ end }}", 1),
            ("{{ $x := .password }}", 1),
            ("{{ .a.b }}", 1),
            ("{{ . }}", 1),
            ("{{ }}", 1),
            ("{{ index . \"my-key\" }}", 1),
            ("{{ .password | }}", 1),
            ("{{ .password \"x\" }}", 1),
            ("{{{ .password }}}", 1),
            ("{{ .password", 1),
            ("\n\n{{ .pass word }}", 3),
            ("{{ .pässword }}", 1),
        ] {
            assert_eq!(placed_fields(text), Err(line), "{text}");
        }
    }
}

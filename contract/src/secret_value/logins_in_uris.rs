//! Logins in the URIs of a text, and the text with the new one. Pure.

use std::ops::Range;

use super::copies::{Change, Found};
use super::edit::{Edit, edited};
use super::encoding::{joined, percent_decoded, percent_encoded};
use super::renewal::Unclear;
use super::uri::{System, Uri, UserInfo};
use super::{keys, uri};

impl Change<'_> {
    /// URIs inside a text. The text around them must not hold the password.
    pub(super) fn in_uris(&self, text: &str) -> Found {
        let mut edits = Vec::new();
        for uri in uri::all(text) {
            if let Err(why) = self.in_uri(text, &uri, &mut edits) {
                return Found::Unclear(Unclear::here(why));
            }
        }
        edits.sort_by_key(|(span, _)| span.start);
        let rest = edited(text, edits.iter().map(|(span, _)| (span, "\n")));
        if self.is_in(&rest) {
            Found::Unclear(Unclear::here("the password is part of a longer text"))
        } else if edits.is_empty() {
            Found::Nothing
        } else {
            Found::Login(edited(text, edits.iter().map(|(span, new)| (span, new.as_str()))))
        }
    }

    fn in_uri(&self, text: &str, uri: &Uri<'_>, edits: &mut Vec<Edit>) -> Result<(), &'static str> {
        let (host, end) = match uri.user_info(&self.users, self.old) {
            UserInfo::None => (uri.host(), 0),
            UserInfo::Ambiguous => {
                let leads_to_a_broker =
                    matches!(uri.system("", self.broker), System::ThisBroker | System::SomeBroker);
                return if leads_to_a_broker && self.users.contains(&uri.first_name()) {
                    Err("its user info is not percent-encoded")
                } else {
                    Ok(())
                };
            }
            UserInfo::Is { span, host } => {
                let info = text.get(span.clone()).unwrap_or_default();
                let (user, password) = match info.split_once(':') {
                    Some((user, password)) => (user, Some(password)),
                    None => (info, None),
                };
                let (end, system) = (span.end, uri.system(&host, self.broker));
                if self.users.contains(&percent_decoded(user).as_str()) && self.is_ours(system, password)? {
                    let user = percent_encoded(self.user);
                    let new = match password {
                        Some(_) => joined(&[&user, ":", &percent_encoded(self.password)]),
                        None => user,
                    };
                    edits.push((span, new));
                }
                (host, end)
            }
        };
        if uri.system(&host, self.broker) == System::ThisBroker {
            self.in_query(text, uri.parameters(text, end), edits);
        }
        Ok(())
    }

    /// Whether a login of a user of the pair is a login to this broker.
    fn is_ours(&self, system: System, password: Option<&str>) -> Result<bool, &'static str> {
        let is_current =
            password.is_some_and(|password| password == self.old || *percent_decoded(password) == *self.old);
        match (system, is_current) {
            (System::ThisBroker, _) | (System::SomeBroker | System::Elsewhere, true) => Ok(true),
            (System::SomeBroker, false) => {
                Err("it holds a user of this pair with another password, for a host that is not the broker's")
            }
            (System::Foreign, true) if self.is_distinct() => Err("it is not the URI of a RabbitMQ broker"),
            (System::Elsewhere | System::Foreign, _) => Ok(false),
        }
    }

    fn in_query(&self, text: &str, parameters: Vec<(&str, Range<usize>)>, edits: &mut Vec<Edit>) {
        let value = |span: &Range<usize>| percent_decoded(text.get(span.clone()).unwrap_or_default());
        let has_user = parameters.iter().any(|(name, span)| {
            keys::user_prefix(name).as_deref() == Some("") && self.users.contains(&value(span).as_str())
        });
        for (name, span) in parameters {
            let value = value(&span);
            let is_user = keys::user_prefix(name).as_deref() == Some("");
            let is_password = keys::password_prefix(name).as_deref() == Some("");
            if is_user && self.users.contains(&value.as_str()) {
                edits.push((span, percent_encoded(self.user)));
            } else if (is_password && has_user) || (self.is_distinct() && *value == *self.old) {
                edits.push((span, percent_encoded(self.password)));
            }
        }
    }
}

//! URIs inside a text, and the login that one of them holds. Pure.
//! <https://www.rabbitmq.com/docs/uri-spec>, <https://www.rfc-editor.org/rfc/rfc3986#section-3.2>

use std::ops::Range;

use crate::BrokerAddress;

/// The characters that end a URI inside a text.
const NOT_IN_A_URI: &str = "\"'<>`";
/// The characters that end an authority.
const AFTER_AUTHORITY: &str = "/?#,";

/// One URI in a text.
pub(super) struct Uri<'t> {
    scheme: &'t str,
    /// The position in the text of the part after `://`.
    start: usize,
    /// From there to the end of the URI, or to the next one.
    rest: &'t str,
}

/// The part before the `@` of a URI.
pub(super) enum UserInfo {
    /// No user info.
    None,
    /// User info in the form that the RFC requires, or in the form that the caller knows.
    Is {
        /// Its bytes in the text.
        span: Range<usize>,
        /// The host after it, in lower case.
        host: String,
    },
    /// There is an `@`, but the text before it can be read in more than one way.
    Ambiguous,
}

/// The system that a URI names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// The secret's broker, as far as the URI shows.
    ThisBroker,
    /// A broker, which may be another one.
    SomeBroker,
    /// A service for HTTP, WebSocket, MQTT or STOMP at another host.
    Elsewhere,
    /// A service that is not RabbitMQ.
    Foreign,
}

/// The URIs of a text, in order.
pub(super) fn all(text: &str) -> Vec<Uri<'_>> {
    let marks: Vec<usize> = text.match_indices("://").map(|(at, _)| at).collect();
    let begin = |mark: usize| {
        let before = text.get(..mark).unwrap_or_default();
        before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+.-".contains(c)).len()
    };
    let ends = marks.iter().skip(1).map(|mark| begin(*mark)).chain([text.len()]);
    marks
        .iter()
        .zip(ends)
        .map(|(mark, end)| {
            let start = mark.saturating_add(3);
            let rest = text.get(start..end.max(start)).unwrap_or_default();
            Uri { scheme: text.get(begin(*mark)..*mark).unwrap_or_default(), start, rest }
        })
        .collect()
}

impl Uri<'_> {
    /// The user info. A login of one of `users` with `password` is recognized even if it does not follow the RFC.
    pub(super) fn user_info(&self, users: &[&str], password: &str) -> UserInfo {
        let exact = users.iter().find_map(|user| {
            let behind = self.rest.strip_prefix(user)?.strip_prefix(':')?.strip_prefix(password)?;
            behind.starts_with('@').then(|| self.rest.len().saturating_sub(behind.len()))
        });
        let Some(length) = exact.or_else(|| legal_user_info(self.rest)) else {
            return if self.looks_like_a_login() { UserInfo::Ambiguous } else { UserInfo::None };
        };
        let behind = self.rest.get(length.saturating_add(1)..).unwrap_or_default();
        let authority =
            behind.split(|c: char| AFTER_AUTHORITY.contains(c) || ends_a_uri(c)).next().unwrap_or_default();
        if authority.contains('@') {
            return UserInfo::Ambiguous;
        }
        let host = match authority.strip_prefix('[').and_then(|address| address.split_once(']')) {
            Some((address, _)) => address,
            None => authority.split(':').next().unwrap_or_default(),
        };
        UserInfo::Is { span: self.start..self.start.saturating_add(length), host: host.to_ascii_lowercase() }
    }

    /// Whether the text has a form such as `user:pass/word@`, and not `host:port/path@`.
    fn looks_like_a_login(&self) -> bool {
        let uri = self.rest.split(ends_a_uri).next().unwrap_or_default();
        let Some((user, behind)) = uri.split_once(':') else { return false };
        let port = behind.split(|c: char| AFTER_AUTHORITY.contains(c)).next().unwrap_or_default();
        let is_a_port = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
        !is_a_port && behind.contains('@') && !user.contains(|c: char| AFTER_AUTHORITY.contains(c))
    }

    /// The text before the first `:` of the part after `://`.
    pub(super) fn first_name(&self) -> &str {
        self.rest.split(':').next().unwrap_or_default()
    }

    /// The system that this URI names. `host` is [`UserInfo::Is::host`], or [`Uri::host`].
    pub(super) fn system(&self, host: &str, broker: &BrokerAddress) -> System {
        let scheme = self.scheme.to_ascii_lowercase();
        let speaks_amqp = scheme.contains("amqp") || scheme.contains("rabbit");
        let may_be_the_broker = ["http", "https", "ws", "wss", "mqtt", "mqtts", "stomp", "stomps"]
            .iter()
            .any(|other| scheme == *other || scheme.strip_suffix(other).is_some_and(|s| s.ends_with('+')));
        match (is_at(host, broker), speaks_amqp, may_be_the_broker) {
            (Some(true), true, _) | (Some(true), _, true) | (None, true, _) => System::ThisBroker,
            (Some(false), true, _) => System::SomeBroker,
            (_, false, true) => System::Elsewhere,
            _ => System::Foreign,
        }
    }

    /// The host of a URI without user info, in lower case.
    pub(super) fn host(&self) -> String {
        let authority = self
            .rest
            .split(|c: char| AFTER_AUTHORITY.contains(c) || ends_a_uri(c))
            .next()
            .unwrap_or_default();
        authority.split(':').next().unwrap_or_default().to_ascii_lowercase()
    }

    /// The parameters of the query behind byte `from` of the text: the name, and the value's bytes.
    pub(super) fn parameters<'t>(&self, text: &'t str, from: usize) -> Vec<(&'t str, Range<usize>)> {
        let behind = self.rest.get(from.saturating_sub(self.start)..).unwrap_or_default();
        let uri = behind.split(ends_a_uri).next().unwrap_or_default();
        let Some(question) = uri.find('?') else { return Vec::new() };
        let mut at = from.max(self.start).saturating_add(question).saturating_add(1);
        let query = uri.get(question.saturating_add(1)..).unwrap_or_default();
        let query = query.split('#').next().unwrap_or_default();
        let mut parameters = Vec::new();
        for parameter in query.split(['&', ';']) {
            let end = at.saturating_add(parameter.len());
            if let Some(sign) = parameter.find('=') {
                let value = at.saturating_add(sign).saturating_add(1);
                let name = text.get(at..at.saturating_add(sign)).unwrap_or_default();
                parameters.push((name, value..end));
            }
            at = end.saturating_add(1);
        }
        parameters
    }
}

fn ends_a_uri(c: char) -> bool {
    c.is_whitespace() || NOT_IN_A_URI.contains(c)
}

/// The length of the text that the RFC allows as user info, if an `@` follows it.
fn legal_user_info(rest: &str) -> Option<usize> {
    let behind =
        rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=:".contains(c));
    behind.starts_with('@').then(|| rest.len().saturating_sub(behind.len()))
}

/// Whether the host is the broker's. None if its name does not show that.
fn is_at(host: &str, broker: &BrokerAddress) -> Option<bool> {
    match broker {
        BrokerAddress::Endpoints { host: own, management_url, .. } => {
            let management = management_url.trim_start_matches("https://").split(':').next();
            Some(host == own || management == Some(host))
        }
        BrokerAddress::Id(id) => {
            // Amazon MQ: `b-….mq.REGION.amazonaws.com` or `.on.aws`. Another name may be an alias.
            let first = host.split('.').next().unwrap_or_default();
            if first.eq_ignore_ascii_case(id) {
                Some(true)
            } else if host.starts_with("b-") && host.contains(".mq.") {
                Some(false)
            } else {
                None
            }
        }
    }
}

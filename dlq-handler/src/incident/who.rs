//! Several principals in one incident of the area of access: each is named once.

use contract::{Area, Kind};

use super::Incident;
use crate::message::Failure;

/// The most principals that an incident names. One alert more says that there are others.
const NAMED: usize = 10;

impl Incident {
    /// Adds the principal of a failure. Returns whether people have not been notified of it. Denied calls cost nothing, so those
    /// that were denied before do not use up the names of those who read or change something.
    pub(super) fn adds(&mut self, failure: &Failure) -> bool {
        if self.kind == Kind::AccessDenied && failure.kind != Kind::AccessDenied {
            self.who.clear();
        }
        let Some(who) = failure.detail.who.as_ref().filter(|who| !self.who.contains(who)) else {
            return false;
        };
        if self.who.len() > NAMED {
            return false;
        }
        self.who.push(who.clone());
        true
    }

    /// Whether there are principals that it does not name.
    #[must_use]
    pub fn has_more_principals(&self) -> bool {
        self.who.len() > NAMED
    }
}

/// Whether a failure is a denied call in an incident about something that was not denied. Then it is only counted: it must not
/// hide a read. A read is never hidden, also not by the critical change of a key: the incident may stay open for a week.
pub(super) fn is_hidden(incident: &Incident, failure: &Failure) -> bool {
    failure.area == Area::Access && failure.kind == Kind::AccessDenied && incident.kind != Kind::AccessDenied
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::incident::{Effect, Record, What};
    use crate::message::{Closed, Closing, Detail};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
    }

    fn call(id: usize, kind: Kind, who: &str, seconds: i64) -> Failure {
        Failure {
            id: id.to_string(),
            area: Area::Access,
            subject: "arn".to_owned(),
            kind,
            occurred_at: at(seconds),
            detail: Detail {
                message: format!("{who} called"),
                who: Some(who.to_owned()),
                ..Detail::default()
            },
            delivery: None,
            waited: false,
        }
    }

    fn closing(incident_id: Option<&str>) -> Closing {
        let closed = Closed { by: "ada".to_owned(), sender: None, reason: "an audit".to_owned() };
        let (id, subject) = ("close".to_owned(), "arn".to_owned());
        let (area, incident_id) = (Area::Access, incident_id.map(str::to_owned));
        Closing { id, subject, area, incident_id, sent_at: at(0), closed }
    }

    fn said(record: &Record) -> Vec<What> {
        record.unsent.iter().map(|announcement| announcement.what).collect()
    }

    #[test]
    fn repeated_reads_of_one_principal_are_one_alert_and_another_principal_is_named() {
        let mut record = Record::new("arn".to_owned(), Area::Access);
        for id in 0..100 {
            record.fail(&call(id, Kind::AccessUnknownReader, "eve", 0), at(0));
        }
        assert_eq!(said(&record), [What::Opened]);
        // Its event comes late.
        assert_eq!(
            record.fail(&call(100, Kind::AccessUnknownReader, "mallory", -60), at(1)),
            Effect::Changed
        );
        assert_eq!(record.fail(&call(101, Kind::AccessUnknownReader, "eve", 2), at(2)), Effect::Repeated);
        assert_eq!(said(&record), [What::Opened, What::Changed]);
        let incident = record.open_incident();
        assert_eq!(incident.map(|incident| incident.failures), Some(102));
        let named = record.unsent.last().map(|announcement| announcement.incident.detail.message.clone());
        assert_eq!(named.as_deref(), Some("mallory called"));
    }

    #[test]
    fn a_storm_of_principals_is_a_limited_number_of_alerts() {
        let mut record = Record::new("arn".to_owned(), Area::Access);
        for id in 0..1_000 {
            record.fail(&call(id, Kind::AccessUnknownReader, &format!("role-{id}"), 0), at(0));
        }
        assert_eq!(record.unsent.len(), NAMED + 1);
        let last = record.unsent.last().map(|announcement| announcement.incident.has_more_principals());
        assert_eq!(last, Some(true));
        assert_eq!(record.open_incident().map(|incident| incident.failures), Some(1_000));
    }

    #[test]
    fn a_denied_call_does_not_hide_a_read_and_a_read_replaces_a_denied_call() {
        let mut record = Record::new("arn".to_owned(), Area::Access);
        record.fail(&call(1, Kind::AccessDenied, "eve", 0), at(0));
        assert_eq!(record.fail(&call(2, Kind::AccessUnknownReader, "eve", 1), at(1)), Effect::Changed);
        assert_eq!(record.fail(&call(3, Kind::AccessDenied, "bob", 2), at(2)), Effect::Repeated);
        let kind = record.open_incident().map(|incident| (incident.kind, incident.failures));
        assert_eq!(kind, Some((Kind::AccessUnknownReader, 3)));
    }

    #[test]
    fn a_changed_key_does_not_hide_a_read() {
        let mut record = Record::new("arn".to_owned(), Area::Access);
        record.fail(&call(1, Kind::ProtectionKeyChanged, "ops", 0), at(0));
        assert_eq!(record.fail(&call(2, Kind::AccessUnknownReader, "eve", 1), at(1)), Effect::Changed);
        assert_eq!(record.fail(&call(3, Kind::AccessUnknownReader, "mallory", 2), at(2)), Effect::Changed);
        assert_eq!(record.fail(&call(4, Kind::AccessDenied, "bob", 3), at(3)), Effect::Repeated);
        assert_eq!(said(&record), [What::Opened, What::Changed, What::Changed]);
    }

    #[test]
    fn denied_calls_of_many_principals_do_not_hide_readers() {
        let mut record = Record::new("arn".to_owned(), Area::Access);
        for id in 0..100 {
            record.fail(&call(id, Kind::AccessDenied, &format!("session-{id}"), 0), at(0));
        }
        let before = record.unsent.len();
        record.fail(&call(100, Kind::AccessUnknownReader, "eve", 1), at(1));
        record.fail(&call(101, Kind::AccessUnknownReader, "mallory", 2), at(2));
        assert_eq!(record.unsent.len(), before + 2);
    }

    #[test]
    fn a_person_closes_an_incident_and_a_call_that_is_reported_later_is_another_one() {
        let mut record = Record::new("arn".to_owned(), Area::Access);
        assert_eq!(record.close(&closing(None), at(0)), Effect::Nothing, "there is none");
        record.fail(&call(1, Kind::AccessUnknownReader, "eve", 0), at(0));
        assert_eq!(record.close(&closing(Some("another")), at(9)), Effect::Nothing);
        let id = record.open_incident().map(|incident| incident.id.clone());
        assert_eq!(record.close(&closing(id.as_deref()), at(10)), Effect::Closed);
        let closed = record.incident.as_ref().and_then(|incident| incident.closed_by.as_ref());
        assert_eq!(closed.map(|closed| closed.reason.as_str()), Some("an audit"));
        assert_eq!(said(&record), [What::Opened, What::Closed]);

        assert_eq!(record.fail(&call(2, Kind::AccessUnknownReader, "mallory", 5), at(20)), Effect::Opened);
        assert_eq!(record.close(&closing(None), at(21)), Effect::Nothing, "SQS delivers the request again");
        assert!(record.open_incident().is_some_and(|incident| incident.closed_by.is_none()));
    }

    #[test]
    fn a_request_without_an_id_closes_no_incident_that_began_after_it() {
        let hour = 3_600;
        for (sent_at, expected) in [(0, Effect::Nothing), (hour, Effect::Closed), (2 * hour, Effect::Closed)]
        {
            let mut record = Record::new("arn".to_owned(), Area::Access);
            record.fail(&call(1, Kind::AccessUnknownReader, "eve", hour), at(hour));
            let request = Closing { sent_at: at(sent_at), ..closing(None) };
            assert_eq!(record.close(&request, at(3 * hour)), expected, "{sent_at}");
        }
    }

    #[test]
    fn an_incident_that_nobody_closes_ends_after_a_week_without_calls() {
        let day = 86_400;
        let mut record = Record::new("arn".to_owned(), Area::Access);
        record.fail(&call(1, Kind::AccessUnknownReader, "eve", 0), at(0));
        record.fail(&call(2, Kind::AccessUnknownReader, "eve", 3 * day), at(3 * day));
        assert_eq!(record.look(false, at(10 * day - 1)), Effect::Nothing);
        assert_eq!(record.look(false, at(10 * day)), Effect::Closed);
        assert_eq!(said(&record), [What::Opened, What::Quiet]);
    }
}

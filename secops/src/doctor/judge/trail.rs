//! A trail of management events: without one, nobody learns of the crash of a function, and events of CloudTrail do not exist.

use crate::doctor::check::Check;
use crate::doctor::facts::{Trail, Unseen};
use crate::doctor::report::Row;

const DEPLOY: &str = "docs/src/deploy.md#4-check-that-there-is-a-trail";

pub(super) fn row(trails: Result<&[Trail], &Unseen>) -> Row {
    let check = Check::TrailLogging;
    let trails = match trails {
        Ok(trails) => trails,
        Err(unseen) => return Row::unseen(check, unseen),
    };
    let first =
        |wanted: &dyn Fn(&&Trail) -> bool| trails.iter().find(wanted).map(|trail| trail.name.as_str());
    if let Some(name) = first(&|trail| trail.is_logging && trail.writes && trail.reads) {
        return Row::ok(check, format!("the trail `{name}` records management events"));
    }
    if let Some(name) = first(&|trail| trail.is_logging && trail.writes) {
        let seen = format!(
            "the trail `{name}` records only calls that change something, so reads of secrets raise no alert"
        );
        return Row::warning(check, seen, format!("Let the trail record reads, too: {DEPLOY}."));
    }
    if let Some(name) = first(&|trail| !trail.is_logging && trail.writes) {
        let fix = format!("aws cloudtrail start-logging --name {name}");
        return Row::broken(check, format!("the trail `{name}` is stopped"), fix);
    }
    let seen = match trails.first() {
        Some(trail) => {
            format!("the trail `{}` does not record management events that change something", trail.name)
        }
        None => "no trail records the events of this region: a function that crashes is noticed hours later"
            .to_owned(),
    };
    Row::broken(check, seen, format!("Create a trail of management events: {DEPLOY}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::State;

    #[test]
    fn one_trail_that_records_all_management_events_is_enough() {
        let trail = |is_logging, writes, reads| Trail { name: "t".to_owned(), is_logging, writes, reads };
        for (trails, expected, words) in [
            (vec![trail(true, true, true)], State::Ok, "records management events"),
            (vec![trail(false, true, true), trail(true, true, true)], State::Ok, "records management events"),
            (vec![trail(true, true, false)], State::Warning, "reads of secrets"),
            (vec![trail(false, true, true)], State::Broken, "is stopped"),
            (vec![trail(true, false, true)], State::Broken, "does not record"),
            (vec![trail(true, false, false)], State::Broken, "does not record"),
            (vec![], State::Broken, "no trail"),
        ] {
            let row = row(Ok(&trails));
            assert_eq!(row.state, expected, "{trails:?}");
            assert!(row.seen.contains(words), "{}", row.seen);
        }
        assert_eq!(row(Err(&Unseen::Denied("cloudtrail:DescribeTrails"))).state, State::Unknown);
    }
}

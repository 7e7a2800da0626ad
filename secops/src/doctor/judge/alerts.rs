//! The topics: a topic without a confirmed subscription drops every message silently.

use crate::doctor::check::Check;
use crate::doctor::facts::{Facts, Seen, Subscription, Unseen};
use crate::doctor::report::Row;

const ALERTS: &str = "AlertTopicArn";
const ALARMS: &str = "AlarmTopicArn";
const NOTICES: &str = "DeadLetterTopicArn";
const SUBSCRIBE: &str = "Subscribe people and confirm it: docs/src/deploy.md#3-subscribe-people.";

pub(super) fn rows(facts: &Facts) -> Vec<Row> {
    let none = Err(Unseen::DependsOn("the stack"));
    let topic = |output: &str| facts.topics.get(output).unwrap_or(&none);
    let queue = facts.stack.as_ref().ok().and_then(|stack| stack.output("DeadLetterQueueArn"));
    vec![
        alerts(topic(ALERTS)).of(ALERTS),
        alarms(topic(ALERTS), topic(ALARMS)).of(ALARMS),
        notices(topic(NOTICES), queue),
    ]
}

fn alerts(topic: &Seen<Vec<Subscription>>) -> Row {
    let check = Check::AlertsSubscribed;
    let subscriptions = match topic {
        Ok(subscriptions) => subscriptions,
        Err(unseen) => return Row::unseen(check, unseen),
    };
    let confirmed = subscriptions.iter().filter(|one| one.is_confirmed).count();
    let pending = subscriptions.len() - confirmed;
    match (confirmed, pending) {
        (0, 0) => Row::broken(check, "nobody is subscribed: every alert is lost", SUBSCRIBE),
        (0, _) => Row::broken(
            check,
            format!("{pending} subscriptions wait for their confirmation: every alert is lost"),
            "Open the link in the mail of AWS. It is valid for two days; then subscribe again.",
        ),
        (_, 0) => Row::ok(check, format!("{confirmed} subscribers")),
        _ => Row::warning(
            check,
            format!("{confirmed} subscribers, and {pending} subscriptions wait for their confirmation"),
            "Open the link in the mail of AWS, or subscribe again.",
        ),
    }
}

/// CloudWatch sends alarms without attributes, so a filter policy accepts none of them.
fn alarms(alerts: &Seen<Vec<Subscription>>, alarms: &Seen<Vec<Subscription>>) -> Row {
    let check = Check::AlertsSubscribed;
    let (alerts, alarms) = match (alerts, alarms) {
        (Ok(alerts), Ok(alarms)) => (alerts, alarms),
        (Err(unseen), _) | (_, Err(unseen)) => return Row::unseen(check, unseen),
    };
    let hears = |subscriptions: &[Subscription], filtered: Option<bool>| {
        subscriptions.iter().any(|one| one.is_confirmed && one.is_filtered == filtered)
    };
    let all = |subscriptions: &[Subscription]| hears(subscriptions, Some(false));
    if all(alerts) || all(alarms) {
        return Row::ok(check, "somebody gets the alarms of CloudWatch");
    }
    if hears(alerts, None) || hears(alarms, None) {
        let seen = "it is not known whether the subscriptions have a filter policy, which no alarm passes";
        return Row::unknown(check, seen, "Allow sns:GetSubscriptionAttributes, and repeat the command.");
    }
    if alerts.iter().any(|one| one.is_confirmed) {
        let seen = "every subscriber of the alerts has a filter policy, and no alarm of CloudWatch passes it";
        return Row::broken(
            check,
            seen,
            "Subscribe to AlarmTopicArn without a filter: docs/src/deploy.md#3-subscribe-people.",
        );
    }
    Row::broken(check, "nobody is subscribed: every alarm is lost", SUBSCRIBE)
}

fn notices(topic: &Seen<Vec<Subscription>>, queue: Option<&str>) -> Row {
    let check = Check::NoticesSubscribed;
    match topic {
        Ok(subscriptions) => {
            let reaches = |one: &Subscription| one.is_confirmed && Some(one.endpoint.as_str()) == queue;
            if subscriptions.iter().any(reaches) {
                return Row::ok(check, "failures reach the queue of dlq-handler");
            }
            Row::broken(
                check,
                "the dead-letter topic does not send to DeadLetterQueue: no failure becomes an alert",
                "Find out who removed the subscription (CloudTrail). Then aws sns subscribe --topic-arn DeadLetterTopicArn \
                 --protocol sqs --notification-endpoint DeadLetterQueueArn --attributes RawMessageDelivery=true",
            )
        }
        Err(unseen) => Row::unseen(check, unseen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::State;

    fn subscription(is_confirmed: bool, is_filtered: Option<bool>) -> Subscription {
        Subscription { endpoint: "arn:queue".to_owned(), is_confirmed, is_filtered }
    }

    #[test]
    fn a_subscription_counts_when_it_is_confirmed() {
        let (confirmed, pending) = (subscription(true, Some(false)), subscription(false, None));
        for (subscriptions, expected) in [
            (vec![], State::Broken),
            (vec![pending.clone()], State::Broken),
            (vec![confirmed.clone()], State::Ok),
            (vec![confirmed, pending], State::Warning),
        ] {
            assert_eq!(alerts(&Ok(subscriptions.clone())).state, expected, "{subscriptions:?}");
        }
        assert_eq!(alerts(&Err(Unseen::Denied("sns:ListSubscriptionsByTopic"))).state, State::Unknown);
    }

    #[test]
    fn an_alarm_needs_a_subscriber_without_a_filter_on_one_of_the_topics() {
        let of = |filtered| vec![subscription(true, filtered)];
        for (to_alerts, to_alarms, expected) in [
            (of(Some(false)), vec![], State::Ok),
            (of(Some(true)), of(Some(false)), State::Ok),
            (of(Some(true)), vec![], State::Broken),
            (of(Some(true)), of(Some(true)), State::Broken),
            (of(None), vec![], State::Unknown),
            (of(Some(true)), of(None), State::Unknown),
            (vec![], vec![subscription(false, None)], State::Broken),
            (vec![], vec![], State::Broken),
        ] {
            let row = alarms(&Ok(to_alerts.clone()), &Ok(to_alarms.clone()));
            assert_eq!(row.state, expected, "{to_alerts:?} {to_alarms:?}");
        }
    }

    #[test]
    fn notices_reach_the_queue_of_the_stack() {
        let topic = |endpoint: &str, is_confirmed| {
            Ok(vec![Subscription { endpoint: endpoint.to_owned(), is_confirmed, is_filtered: None }])
        };
        assert_eq!(notices(&topic("arn:queue", true), Some("arn:queue")).state, State::Ok);
        assert_eq!(notices(&topic("arn:queue", false), Some("arn:queue")).state, State::Broken);
        assert_eq!(notices(&topic("arn:other", true), Some("arn:queue")).state, State::Broken);
        assert_eq!(notices(&Ok(Vec::new()), Some("arn:queue")).state, State::Broken);
        assert_eq!(notices(&topic("arn:queue", true), None).state, State::Broken);
    }
}

//! `{"Action": "ensureUser"}` with the properties.

use super::{Request, Work};
use crate::decide::Purpose;
use crate::properties::{EventError, Fields, Wanted};

const ACTION: &str = "ensureUser";

pub(super) fn parse(event: &Fields<'_>) -> Result<Request, EventError> {
    if event.text("Action", 1..=64)? != ACTION {
        return Err(event.wrong("Action", "`ensureUser`"));
    }
    let wanted = Wanted::read(event, &["Action"]);
    let work = wanted.map(|wanted| Work::Ensure { wanted, purpose: Purpose::Create, replaced: None });
    Ok(Request { action: ACTION, envelope: None, work })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse;
    use super::*;

    #[test]
    fn a_user_is_ensured_and_nothing_else_is_an_action() -> Result<(), EventError> {
        let mut event = json!({
            "Action": "ensureUser", "Broker": "b-1", "Username": "payment",
            "SecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rabbitmq/payment-AbCdEf",
        });
        let request = parse(&event, None)?;
        assert!(request.envelope.is_none());
        assert_eq!(request.action, "ensureUser");
        let is_create =
            |work: &Work| matches!(work, Work::Ensure { purpose: Purpose::Create, replaced: None, .. });
        assert!(request.work.as_ref().is_ok_and(is_create), "{request:?}");

        event["action"] = json!("x");
        assert!(parse(&event, None)?.work.is_err());
        for action in [json!("deleteUser"), json!("EnsureUser"), json!(7)] {
            event["Action"] = action;
            assert!(parse(&event, None).is_err(), "{event}");
        }
        Ok(())
    }
}

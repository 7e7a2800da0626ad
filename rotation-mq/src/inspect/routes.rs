//! Which AWS services the function reaches from its subnets. Every answer counts, also a refusal: the role needs no
//! permission for it.

use std::time::Duration;

use contract::{ROUTES_SCHEMA, RouteCheck, Routes};
use lambda_boundary::AwsError;

use crate::Rotation;

const LIMIT: Duration = Duration::from_secs(3);

/// Asks each service that a rotation needs, all at the same time.
pub async fn routes(rotation: &Rotation) -> Routes {
    let (secrets, sns, mq, lambda) = tokio::join!(
        check("secretsmanager", "Secrets Manager", rotation.secrets.ask_anything()),
        check("sns", "SNS", rotation.dead_letter.ask_anything()),
        check("mq", "Amazon MQ", rotation.amazon_mq.ask_anything()),
        check("lambda", "Lambda", rotation.delivery.ask_anything()),
    );
    Routes { schema: ROUTES_SCHEMA.to_owned(), routes: vec![secrets, sns, mq, lambda] }
}

async fn check(
    service: &str,
    name: &'static str,
    call: impl Future<Output = Result<(), AwsError>>,
) -> RouteCheck {
    let problem = match tokio::time::timeout(LIMIT, call).await {
        Ok(answer) => problem_of(answer),
        Err(_) => Some(unanswered(name)),
    };
    RouteCheck { service: service.to_owned(), reached: problem.is_none(), problem }
}

fn problem_of(answer: Result<(), AwsError>) -> Option<String> {
    match answer {
        Ok(()) | Err(AwsError::Refused { .. }) => None,
        Err(error) => Some(error.to_string()),
    }
}

fn unanswered(service: &'static str) -> String {
    AwsError::Unreachable { service, operation: "a request", timeout: LIMIT }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_is_an_answer_and_silence_is_none() {
        let refused = || AwsError::Refused {
            service: "SNS",
            operation: "GetTopicAttributes",
            code: "AuthorizationError".to_owned(),
            message: "no".to_owned(),
        };
        let unreachable =
            AwsError::Unreachable { service: "SNS", operation: "GetTopicAttributes", timeout: LIMIT };
        let unreadable = AwsError::Unreadable { service: "SNS", operation: "GetTopicAttributes" };
        for (answer, reached) in
            [(Ok(()), true), (Err(refused()), true), (Err(unreachable), false), (Err(unreadable), false)]
        {
            let route = check("sns", "SNS", async { answer }).await;
            assert_eq!((route.reached, route.problem.is_none()), (reached, reached), "{route:?}");
        }
        assert!(unanswered("SNS").contains("VPC endpoint for SNS"), "{}", unanswered("SNS"));
    }
}

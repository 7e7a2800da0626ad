//! The faults of each protocol, and how a proxy injects them. Pure.

use std::fmt;
use std::time::Duration;

use serde_json::json;
use testbed::fault_proxy;
use testbed::tcp_proxy::TcpFault;

use super::place::{Place, Protocol};

/// Longer than the limit of a call that [`super::stand`] configures.
const PAST_THE_TIMEOUT: Duration = Duration::from_millis(2_500);

/// The fault at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The host goes down. The connection closes, and further connections are refused until the attempt ends.
    Refused,
    /// The connection closes before the call is processed.
    Dropped,
    /// The call is processed, and its answer is lost.
    Lost,
    /// The call and every retry are processed, but no answer arrives until the attempt ends.
    AlwaysLost,
    /// The answer is cut in half. For AMQPS, it is cut after this number of bytes.
    Cut(usize),
    /// The service answers with this status once.
    Answers(u16),
    /// The service answers with this status until the attempt ends.
    AlwaysAnswers(u16),
    /// `ThrottlingException`, until the attempt ends.
    AlwaysThrottled,
    /// The login or the permission is refused.
    Denied,
    /// The call arrives late, but in time. Only random schedules have it: alone, it changes nothing.
    Slow(u16),
    /// The answer takes longer than the caller's timeout, until the attempt ends.
    AlwaysLate,
    /// The function's process is killed before the call is processed.
    KilledBefore,
    /// The function's process is killed after the call is processed.
    KilledAfter,
}

impl Fault {
    /// The faults that a place can have. Throttling and errors of the service last until the attempt ends, because a
    /// function retries such a call by itself. 503 also occurs once, which proves the retry.
    #[must_use]
    pub fn of(place: Place) -> Vec<Self> {
        let http = [
            Self::Refused,
            Self::Dropped,
            Self::Lost,
            Self::AlwaysLost,
            Self::Cut(0),
            Self::Answers(503),
            Self::AlwaysAnswers(429),
            Self::AlwaysAnswers(500),
            Self::AlwaysAnswers(503),
            Self::Denied,
            Self::AlwaysLate,
            Self::KilledBefore,
            Self::KilledAfter,
        ];
        match place.protocol() {
            Protocol::AwsJson | Protocol::AwsQuery => [http.as_slice(), &[Self::AlwaysThrottled]].concat(),
            Protocol::Management | Protocol::Kubernetes => http.to_vec(),
            // In the TLS handshake, and in the AMQP handshake.
            Protocol::Amqps => vec![
                Self::Refused,
                Self::Dropped,
                Self::Cut(100),
                Self::Cut(3_000),
                Self::AlwaysLate,
                Self::KilledBefore,
            ],
        }
    }

    /// Whether the fault also applies to every retry of the call in the same attempt.
    #[must_use]
    pub fn lasts(self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::AlwaysLost
                | Self::AlwaysAnswers(_)
                | Self::AlwaysThrottled
                | Self::AlwaysLate
        )
    }

    /// Whether the function's process ends.
    #[must_use]
    pub fn kills(self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }

    /// The fault for an HTTP proxy.
    #[must_use]
    pub fn over_http(self, place: Place) -> fault_proxy::Fault {
        match self {
            Self::Refused | Self::Dropped | Self::KilledBefore => fault_proxy::Fault::Drop,
            Self::Lost | Self::AlwaysLost | Self::KilledAfter => fault_proxy::Fault::LoseResponse,
            Self::Cut(_) => fault_proxy::Fault::CutResponse,
            Self::Answers(status) | Self::AlwaysAnswers(status) => answer(place, status),
            Self::AlwaysThrottled => aws_error(place.protocol(), 400, "ThrottlingException"),
            Self::Denied => denial(place),
            Self::Slow(ms) => fault_proxy::Fault::Delay(Duration::from_millis(ms.into())),
            Self::AlwaysLate => fault_proxy::Fault::Delay(PAST_THE_TIMEOUT),
        }
    }

    /// The fault for a TCP proxy.
    #[must_use]
    pub fn over_tcp(self) -> TcpFault {
        match self {
            Self::Cut(bytes) => TcpFault::CutAfter(bytes),
            Self::AlwaysLate => TcpFault::BlackHole,
            _ => TcpFault::Close,
        }
    }
}

fn answer(place: Place, status: u16) -> fault_proxy::Fault {
    match place.protocol() {
        protocol @ (Protocol::AwsJson | Protocol::AwsQuery) => {
            let code = match status {
                429 => "TooManyRequestsException",
                503 => "ServiceUnavailableException",
                _ => "InternalServiceError",
            };
            aws_error(protocol, status, code)
        }
        Protocol::Kubernetes => kubernetes_status(status, "InternalError"),
        // A page of a load balancer, or the broker's own answer.
        Protocol::Management | Protocol::Amqps if status == 503 => fault_proxy::Fault::html(status),
        Protocol::Management | Protocol::Amqps => broker_error(status, "internal_server_error"),
    }
}

fn denial(place: Place) -> fault_proxy::Fault {
    match place.protocol() {
        protocol @ (Protocol::AwsJson | Protocol::AwsQuery) => {
            aws_error(protocol, 400, "AccessDeniedException")
        }
        Protocol::Kubernetes => kubernetes_status(403, "Forbidden"),
        Protocol::Management | Protocol::Amqps => broker_error(401, "not_authorized"),
    }
}

fn aws_error(protocol: Protocol, status: u16, code: &str) -> fault_proxy::Fault {
    if protocol != Protocol::AwsQuery {
        return fault_proxy::Fault::aws_error(status, code);
    }
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>injected</Message></Error>");
    let body = format!("<ErrorResponse>{error}<RequestId>injected</RequestId></ErrorResponse>");
    fault_proxy::Fault::Answer { status, content_type: "text/xml".to_owned(), body }
}

fn kubernetes_status(status: u16, reason: &str) -> fault_proxy::Fault {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status,
        "reason": reason, "message": "injected"});
    json_answer(status, &body)
}

fn broker_error(status: u16, error: &str) -> fault_proxy::Fault {
    json_answer(status, &json!({"error": error, "reason": "injected"}))
}

fn json_answer(status: u16, body: &serde_json::Value) -> fault_proxy::Fault {
    fault_proxy::Fault::Answer { status, content_type: "application/json".to_owned(), body: body.to_string() }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => formatter.write_str("refused"),
            Self::Dropped => formatter.write_str("dropped"),
            Self::Lost => formatter.write_str("lost"),
            Self::AlwaysLost => formatter.write_str("always lost"),
            Self::Cut(0) => formatter.write_str("cut"),
            Self::Cut(bytes) => write!(formatter, "cut after {bytes} bytes"),
            Self::Answers(status) => write!(formatter, "{status}"),
            Self::AlwaysAnswers(status) => write!(formatter, "always {status}"),
            Self::AlwaysThrottled => formatter.write_str("always throttled"),
            Self::Denied => formatter.write_str("denied"),
            Self::Slow(ms) => write!(formatter, "slow by {ms} ms"),
            Self::AlwaysLate => formatter.write_str("always late"),
            Self::KilledBefore => formatter.write_str("killed before"),
            Self::KilledAfter => formatter.write_str("killed after"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_place_has_faults_with_different_names_and_one_that_kills_the_function() {
        for place in Place::ALL {
            let faults = Fault::of(place);
            let names: BTreeSet<String> = faults.iter().map(ToString::to_string).collect();
            assert_eq!(names.len(), faults.len(), "{place}");
            assert!(faults.contains(&Fault::KilledBefore), "{place}");
            assert!(faults.contains(&Fault::AlwaysLate), "{place}");
        }
    }
}

//! The faults that each protocol has, and how a proxy does them. Pure.

use std::fmt;
use std::time::Duration;

use serde_json::json;
use testbed::fault_proxy;
use testbed::tcp_proxy::TcpFault;

use super::place::{Place, Protocol};

/// Longer than a call may take with the limit that [`super::stand`] configures.
const PAST_THE_TIMEOUT: Duration = Duration::from_millis(2_500);

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The host goes away: the connection closes, and every further one is refused until the attempt is over.
    Refused,
    /// The connection closes before the call was done.
    Dropped,
    /// The call is done, and its answer is lost.
    Lost,
    /// The call is done, and every repetition of it, but no answer arrives until the attempt is over.
    AlwaysLost,
    /// The answer ends in its middle; for AMQPS after so many bytes.
    Cut(usize),
    /// The service answers this status, once.
    Answers(u16),
    /// The service answers this status until the attempt is over.
    AlwaysAnswers(u16),
    /// `ThrottlingException`, until the attempt is over.
    AlwaysThrottled,
    /// The login or the right is refused.
    Denied,
    /// The answer takes longer than the caller waits, until the attempt is over.
    AlwaysLate,
    /// The function's process is killed before the call was done.
    KilledBefore,
    /// The function's process is killed when the call was done.
    KilledAfter,
}

impl Fault {
    /// Those that a place can have. A limit of calls and errors of the service come for as long as the attempt lasts,
    /// because a function repeats such a call by itself; 503 also comes once, which proves the repetition.
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
            // In the TLS handshake, and in AMQP's own.
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

    /// Whether it also hits every repetition of the call in the same attempt.
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

    /// As an HTTP proxy does it.
    #[must_use]
    pub fn over_http(self, place: Place) -> fault_proxy::Fault {
        match self {
            Self::Refused | Self::Dropped | Self::KilledBefore => fault_proxy::Fault::Drop,
            Self::Lost | Self::AlwaysLost | Self::KilledAfter => fault_proxy::Fault::LoseResponse,
            Self::Cut(_) => fault_proxy::Fault::CutResponse,
            Self::Answers(status) | Self::AlwaysAnswers(status) => answer(place, status),
            Self::AlwaysThrottled => aws_error(place.protocol(), 400, "ThrottlingException"),
            Self::Denied => denial(place),
            Self::AlwaysLate => fault_proxy::Fault::Delay(PAST_THE_TIMEOUT),
        }
    }

    /// As a TCP proxy does it.
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
        // A load balancer's page, or the broker's own answer.
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
    fn every_place_has_faults_that_are_told_apart_and_each_kills() {
        for place in Place::ALL {
            let faults = Fault::of(place);
            let names: BTreeSet<String> = faults.iter().map(ToString::to_string).collect();
            assert_eq!(names.len(), faults.len(), "{place}");
            assert!(faults.contains(&Fault::KilledBefore), "{place}");
            assert!(faults.contains(&Fault::AlwaysLate), "{place}");
        }
    }
}

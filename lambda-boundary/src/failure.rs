//! From an error to what Lambda reports. This is the one place where the chain of causes becomes text.

use std::error::Error;

use contract::Kind;
use lambda_runtime::Diagnostic;

/// The causes below `error`, nearest first. Consecutive repeats are left out, because some libraries print their cause in
/// their own message and also name it as the source.
#[must_use]
pub fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut last = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !last.contains(&text) {
            causes.push(text.clone());
        }
        last = text;
        next = cause.source();
    }
    causes
}

/// What Lambda reports for `error`: the kind as `errorType`, the message and its causes as `errorMessage`.
#[must_use]
pub fn diagnostic(kind: Kind, error: &dyn Error) -> Diagnostic {
    let mut message = error.to_string();
    for cause in causes(error) {
        message.push_str(": ");
        message.push_str(&cause);
    }
    Diagnostic { error_type: kind.as_str().to_owned(), error_message: message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as &(dyn Error + 'static))
        }
    }

    #[test]
    fn the_chain_is_printed_once_and_the_kind_is_the_error_type() {
        let chain = Layer(
            "cannot read user `payment`",
            Some(Box::new(Layer(
                "transport error: connection refused",
                Some(Box::new(Layer("connection refused", None))),
            ))),
        );
        let diagnostic = diagnostic(Kind::BrokerUnreachable, &chain);
        assert_eq!(diagnostic.error_type, "broker.unreachable");
        assert_eq!(
            diagnostic.error_message,
            "cannot read user `payment`: transport error: connection refused"
        );
    }
}

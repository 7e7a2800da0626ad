//! Why a secret's value breaks the contract. No variant holds anything of the value but the name of a key.

/// Why a secret's value breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretValueError {
    /// Larger than Secrets Manager can hold.
    #[error("the value is longer than 65536 bytes")]
    TooLong,
    /// What some editors write before a text; JSON does not allow it.
    #[error("the value begins with a byte-order mark (U+FEFF), which is not JSON: store it without")]
    ByteOrderMark,
    /// Not JSON, or not an object.
    #[error("the value is not a JSON object (line {line}, column {column})")]
    NotAnObject {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// A field that must be there is not.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// A field is there and empty.
    #[error("the field `{0}` is empty")]
    Empty(&'static str),
    /// A field has another type.
    #[error("the field `{0}` must be a string")]
    NotText(&'static str),
    /// `engine` is not `rabbitmq`.
    #[error("the field `engine` must be `rabbitmq`")]
    WrongEngine,
    /// Two ways to name the broker.
    #[error("the fields `brokerId` and `host` are both there: give one of them")]
    BothAddresses,
    /// No way to name the broker.
    #[error("one of the fields `brokerId` and `host` must be there")]
    NoAddress,
    /// `rotationStrategy` is something else.
    #[error("the field `rotationStrategy` must be `alternating` or `single`")]
    UnknownStrategy,
    /// Two users can only be kept by an administrator.
    #[error("the field `rotationStrategy` is `alternating`, which needs `masterarn`")]
    AlternatingWithoutAdmin,
    /// Not an ARN.
    #[error("the field `{0}` must be the ARN of a secret")]
    NotAnArn(&'static str),
    /// Some other form was expected.
    #[error("the field `{field}` must be {expected}")]
    Malformed {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Nearly a key that the contract knows, which would be ignored.
    #[error("`{key}`: did you mean `{known}`?")]
    NearMiss {
        /// The key.
        key: String,
        /// The key that the contract knows.
        known: &'static str,
    },
    /// A key repeats the credentials, and it is not certain how to renew it.
    #[error("the key `{key}` repeats the credentials and cannot be renewed with certainty: {why}")]
    UnclearCopy {
        /// The path of the key, such as `brokers[0].uri`.
        key: String,
        /// Why.
        why: &'static str,
    },
}

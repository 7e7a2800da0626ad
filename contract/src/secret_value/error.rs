//! Why a secret's value does not follow the contract. Of the value, a variant holds at most the name of a key.

/// Why a secret's value does not follow the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretValueError {
    /// Larger than Secrets Manager can hold.
    #[error("the value is longer than 65536 bytes")]
    TooLong,
    /// Some editors write a byte-order mark before a text. JSON does not allow it.
    #[error(
        "the value begins with a byte-order mark (U+FEFF), which JSON does not allow: store it without the mark"
    )]
    ByteOrderMark,
    /// Not JSON, or not an object.
    #[error("the value is not a JSON object (line {line}, column {column})")]
    NotAnObject {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// A required field is missing.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// A field is empty.
    #[error("the field `{0}` is empty")]
    Empty(&'static str),
    /// A field has another type.
    #[error("the field `{0}` must be a string")]
    NotText(&'static str),
    /// `engine` is not `rabbitmq`.
    #[error("the field `engine` must be `rabbitmq`")]
    WrongEngine,
    /// Both fields that can name the broker are set.
    #[error("the fields `brokerId` and `host` are both set: set only one of them")]
    BothAddresses,
    /// No field names the broker.
    #[error("one of the fields `brokerId` and `host` must be set")]
    NoAddress,
    /// `rotationStrategy` has another value.
    #[error("the field `rotationStrategy` must be `alternating` or `single`")]
    UnknownStrategy,
    /// Only an administrator can manage two users.
    #[error("the field `rotationStrategy` is `alternating`, which needs `masterarn`")]
    AlternatingWithoutAdmin,
    /// Not an ARN.
    #[error("the field `{0}` must be the ARN of a secret")]
    NotAnArn(&'static str),
    /// A field does not have the expected form.
    #[error("the field `{field}` must be {expected}")]
    Malformed {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A near miss of a key that the contract knows. It would have no effect.
    #[error("`{key}`: did you mean `{known}`?")]
    NearMiss {
        /// The key.
        key: String,
        /// The key that the contract knows.
        known: &'static str,
    },
    /// A key repeats the credentials, and it is not certain how to write the new ones into it.
    #[error("the key `{key}` repeats the credentials and cannot be renewed with certainty: {why}")]
    UnclearCopy {
        /// The path of the key, such as `brokers[0].uri`.
        key: String,
        /// Why.
        why: &'static str,
    },
}

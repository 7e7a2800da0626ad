//! AWS: one file for each service. No other file imports a client of AWS.

pub mod cloudformation;
pub mod cloudtrail;
pub mod config;
pub mod dynamodb;
pub mod eks;
mod error;
pub mod eventbridge;
pub mod functions;
pub mod kms;
pub mod lambda;
pub mod scheduler;
pub mod secrets_manager;
pub mod sns;
pub mod sqs;
pub mod sts;

pub use error::AwsError;

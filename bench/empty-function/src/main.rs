//! A function that does nothing. `cargo xtask bench` compares rotation-mq with it. It is a separate crate, so that it
//! is built with the same profile and dependencies and contains nothing else.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Ok::<_, Error>(Value::Null))).await
}

//! A function that does nothing. `cargo xtask bench` compares rotation-mq with it: a crate of its own, so that
//! it is built with the same profile and dependencies and has nothing else in it.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Ok::<_, Error>(Value::Null))).await
}

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:bench";

async fn api() -> Result<RuntimeApi> {
    RuntimeApi::start(ARN, Duration::from_secs(5)).await
}

/// Sends a request, and reads until `end` has come.
async fn call(stream: &mut TcpStream, request: &str, end: &str) -> Result<String> {
    stream.write_all(request.as_bytes()).await?;
    let (mut text, mut buffer) = (String::new(), [0; 1_024]);
    while !text.contains(end) {
        let length = stream.read(&mut buffer).await?;
        ensure!(length > 0, "the connection was closed after {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    Ok(text)
}

fn get_next() -> String {
    format!("GET {VERSION}invocation/next HTTP/1.1\r\nhost: lambda\r\n\r\n")
}

fn post(path: &str, body: &str) -> String {
    format!("POST {VERSION}{path} HTTP/1.1\r\nhost: lambda\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn an_event_is_handed_out_with_its_headers_and_its_answer_is_timed() -> Result<()> {
    let mut api = api().await?;
    let address = api.address().to_owned();
    let function = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await?;
        let event = call(&mut stream, &get_next(), r#"{"Step":"testSecret"}"#).await?;
        let header = |name: &str| {
            event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        assert_eq!(header("lambda-runtime-invoked-function-arn: "), ARN);
        assert!(header("lambda-runtime-deadline-ms: ").parse::<u64>()? > 1_600_000_000_000, "{event}");
        let id = header("lambda-runtime-aws-request-id: ");
        let answer = post(&format!("invocation/{id}/response"), "{\"done\":1}");
        let accepted = call(&mut stream, &answer, "OK").await?;
        assert!(accepted.starts_with("HTTP/1.1 202"), "{accepted}");
        stream.write_all(get_next().as_bytes()).await?;
        // The poll stays open.
        anyhow::Ok(stream)
    });
    api.first_poll().await?;
    let exchange = api.invoke(&json!({"Step": "testSecret"})).await?;
    assert_eq!(exchange.answer, json!({"done": 1}));
    assert!(exchange.answered <= exchange.ended && exchange.ended < Duration::from_secs(5), "{exchange:?}");
    drop(function.await??);
    Ok(())
}

#[tokio::test]
async fn a_function_that_fails_is_an_error_with_its_own_words() -> Result<()> {
    for (path, expected) in [
        ("init/error", "it cannot start: {\"errorType\":\"Config\"}"),
        ("exit", "POST /2018-06-01/runtime/exit, which is not known"),
        ("invocation/1/error", "it failed with the event 1"),
    ] {
        let mut api = api().await?;
        let mut stream = TcpStream::connect(api.address()).await?;
        call(&mut stream, &post(path, r#"{"errorType":"Config"}"#), "OK").await?;
        let error = api.first_poll().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    Ok(())
}

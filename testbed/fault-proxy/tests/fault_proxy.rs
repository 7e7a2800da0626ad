//! The proxies inject a fault at the chosen call, and at no other call.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use broker::management::{Answer, Management};
use broker::{Broker, amqps_login, answers};
use fault_proxy::tcp_proxy::{TcpFault, TcpProxy};
use fault_proxy::{Call, Fault, FaultProxy, Rule};
use reqwest::Method;
use serde_json::{Value, json};

/// The broker, and a client of its management API through a proxy.
async fn behind_a_proxy() -> Result<(&'static Broker, FaultProxy, Management)> {
    let broker = Broker::shared(Path::new(env!("CARGO_TARGET_TMPDIR"))).await?;
    let tls = broker.ca_pem();
    let proxy = FaultProxy::https(&broker.management_url(), broker.certificates())?;
    let client = Management::new(proxy.url(), &tls, broker.admin_user(), broker.admin_password())?;
    Ok((broker, proxy, client))
}

async fn put(client: &Management, user: &str) -> Result<Answer> {
    client.call(Method::PUT, &["users", user], Some(&json!({"password": "a-password-123", "tags": ""}))).await
}

fn is_put(call: &Call) -> bool {
    call.method == "PUT"
}

#[tokio::test]
async fn a_clean_run_is_recorded_call_by_call() -> Result<()> {
    let (broker, proxy, client) = behind_a_proxy().await?;
    client.create_user("re/corded", "a-password-123", &[]).await?;
    client.set_permissions("re/corded", "/", [".*"; 3]).await?;
    assert!(client.user("re/corded").await?.is_some());
    assert!(broker.can_log_in("re/corded", "a-password-123").await?);
    let operations: Vec<String> = proxy.calls().iter().map(Call::operation).collect();
    assert_eq!(
        operations,
        ["PUT /api/users/re%2Fcorded", "PUT /api/permissions/%2F/re%2Fcorded", "GET /api/users/re%2Fcorded"]
    );
    assert!(
        !format!("{:?}", proxy.calls()).contains("a-password"),
        "a call that is printed shows no credentials"
    );
    proxy.reset();
    assert!(proxy.calls().is_empty());
    Ok(())
}

#[tokio::test]
async fn each_fault_says_what_the_caller_sees_and_whether_the_broker_did_it() -> Result<()> {
    let (broker, proxy, client) = behind_a_proxy().await?;
    let management = broker.management()?;
    let html = Value::String("<html><body>Something went wrong</body></html>".to_owned());
    let short = Duration::from_millis(150);
    for (number, (fault, seen, done)) in [
        (Fault::Nothing, Some((201, Value::Null)), true),
        (Fault::Drop, None, false),
        (Fault::LoseResponse, None, true),
        (Fault::CutResponse, None, true),
        (Fault::html(503), Some((503, html)), false),
        (
            Fault::aws_error(429, "Throttling"),
            Some((429, json!({"__type": "Throttling", "message": "injected"}))),
            false,
        ),
        (Fault::Delay(short), Some((201, Value::Null)), true),
        (Fault::DelayResponse(short), Some((201, Value::Null)), true),
    ]
    .into_iter()
    .enumerate()
    {
        let user = format!("faulty-{number}");
        proxy.reset();
        proxy.inject(Rule::at(1, is_put, fault.clone()));
        let answer = put(&client, &user).await.ok().map(|answer| (answer.status, answer.body));
        assert_eq!(answer, seen, "{fault:?}");
        assert_eq!(management.user(&user).await?.is_some(), done, "{fault:?}");
        management.delete_user(&user).await?;
        assert_eq!(put(&client, &user).await?.status, 201, "after {fault:?} nothing more happens");
    }
    Ok(())
}

#[tokio::test]
async fn a_cut_response_ends_in_its_middle() -> Result<()> {
    let (_, proxy, client) = behind_a_proxy().await?;
    proxy.inject(Rule::always(|_| true, Fault::CutResponse));
    let error = client.call(Method::GET, &["overview"], None).await.err().context("no error")?;
    // Status and headers arrived, so the error comes from the body.
    assert!(
        error
            .chain()
            .any(|cause| cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_body)
                || cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_decode)),
        "{error:?}"
    );
    Ok(())
}

#[tokio::test]
async fn only_the_nth_match_is_hit_and_the_hook_runs_at_it() -> Result<()> {
    let (broker, proxy, client) = behind_a_proxy().await?;
    let hooked = Arc::new(AtomicUsize::new(0));
    let (seen, management, runtime) =
        (Arc::clone(&hooked), broker.management()?, tokio::runtime::Handle::current());
    let rule = Rule::at(2, is_put, Fault::LoseResponse).times(2).hook(move |call| {
        seen.fetch_add(call.number, Ordering::SeqCst);
        // The broker has processed the call when the hook of a lost response runs.
        let name = call.path.rsplit('/').next().unwrap_or_default().to_owned();
        assert!(runtime.block_on(management.user(&name)).is_ok_and(|user| user.is_some()));
    });
    proxy.inject(rule);
    assert!(put(&client, "nth-1").await.is_ok());
    assert!(client.user("nth-1").await.is_ok(), "no match, not counted");
    assert!(put(&client, "nth-2").await.is_err());
    assert!(put(&client, "nth-3").await.is_err());
    assert!(put(&client, "nth-4").await.is_ok());
    assert_eq!(hooked.load(Ordering::SeqCst), 3 + 4);
    Ok(())
}

#[tokio::test]
async fn aws_calls_are_named_by_their_operation() -> Result<()> {
    let broker = Broker::shared(Path::new(env!("CARGO_TARGET_TMPDIR"))).await?;
    let proxy = FaultProxy::http(&format!("http://127.0.0.1:{}", broker.plain_http_port()))?;
    proxy.inject(Rule::at(
        1,
        |call| call.operation() == "PutSecretValue",
        Fault::aws_error(400, "ThrottlingException"),
    ));
    proxy.inject(Rule::at(1, |call| call.operation() == "Publish", Fault::Drop));
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(sandbox::certificates::client_config(&broker.ca_pem())?)
        .build()?;
    let json = client.post(proxy.url()).header("x-amz-target", "secretsmanager.PutSecretValue").body("{}");
    assert_eq!(json.send().await?.json::<Value>().await?["__type"], "ThrottlingException");
    let form =
        client.post(proxy.url()).header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    assert!(form.body("Action=Publish&Message=x").send().await.is_err());
    let plain = client.get(format!("{}/api/overview?a=b", proxy.url())).header("host", "signed.example");
    assert_eq!(plain.send().await?.status(), 401, "forwarded");
    let calls = proxy.calls();
    let operations: Vec<String> = calls.iter().map(Call::operation).collect();
    assert_eq!(operations, ["PutSecretValue", "Publish", "GET /api/overview?a=b"]);
    assert_eq!(calls.last().and_then(|call| call.header("host")), Some("signed.example"));
    Ok(())
}

#[tokio::test]
async fn an_upstream_that_is_gone_closes_the_connection() -> Result<()> {
    let broker = Broker::shared(Path::new(env!("CARGO_TARGET_TMPDIR"))).await?;
    let nobody = sandbox::ports::free_ports(1)?.first().copied().context("no port")?;
    let tls = broker.ca_pem();
    let proxy = FaultProxy::https(&format!("https://localhost:{nobody}"), broker.certificates())?;
    assert!(put(&Management::new(proxy.url(), &tls, "a", "b")?, "x").await.is_err());
    Ok(())
}

#[tokio::test]
async fn an_answer_that_names_an_endpoint_names_another_one() -> Result<()> {
    let (broker, proxy, client) = behind_a_proxy().await?;
    proxy.replace_in_answers(broker.version(), "somewhere else");
    assert_eq!(client.version().await?, "somewhere else");
    Ok(())
}

#[tokio::test]
async fn a_host_that_goes_away_takes_its_connections_with_it_and_comes_back() -> Result<()> {
    let broker = Broker::shared(Path::new(env!("CARGO_TARGET_TMPDIR"))).await?;
    let proxy = TcpProxy::start(broker.amqps_port())?;
    let ca_pem = broker.ca_pem();
    let login = || amqps_login(proxy.port(), &ca_pem, broker.admin_user(), broker.admin_password(), "/");
    let connection = login().await?;
    proxy.go_away();
    assert!(login().await.is_err());
    let gone = Instant::now();
    while answers(&connection).await {
        assert!(gone.elapsed() < Duration::from_secs(10), "the connection outlived the host");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    proxy.forget_faults();
    proxy.listen(true).await?;
    assert!(login().await.is_ok());
    Ok(())
}

#[tokio::test]
async fn amqps_is_passed_refused_closed_cut_and_swallowed() -> Result<()> {
    let broker = Broker::shared(Path::new(env!("CARGO_TARGET_TMPDIR"))).await?;
    let proxy = TcpProxy::start(broker.amqps_port())?;
    let ca_pem = broker.ca_pem();
    let login = || amqps_login(proxy.port(), &ca_pem, broker.admin_user(), broker.admin_password(), "/");
    let connection = login().await?;
    assert!(answers(&connection).await);

    proxy.listen(false).await?;
    assert!(login().await.is_err());
    proxy.listen(true).await?;
    assert_eq!(proxy.connections(), 1, "a refused connection never was one");

    let hooked = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&hooked);
    proxy.fault_at(
        2,
        TcpFault::Close,
        Some(Arc::new(move || {
            seen.fetch_add(1, Ordering::SeqCst);
        })),
    );
    assert!(login().await.is_ok());
    assert_eq!(hooked.load(Ordering::SeqCst), 0);
    assert!(login().await.is_err());
    assert_eq!(hooked.load(Ordering::SeqCst), 1);
    // In the TLS handshake, and in the AMQP handshake.
    for bytes in [1, 100, 1500] {
        proxy.fault_at(1, TcpFault::CutAfter(bytes), None);
        assert!(login().await.is_err(), "cut after {bytes}");
    }
    proxy.fault_always(Some(TcpFault::BlackHole));
    assert!(tokio::time::timeout(Duration::from_millis(300), login()).await.is_err());
    proxy.fault_always(None);
    assert!(login().await.is_ok());

    assert!(connection.status().connected());
    proxy.cut();
    let cut = Instant::now();
    while answers(&connection).await {
        assert!(cut.elapsed() < Duration::from_secs(10), "the connection outlived the cut");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

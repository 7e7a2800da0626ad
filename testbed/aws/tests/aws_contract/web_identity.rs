//! Row I6: credentials of a role for the token of a service account.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::support::{Shared, cli, shared, template};

const ISSUER: &str = "oidc.eks.us-east-1.amazonaws.com/id/TRUSTED";
const UNKNOWN: &str = "https://oidc.eks.us-east-1.amazonaws.com/id/UNKNOWN";
const LONG_AGO: u32 = 1_700_000_000;

#[tokio::test]
async fn a_web_identity_is_taken_from_a_known_issuer_with_the_right_signature_audience_and_time() -> Result<()>
{
    let shared = shared().await?;
    shared.aws.put_cluster("trusted", "https://localhost:41573", "PEM").await?;
    let role = create_role(shared).await?;
    let right = json!({"sub": "system:serviceaccount:payment:aws", "aud": ["sts.amazonaws.com"]});
    let with = |change: Value| {
        let mut claims = right.clone();
        for (name, value) in change.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        claims
    };
    let cases = [
        ("right", right.clone(), false, ""),
        ("one audience as text", with(json!({"aud": "sts.amazonaws.com"})), false, ""),
        ("another key", right.clone(), true, "InvalidIdentityToken"),
        ("another audience", with(json!({"aud": ["kubernetes"]})), false, "InvalidIdentityToken"),
        ("an unknown issuer", with(json!({"iss": UNKNOWN})), false, "InvalidIdentityToken"),
        ("expired", with(json!({"exp": LONG_AGO})), false, "ExpiredTokenException"),
        ("another account", with(json!({"sub": "system:serviceaccount:other:aws"})), false, "AccessDenied"),
    ];
    let wanted = cases.iter().map(|(_, claims, forged, _)| json!({"claims": claims, "forged": forged}));
    let issued = issue(shared, &wanted.collect::<Vec<_>>())?;
    shared.aws.put_cluster_issuer("trusted", &format!("https://{ISSUER}"), &issued["keys"]).await?;
    let tokens = issued["tokens"].as_array().context("no tokens")?;
    for ((what, _, _, expected), token) in cases.iter().zip(tokens) {
        let code = assume(shared, &role, token.as_str().context("no token")?).await?;
        assert_eq!(&code, expected, "{what}");
    }
    assert_eq!(assume(shared, &role, "no.token.at-all").await?, "InvalidIdentityToken");
    Ok(())
}

/// As in `infra/kubernetes/store-role.yaml`.
async fn create_role(shared: &'static Shared) -> Result<String> {
    let provider = format!("arn:aws:iam::{}:oidc-provider/{ISSUER}", shared.aws.account());
    let subject = format!("{ISSUER}:sub");
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{ISSUER}:aud"): "sts.amazonaws.com", subject: "system:serviceaccount:payment:aws",
        }},
    }]});
    let create = ["iam", "create-role", "--role-name", "web-identity", "--assume-role-policy-document"];
    let created = cli(shared, &[&create[..], &[&trust.to_string()]].concat()).await?;
    let arn = created.pointer("/Role/Arn").and_then(Value::as_str);
    arn.map(str::to_owned).context("a role without an ARN")
}

fn issue(shared: &Shared, tokens: &[Value]) -> Result<Value> {
    let wanted = json!({"issuer": format!("https://{ISSUER}"), "tokens": tokens});
    let script = template("tests/aws_contract/web_identity.py");
    let mut issuer = Command::new(shared.python.program("python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    issuer.stdin.take().context("no input")?.write_all(wanted.to_string().as_bytes())?;
    let output = issuer.wait_with_output()?;
    ensure!(output.status.success(), "the issuer failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The error code of a refused call; empty if STS returns credentials.
async fn assume(shared: &Shared, role: &str, token: &str) -> Result<String> {
    let mut command = shared.aws.cli();
    command.args(["sts", "assume-role-with-web-identity", "--role-session-name", "contract"]);
    command.args(["--role-arn", role, "--web-identity-token", token]);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    if output.status.success() {
        return Ok(String::new());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let code = text.split_once("occurred (").and_then(|(_, rest)| rest.split_once(')'));
    code.map(|(code, _)| code.to_owned()).with_context(|| text.to_string())
}

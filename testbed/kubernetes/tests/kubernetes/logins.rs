//! Logins to the API server: botocore creates the tokens, and EKS's own verifier checks them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, UserInfo};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, PostParams};
use kubernetes::CLUSTER;
use serde_json::{Value, json};

use crate::support::{Shared, shared, tests};

const PREFIX: &str = "k8s-aws-v1.";

#[tokio::test]
async fn the_api_server_answers_its_version_and_anonymous_calls_are_refused() -> Result<()> {
    let shared = shared().await?;
    let version = shared.kubernetes.admin()?.apiserver_version().await?;
    assert!(version.git_version.starts_with("v1.35."), "{version:?}");
    let refused = list(shared, "no-such-token", "default").await?;
    assert_eq!(refused, 401);
    Ok(())
}

#[tokio::test]
async fn a_role_with_an_access_entry_does_what_its_group_may_and_nothing_else() -> Result<()> {
    let shared = shared().await?;
    for namespace in ["readable", "unreadable"] {
        shared.kubernetes.create_namespace(namespace, &[]).await?;
    }
    let token = Signed::by(shared, "Reader").await?.token(shared)?;
    assert_eq!(list(shared, &token, "readable").await?, 403, "the group has no permissions yet");
    shared.kubernetes.apply_manifests_in("readable", RIGHTS).await?;
    assert_eq!(list(shared, &token, "readable").await?, 200);
    assert_eq!(list(shared, &token, "unreadable").await?, 403);
    let maps: Api<ConfigMap> = Api::namespaced(shared.kubernetes.client_with(&token)?, "readable");
    let map = serde_json::from_value(json!({"metadata": {"name": "written"}}))?;
    assert_eq!(status(maps.create(&PostParams::default(), &map).await)?, 403, "it may only list");
    Ok(())
}

/// Two documents. The first one is empty.
const RIGHTS: &str = "
---
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
  - {apiGroups: [''], resources: [configmaps], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
  - {apiGroup: rbac.authorization.k8s.io, kind: Group, name: readers}
";

#[tokio::test]
async fn a_user_has_the_name_and_the_groups_of_the_access_entry() -> Result<()> {
    let shared = shared().await?;
    let account = shared.aws.account();
    let session = format!("arn:aws:sts::{account}:assumed-role/cluster-reader/session-1");
    for (role, name, group) in
        [("Reader", session.as_str(), Some("readers")), ("Named", "delivery:session-1", None)]
    {
        let token = Signed::by(shared, role).await?.token(shared)?;
        let user = who_is(shared, &token).await?;
        assert_eq!(user.username.as_deref(), Some(name));
        let groups = user.groups.unwrap_or_default();
        assert!(groups.contains(&"system:authenticated".to_owned()), "{groups:?}");
        assert_eq!(groups.contains(&"readers".to_owned()), group.is_some(), "{groups:?}");
        let reviews = shared.kubernetes.token_reviews()?;
        let told =
            |review: &kubernetes::TokenReview| review.user.as_ref().is_some_and(|user| user.username == name);
        assert!(reviews.iter().any(told), "{reviews:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_that_is_wrong_in_any_way_is_refused() -> Result<()> {
    let shared = shared().await?;
    let signed = Signed::by(shared, "Reader").await?;
    let without_session = Signed { session_token: None, ..signed.clone() };
    let other_cluster = Signed { cluster: "another".to_owned(), ..signed.clone() };
    let aged = |minutes_old| Signed { minutes_old, ..signed.clone() };
    let bare = signed.token(shared)?.trim_start_matches(PREFIX).to_owned();
    for (what, token, why) in [
        ("a tampered signature", tampered(&signed.token(shared)?)?, "SignatureDoesNotMatch"),
        ("another cluster", other_cluster.token(shared)?, "SignatureDoesNotMatch"),
        ("16 minutes old", aged(16).token(shared)?, "expired"),
        ("no prefix", bare, "missing expected"),
        ("padding", format!("{}=", signed.token(shared)?), "illegal base64"),
        ("no session token", without_session.token(shared)?, "error from AWS"),
        ("no access entry", Signed::by(shared, "Stranger").await?.token(shared)?, "no access entry"),
    ] {
        let before = shared.kubernetes.token_reviews()?.len();
        assert_eq!(list(shared, &token, "default").await?, 401, "{what}");
        let reviews = shared.kubernetes.token_reviews()?;
        let refusals: Vec<_> =
            reviews[before..].iter().filter_map(|review| review.refused.as_ref()).collect();
        assert!(refusals.iter().any(|refusal| refusal.contains(why)), "{what}: {refusals:?}");
    }
    assert_eq!(list(shared, &aged(14).token(shared)?, "default").await?, 403, "14 minutes old is accepted");
    Ok(())
}

#[tokio::test]
async fn no_log_holds_a_token() -> Result<()> {
    let shared = shared().await?;
    let token = Signed::by(shared, "Reader").await?.token(shared)?;
    list(shared, &token, "default").await?;
    list(shared, &tampered(&token)?, "default").await?;
    let secret = token.get(PREFIX.len()..PREFIX.len() + 400).context("a short token")?;
    for part in ["kube-apiserver", "kube-controller-manager", "token-webhook", "external-secrets", "etcd"] {
        let log = std::fs::read_to_string(shared.kubernetes.log(part))?;
        ensure!(!log.contains(secret), "the log of {part} holds a token");
    }
    Ok(())
}

/// The parts of a token.
#[derive(Clone)]
struct Signed {
    key: String,
    secret: String,
    session_token: Option<String>,
    cluster: String,
    minutes_old: u32,
}

impl Signed {
    /// Signs as a session of the role in that output of the stack.
    async fn by(shared: &Shared, role: &str) -> Result<Self> {
        let role = shared.access.output(role)?;
        let mut assume = shared.aws.cli();
        assume.args(["sts", "assume-role", "--role-session-name", "session-1", "--role-arn", role]);
        let answer = output(assume, "").await?;
        let answer: Value = serde_json::from_str(&answer)?;
        let text = |name: &str| {
            let found = answer.pointer(&format!("/Credentials/{name}")).and_then(Value::as_str);
            found.map(str::to_owned).with_context(|| format!("no {name}"))
        };
        Ok(Self {
            key: text("AccessKeyId")?,
            secret: text("SecretAccessKey")?,
            session_token: Some(text("SessionToken")?),
            cluster: CLUSTER.to_owned(),
            minutes_old: 0,
        })
    }

    fn token(&self, shared: &Shared) -> Result<String> {
        let wanted = json!({
            "AccessKeyId": self.key, "SecretAccessKey": self.secret, "SessionToken": self.session_token,
            "cluster": self.cluster, "region": shared.aws.region(), "minutes_old": self.minutes_old,
        });
        let mut maker = Command::new(shared.python.program("python"));
        maker.arg(tests().join("eks_token.py"));
        Ok(run(maker, &wanted.to_string())?.trim().to_owned())
    }
}

/// The same token with one digit of its signature changed.
fn tampered(token: &str) -> Result<String> {
    let url = String::from_utf8(URL_SAFE_NO_PAD.decode(token.trim_start_matches(PREFIX))?)?;
    let (before, after) = url.split_once("X-Amz-Signature=").context("no signature")?;
    let first = if after.starts_with('0') { '1' } else { '0' };
    let rest = after.get(1..).context("an empty signature")?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(format!("{before}X-Amz-Signature={first}{rest}"))))
}

/// The status of the API server's answer to a list of config maps.
async fn list(shared: &Shared, token: &str, namespace: &str) -> Result<u16> {
    let maps: Api<ConfigMap> = Api::namespaced(shared.kubernetes.client_with(token)?, namespace);
    status(maps.list(&ListParams::default()).await)
}

fn status<T>(answer: kube::Result<T>) -> Result<u16> {
    match answer {
        Ok(_) => Ok(200),
        Err(kube::Error::Api(status)) => Ok(status.code),
        Err(error) => Err(error.into()),
    }
}

async fn who_is(shared: &Shared, token: &str) -> Result<UserInfo> {
    let reviews: Api<SelfSubjectReview> = Api::all(shared.kubernetes.client_with(token)?);
    let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
    review.status.and_then(|status| status.user_info).context("a review without a user")
}

async fn output(command: Command, input: &str) -> Result<String> {
    let input = input.to_owned();
    tokio::task::spawn_blocking(move || run(command, &input)).await?
}

fn run(mut command: Command, input: &str) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    child.stdin.take().context("no input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

//! The steps of a revocation. Each can be repeated.

use contract::Login;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::place::Place;
use super::plan::Next;
use super::{Wanted, standing};
use crate::context::Context;
use crate::follow::{self, Journal, Unseen};
use crate::incident_function::act;
use crate::inspector;
use crate::outcome::{Problem, Result};
use crate::screen::text::{foreign, short_version};
use crate::secret::Secret;

/// The end of what is noted after the revocation.
const REVOKED: &str = "is revoked";

/// One call of the command.
#[derive(Debug)]
pub struct Run<'a> {
    context: &'a Context,
    wanted: &'a Wanted<'a>,
    /// The command that continues.
    again: String,
    /// Failures from before this moment belong to others.
    since: Timestamp,
    /// What was seen.
    pub journal: &'a Journal<'a>,
    /// Where the revocation stands.
    pub place: Place,
    /// Whether the clients had their time to move.
    pub clients_were_waited_for: bool,
    /// The answer of the function for incidents.
    pub answer: Option<Value>,
    /// What the broker said to the leaked login.
    pub proof: Option<Login>,
}

impl<'a> Run<'a> {
    /// Notes the beginning.
    pub fn new(
        context: &'a Context,
        journal: &'a Journal<'a>,
        place: Place,
        again: String,
        wanted: &'a Wanted<'a>,
    ) -> Self {
        let since = (context.now)();
        let run = Self {
            context,
            wanted,
            again,
            since,
            journal,
            place,
            clients_were_waited_for: false,
            answer: None,
            proof: None,
        };
        run.save();
        run
    }

    /// Notes where the command stands before a step.
    pub fn stand(&self, next: &Next) {
        self.context.stand(standing(next, &self.place, &self.again));
    }

    /// Takes one step.
    pub async fn take(&mut self, next: &Next, secret: &Secret) -> Result<()> {
        let (context, journal, arn) = (self.context, self.journal, secret.arn.as_str());
        match next {
            Next::Rotate | Next::AwaitRotation => {
                let started = if *next == Next::Rotate {
                    follow::begin(context, secret, journal).await?
                } else {
                    follow::join(context, secret, journal).await?
                };
                let version = follow::rotation(context, &started, journal).await?;
                self.done(format!(
                    "the secret is rotated: version {} is AWSCURRENT",
                    short_version(&version)
                ));
            }
            Next::AwaitDelivery => {
                follow::delivery(context, arn, self.since, journal).await?;
                self.done("the cluster has the new version".to_owned());
            }
            Next::AwaitClients => {
                follow::clients(context, arn, journal, Unseen::Await).await?;
                self.clients_were_waited_for = true;
                self.done("the clients had their time to move".to_owned());
            }
            Next::Revoke => self.revoke(arn).await?,
            Next::Prove => self.prove(secret).await?,
            Next::Done | Next::Stop(_) => {}
        }
        Ok(())
    }

    async fn revoke(&mut self, arn: &str) -> Result<()> {
        let version = self.place.version.clone();
        let mut more = json!({"VersionId": version});
        if self.wanted.force {
            more["force"] = json!(true);
        }
        let asked = async { act(self.context, "revokePrevious", arn, self.wanted.reason, &more).await };
        let what = format!("cutting version {} off", short_version(&version));
        let answer = self.context.progress.during(&what, asked).await?;
        // Another function may answer anything. Only this answer means that the leaked login is refused.
        let Some(user) = answer["user"].as_str().map(foreign) else {
            return Err(Problem::failed(
                "the answer does not say that the version is revoked; is --stack right, and of this version?",
            ));
        };
        let closed = answer["closedConnections"].as_u64().unwrap_or_default();
        let still = answer["stillListed"].as_array().map_or(0, Vec::len);
        let listed = if still > 0 { format!(", {still} listed for up to 30 s more") } else { String::new() };
        self.journal.note("revoked", format!("user {user}: {closed} connections closed{listed}"));
        self.answer = Some(answer);
        self.place.revoked_at = Some((self.context.now)());
        self.done(format!("version {} of user {user} {REVOKED}", short_version(&version)));
        Ok(())
    }

    /// The function has proved it already. This proof comes from another function, which only looks.
    async fn prove(&mut self, secret: &Secret) -> Result<()> {
        if !inspector::is_available(self.context) {
            self.proof = Some(Login::Unknown);
            return Ok(());
        }
        let asked = inspector::check_login(self.context, &secret.arn, &self.place.version);
        let checked = self.context.progress.during("trying the leaked login", asked).await;
        let (login, words) = match &checked {
            Ok(check) => match check.login {
                Login::Refused => (Login::Refused, "the broker refuses the leaked login"),
                Login::Accepted => (Login::Accepted, "THE BROKER ACCEPTS THE LEAKED LOGIN"),
                Login::Unknown => (Login::Unknown, "the broker could not be asked once more"),
            },
            Err(_) => (Login::Unknown, "the broker could not be asked once more"),
        };
        self.journal.note("proof", words);
        self.proof = Some(login);
        if login == Login::Accepted {
            // It is not over: the same command must cut the version off once more.
            self.place.revoked_at = None;
            self.place.done.retain(|what| !what.ends_with(REVOKED));
            self.save();
        }
        if let Some(current) = secret.current() {
            let asked = inspector::check_login(self.context, &secret.arn, current);
            let checked = self.context.progress.during("trying the login that is in use", asked).await;
            let words = match checked.map(|check| check.login) {
                Ok(Login::Accepted) => "the broker accepts the version that is AWSCURRENT",
                Ok(Login::Refused) => {
                    "THE BROKER REFUSES THE VERSION THAT IS AWSCURRENT: secops explain current.login_refused"
                }
                Ok(Login::Unknown) | Err(_) => "the version that is AWSCURRENT could not be tried",
            };
            self.journal.note("in use", words);
        }
        Ok(())
    }

    fn done(&mut self, what: String) {
        if self.place.done.last() != Some(&what) {
            self.place.done.push(what);
        }
        self.save();
    }

    fn save(&self) {
        if let Err(error) = self.place.save() {
            let words = format!("where the revocation stands cannot be stored: {error}");
            self.context.progress.show(&words, std::time::Duration::ZERO);
        }
    }
}

//! What every command needs: the clients of AWS, the stack, the terminal, and where the command stands.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use aws_config::SdkConfig;
use contract::Foreign;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::arguments::{DEFAULT_STACK, Options, Output, STACK_VARIABLE};
use crate::ask::Question;
use crate::aws::cloudformation::Stack;
use crate::aws::dynamodb::IncidentTable;
use crate::aws::lambda::Lambda;
use crate::aws::secrets_manager::SecretsManager;
use crate::aws::{AwsError, config, sts};
use crate::outcome::{Problem, Result};
use crate::progress::Progress;
use crate::screen::Screen;
use crate::secret::Secret;

/// What `main` reads from the process.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// An environment variable.
    pub variable: fn(&str) -> Option<String>,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// What every command needs.
#[derive(Debug)]
pub struct Context {
    /// The options of the call.
    pub options: Options,
    /// The SDK's configuration, for a client of another service.
    pub config: SdkConfig,
    /// Secrets Manager.
    pub secrets: SecretsManager,
    /// Lambda.
    pub lambda: Lambda,
    /// Standard output.
    pub screen: Screen,
    /// What is going on, on standard error.
    pub progress: Progress,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// The folder for the places where revocations stand.
    pub state_folder: Option<PathBuf>,
    stack: Result<Stack, AwsError>,
    /// Whether the environment names a stack, so that a call without `--stack` may mean another one elsewhere.
    is_stack_configured: bool,
    caller: OnceCell<sts::Caller>,
    standing: Mutex<Standing>,
}

/// Where a command stands. It is shown when a person interrupts it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is done.
    pub done: Vec<String>,
    /// What is not done.
    pub left: Vec<String>,
    /// The command that continues.
    pub command: Option<String>,
}

impl Context {
    /// Reads the configuration and the stack. A stack that cannot be read is an error of the command that needs it.
    pub async fn new(options: &Options, surroundings: Surroundings) -> Result<Self> {
        let (screen, progress) = (Screen::of(options, surroundings), Progress::of(surroundings));
        let config = config::load(options.profile.as_deref(), options.region.as_deref()).await;
        if config.region().is_none() {
            return Err(Problem::usage("no region of AWS is configured; use --region, or set AWS_REGION"));
        }
        let stack = progress.during("reading the stack", Stack::describe(&config, &options.stack)).await;
        Ok(Self {
            options: options.clone(),
            secrets: SecretsManager::new(&config),
            lambda: Lambda::new(&config),
            config,
            screen,
            progress,
            now: surroundings.now,
            state_folder: state_folder(surroundings.variable),
            stack,
            is_stack_configured: (surroundings.variable)(STACK_VARIABLE).is_some(),
            caller: OnceCell::new(),
            standing: Mutex::default(),
        })
    }

    /// The stack.
    pub fn stack(&self) -> Result<&Stack> {
        self.stack.as_ref().map_err(|error| {
            let name = Foreign::new(&self.options.stack).terminal(128);
            let words =
                format!("the stack `{name}` cannot be read; name it with --stack or {STACK_VARIABLE}");
            anyhow::Error::new(error.clone()).context(words)
        })
    }

    /// What reading the stack gave.
    pub fn stack_or_error(&self) -> Result<&Stack, &AwsError> {
        self.stack.as_ref()
    }

    /// An output of the stack.
    pub fn output(&self, name: &str) -> Result<&str> {
        let stack = self.stack()?;
        stack.output(name).ok_or_else(|| {
            let words = "has no output";
            Problem::failed(format!("the stack `{}` {words} {name}; update it, or check --stack", stack.name))
        })
    }

    /// The table of incidents.
    pub fn incidents(&self) -> Result<IncidentTable> {
        Ok(IncidentTable::new(&self.config, self.output("IncidentsTableName")?))
    }

    /// Who calls.
    pub async fn caller(&self) -> Result<&sts::Caller> {
        Ok(self.caller.get_or_try_init(|| sts::caller(&self.config)).await?)
    }

    /// One secret, by its name or ARN.
    pub async fn secret(&self, id: &str) -> Result<Secret> {
        let found = self.progress.during("reading the secret", self.secrets.describe(id)).await;
        found.map_err(|error| {
            let words = format!("the secret `{}` cannot be read", Foreign::new(id).terminal(200));
            anyhow::Error::new(error).context(words)
        })
    }

    /// Whether the result is for programs.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.options.output == Output::Json
    }

    /// Shows what will be done, and asks. An error if the answer is not yes.
    pub async fn confirm(&self, question: &Question) -> Result<()> {
        self.progress.clear();
        question.ask(self.options.yes, &self.screen).await
    }

    /// Notes where the command stands.
    pub fn stand(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    /// Where the command stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A call of this program with the same stack, profile and region, for a person to paste.
    #[must_use]
    pub fn call(&self, words: &[&str]) -> String {
        let mut call = vec!["secops".to_owned()];
        let options = &self.options;
        if options.stack != DEFAULT_STACK || self.is_stack_configured {
            call.extend(["--stack".to_owned(), quoted(&options.stack)]);
        }
        for (name, value) in [("--profile", &options.profile), ("--region", &options.region)] {
            call.extend(value.iter().flat_map(|value| [name.to_owned(), quoted(value)]));
        }
        call.extend(words.iter().map(|word| quoted(word)));
        call.join(" ")
    }
}

/// One word of a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_+=.@:,-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", Foreign::new(word).terminal(2048).replace('\'', r"'\''"))
}

/// <https://specifications.freedesktop.org/basedir-spec/latest/>
fn state_folder(variable: fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let states = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
    states.filter(|folder| folder.is_absolute()).map(|folder| folder.join("secops"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_to_paste_is_quoted_for_the_shell() {
        for (word, expected) in [
            ("rabbitmq/payment", "rabbitmq/payment"),
            ("ticket 7", "'ticket 7'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn the_folder_of_the_state_follows_the_convention_of_the_desktop() {
        let only_home = |name: &str| (name == "HOME").then(|| "/home/ada".to_owned());
        let both = |name: &str| match name {
            "HOME" => Some("/home/ada".to_owned()),
            "XDG_STATE_HOME" => Some("/state".to_owned()),
            _ => None,
        };
        assert_eq!(state_folder(only_home), Some(PathBuf::from("/home/ada/.local/state/secops")));
        assert_eq!(state_folder(both), Some(PathBuf::from("/state/secops")));
        assert_eq!(state_folder(|_| None), None);
    }
}

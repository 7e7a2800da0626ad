//! The grammar of the command line. No argument is a credential.

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// The state of the secrets that the suite rotates, and what to do about them.
///
/// The program uses the ordinary configuration of AWS: environment variables, profiles, SSO, roles. It neither takes nor
/// prints a credential.
#[derive(Debug, Clone, Parser)]
#[command(name = "secops", version, after_help = EXIT_CODES)]
pub struct Arguments {
    /// Options of every command.
    #[command(flatten)]
    pub options: Options,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    the command failed, or something needs a person
  2    the call was wrong, or a question could not be asked; nothing was done
  3    AWS refused the caller: no credentials, or a missing permission
  130  interrupted with Ctrl-C";

/// The stack of the examples in the book.
pub const DEFAULT_STACK: &str = "rotation";
/// The variable that names the stack instead of `--stack`.
pub const STACK_VARIABLE: &str = "SECOPS_STACK";

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Name of the stack that was deployed from infra/template.yaml.
    // An empty variable is refused: it must not mean another stack than the one that was meant.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = DEFAULT_STACK,
        env = STACK_VARIABLE,
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new(),
    )]
    pub stack: String,
    /// Profile in the configuration of AWS.
    #[arg(long, global = true, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Region of AWS.
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// For people, or for programs.
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Whether to use colours. By default, only on a terminal, and not if `NO_COLOR` is set.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Answer every question with yes, for scripts.
    #[arg(long, global = true)]
    pub yes: bool,
}

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Tables and sentences.
    Table,
    /// One JSON document.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Only on a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Show all secrets, first those that need a person.
    Status {
        /// Name or ARN of one secret.
        secret: Option<String>,
        /// Keep it on the screen until Ctrl-C.
        #[arg(long)]
        watch: bool,
    },
    /// Look at everything of one secret, from where the broker can be reached.
    Inspect {
        /// Name or ARN of the secret.
        secret: String,
    },
    /// Rotate a secret now.
    Rotate {
        /// Name or ARN of the secret.
        secret: String,
        /// Show each step, the delivery and the clients, until it is over.
        #[arg(long)]
        follow: bool,
    },
    /// Credentials leaked: rotate, wait for the delivery and the clients, cut the leaked version off, and prove it.
    ///
    /// Repeat the same command to continue after an interruption.
    Revoke {
        /// Name or ARN of the secret.
        secret: String,
        /// The version that leaked: its id, or at least its first 8 characters. By default, the version that is AWSCURRENT
        /// when the command starts.
        #[arg(long, value_name = "ID")]
        version: Option<String>,
        /// Why, for example the number of a ticket.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
        /// Do not wait for the delivery and the clients. It may lock out production.
        #[arg(long)]
        force: bool,
    },
    /// Show the open incidents, or close one.
    #[command(args_conflicts_with_subcommands = true)]
    Incidents {
        /// Show closed incidents, too.
        #[arg(long)]
        all: bool,
        /// What to do with an incident.
        #[command(subcommand)]
        action: Option<IncidentAction>,
    },
    /// Show the playbook's section for a kind of failure.
    Explain {
        /// The kind, for example `broker.unreachable`. Without one, list all kinds.
        kind: Option<String>,
    },
    /// Move AWSCURRENT back to an earlier version.
    Rollback {
        /// Name or ARN of the secret.
        secret: String,
        /// The version: its id, or at least its first 8 characters. By default, the one that is AWSPREVIOUS.
        #[arg(long, value_name = "ID")]
        to: Option<String>,
    },
    /// Request the delivery to the cluster, and wait for its receipt.
    Deliver {
        /// Name or ARN of the secret.
        secret: String,
    },
    /// Show which secrets are due, and when.
    Due,
    /// Give a broker user of the pair to a secret.
    Adopt {
        /// Name or ARN of the secret.
        secret: String,
        /// The broker user.
        user: String,
        /// Why, for example the number of a ticket.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// Check the whole set-up, and show how to fix what is wrong.
    ///
    /// The exit code is 1 if something is broken. A warning, or what could not be found out, does not change it.
    Doctor {
        /// Name or ARN of one secret. The set-up is checked, and of the secrets only this one.
        secret: Option<String>,
        /// How many secrets are inspected at most. 0: all.
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        secrets: usize,
        /// The time for everything, in seconds. What is not seen by then is unknown.
        #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(5..=86_400))]
        within: u32,
    },
    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page.
    Man,
}

/// What to do with an incident.
#[derive(Debug, Clone, Subcommand)]
pub enum IncidentAction {
    /// Close an incident that no success closes.
    Close {
        /// Name or ARN of the secret, or the subject that `secops incidents` shows.
        secret: String,
        /// The area that `secops incidents` shows.
        area: String,
        /// Why, for example the number of a ticket.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

/// A rotation may take this long before `rotate --follow` and `revoke` give up waiting.
pub const ROTATION_LIMIT: Duration = Duration::from_mins(10);

/// As the schemas of the functions demand.
fn reason(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=500 if text.chars().any(char::is_control) => Err("it holds a control character".to_owned()),
        1..=500 => Ok(text.to_owned()),
        _ => Err("1 to 500 characters are needed".to_owned()),
    }
}

#[cfg(test)]
mod tests;

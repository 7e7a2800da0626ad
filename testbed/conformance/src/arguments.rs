//! The arguments of `cargo xtask conformance`. xtask shows the help text from `help.txt` and builds nothing for that.

use clap::Parser;

use crate::target::Judge;

/// Asks the rows of testbed/aws/CONTRACT.md of an emulator, of moto's server, or of a real account
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
// A fixed width: see `command-line/src/commands/arguments.rs`.
#[command(
    term_width = 120,
    name = "cargo xtask conformance",
    bin_name = "cargo xtask conformance",
    after_help = "\
Without --target, the two emulators are asked. Nothing leaves this machine.
With `--target account`, the default chain of the AWS SDK gives the credentials, also of a profile or of SSO. A run
takes about 20 minutes and costs less than US$1. It shows what it will do, and asks for the account's id. Everything has
the run's name and tag. It is deleted at the end, also after Ctrl-C; --cleanup repeats that.
The outcome is written to target/conformance.md, and with --page to testbed/aws/CONFORMANCE.md.
Exit code: 0 if no row was contradicted, 1 if one was or the run failed, 130 after Ctrl-C."
)]
pub struct Arguments {
    /// Who is asked; repeat it for several [default: emulator and moto]
    #[arg(long, value_name = "JUDGE", value_enum)]
    pub target: Vec<Judge>,
    /// The id of the account, instead of typing it on a terminal. It must be the caller's
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// The region [default: the configured one]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile of the AWS configuration
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Also looks at this broker of Amazon MQ, and asks `DescribeBroker` 150 times
    #[arg(long, value_name = "ID")]
    pub broker_id: Option<String>,
    /// Also looks at this cluster of EKS
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Also simulates the permissions of the roles of this deployed stack
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
    /// Asks only the rows whose id begins with TEXT, such as V or R1
    #[arg(long, value_name = "TEXT")]
    pub rows: Option<String>,
    /// Leaves two failed rotations and the probe for a day, for --collect
    #[arg(long)]
    pub keep: bool,
    /// Writes the answers to testbed/aws/CONFORMANCE.md
    #[arg(long)]
    pub page: bool,
    /// Reads what a run that was kept has seen since (rows H), then deletes the run's resources
    #[arg(long, value_name = "RUN", conflicts_with_all = ["rows", "keep", "cleanup"])]
    pub collect: Option<String>,
    /// Deletes everything of a run, by its manifest and its tag
    #[arg(long, value_name = "RUN", conflicts_with_all = ["rows", "keep", "page"])]
    pub cleanup: Option<String>,
}

impl Arguments {
    /// Who is asked.
    #[must_use]
    pub fn judges(&self) -> Vec<Judge> {
        let mut judges = self.target.clone();
        if judges.is_empty() {
            judges = if self.collect.is_some() || self.cleanup.is_some() {
                vec![Judge::Account]
            } else {
                vec![Judge::Emulator, Judge::Moto]
            };
        }
        judges.sort();
        judges.dedup();
        judges
    }

    /// Whether a row is asked.
    #[must_use]
    pub fn wants(&self, id: &str) -> bool {
        self.rows.as_ref().is_none_or(|start| id.starts_with(start.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Set to write the help text instead of comparing it.
    const UPDATE: &str = "UPDATE_HELP";

    fn judges(line: &str) -> Option<Vec<Judge>> {
        let words = std::iter::once("conformance").chain(line.split_whitespace());
        Some(Arguments::try_parse_from(words).ok()?.judges())
    }

    #[test]
    fn an_account_is_asked_only_if_it_is_named() {
        for (line, expected) in [
            ("", Some(vec![Judge::Emulator, Judge::Moto])),
            ("--target moto", Some(vec![Judge::Moto])),
            ("--target account --account 111122223333 --keep", Some(vec![Judge::Account])),
            ("--cleanup 20261129-092512", Some(vec![Judge::Account])),
            ("--cleanup 20261129-092512 --keep", None),
            ("--target azure", None),
        ] {
            assert_eq!(judges(line), expected, "{line}");
        }
    }

    #[test]
    fn the_help_that_xtask_shows_is_the_programs() {
        let help = Arguments::command().render_long_help().to_string();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("help.txt");
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&path, &help).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, help, "UPDATE_HELP=1 cargo test -p conformance writes it");
    }
}

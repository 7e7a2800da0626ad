//! The completions of shells, and the manual page.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::outcome::{Outcome, Result};

/// Prints the completions for a shell.
pub fn completions(shell: Shell) -> Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "secops", &mut text);
    write(&text)
}

/// Prints the manual page: that of the program, then a section for each command.
pub fn man() -> Result<Outcome> {
    let mut command = Arguments::command();
    command.build();
    let mut text = Vec::new();
    Man::new(command.clone()).render(&mut text)?;
    for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
        let page = Man::new(one.clone());
        writeln!(text, ".SH \"COMMAND {}\"", one.get_name().to_uppercase())?;
        page.render_description_section(&mut text)?;
        page.render_synopsis_section(&mut text)?;
        page.render_options_section(&mut text)?;
    }
    write(&text)
}

/// A closed pipe is no failure.
fn write(text: &[u8]) -> Result<Outcome> {
    let _ = std::io::stdout().write_all(text);
    Ok(Outcome::Well)
}

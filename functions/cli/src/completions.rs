//! `audit-pull completions` and `audit-pull man`: the completion script for a shell, and the manual pages.

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::exit::{Exit, Failed};
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell that the script is for
    shell: Shell,
}

/// Writes a script that completes the command's arguments in the shell.
pub(crate) fn run(args: &Args, mut command: Command) -> Result<Exit, Failed> {
    let (mut script, name) = (Vec::new(), command.get_name().to_owned());
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output::write_stdout(&script)?;
    Ok(Exit::Success)
}

/// Writes the manual pages of the command and of all subcommands to standard output, as roff.
pub(crate) fn man(mut command: Command) -> Result<Exit, Failed> {
    command.build();
    let mut pages = Vec::new();
    let subcommands = command.get_subcommands().filter(|one| one.get_name() != "help" && !one.is_hide_set()).cloned();
    for page in std::iter::once(command.clone()).chain(subcommands.collect::<Vec<_>>()) {
        Man::new(page)
            .render(&mut pages)
            .map_err(|error| Failed::person(format!("cannot write the manual: {error}")))?;
    }
    output::write_stdout(&pages)?;
    Ok(Exit::Success)
}

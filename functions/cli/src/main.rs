//! `audit-pull`: the collector from a terminal.
//!
//! Exit codes: 0 all well; 1 not finished, the next tick carries on, or there is a gap; 2 the command or its
//! environment is wrong; 3 a person must act, the message says how.

mod clock;
mod completions;
mod config;
mod demo;
mod drift;
mod exit;
mod hide;
mod input;
mod lake;
mod models;
#[cfg(test)]
mod named_commands;
mod normalize;
mod output;
mod progress;
mod pull;
mod schema;
mod simulate;
mod splitter;
mod udm;
mod vendor;
mod vendors;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use serde_json::json;

use crate::exit::{Exit, Failed};
use crate::hide::Keys;

/// Pulls audit logs of SaaS vendors into your own bucket, every event exactly once.
#[derive(Debug, Parser)]
#[command(name = "audit-pull", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  all well
  1  not finished, and the next tick carries on; or a gap: events that the vendor lost before they were pulled
  2  the command, a file it names, or a variable is wrong
  3  a person must act; the message says how";

#[derive(Debug, Subcommand)]
enum Command {
    /// A script for a shell that completes this command's arguments
    Completions(completions::Args),
    /// Both vendors simulated on this machine, pulled until drained, read back and compared
    Demo(demo::Args),
    /// The manual of this command and of its subcommands, as roff
    Man,
    /// The data models, which give the log types one set of names
    Models(models::Args),
    /// Raw events on standard input to lines on standard output
    Normalize(normalize::Args),
    /// One tick against a vendor
    Pull(pull::Args),
    /// Runs the Python methods of data models for the process that started it
    #[cfg(feature = "python")]
    #[command(hide = true)]
    PythonWorker,
    /// The schemas of the log types, and what is generated from them
    Schema(schema::Args),
    /// A vendor's API on 127.0.0.1, until interrupted
    Simulate(simulate::Args),
    /// The names of data models in events on standard input
    Udm(udm::Args),
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let keys = Keys::among(&arguments);
    let is_json = arguments.iter().any(|argument| argument == "--json");
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return refused(&error, is_json, &keys),
    };
    // A worker lowers what it may use, so nothing else is started before.
    #[cfg(feature = "python")]
    if matches!(cli.command, Command::PythonWorker) {
        return match python_methods::run_worker(python_methods::MAX_MEMORY_BYTES) {
            Ok(()) => Exit::Well.into(),
            Err(reason) => {
                output::complain(&reason);
                Exit::Person.into()
            }
        };
    }
    let ran = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => Err(Failed::person(format!("cannot start the runtime: {error}"))),
    };
    match ran {
        Ok(exit) => exit.into(),
        Err(failed) => {
            let failed = Failed { message: keys.hidden_in(&failed.message), ..failed };
            if is_json {
                report_json(&failed);
            }
            output::complain(&failed.message);
            failed.exit.into()
        }
    }
}

/// Ends a command whose arguments are wrong, or that asked for help.
fn refused(error: &clap::Error, is_json: bool, keys: &Keys) -> ExitCode {
    if !error.use_stderr() {
        // A reader that went away does not matter here.
        let _ = error.print();
        return Exit::Well.into();
    }
    if is_json {
        report_json(&Failed::usage(keys.hidden_in(error.to_string().trim_end())));
    }
    if keys.is_empty() {
        let _ = error.print();
    } else {
        output::note(keys.hidden_in(&error.to_string()).as_bytes());
    }
    Exit::Usage.into()
}

/// A command with `--json` prints one object also when it fails.
fn report_json(failed: &Failed) {
    let error = json!({"error": {"exit_code": failed.exit as u8, "message": failed.message}});
    // A reader that went away is not told.
    let _ = output::say_json(&error);
}

async fn run(command: Command) -> Result<Exit, Failed> {
    match command {
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man => completions::man(Cli::command()),
        Command::Demo(args) => demo::run(args).await,
        Command::Models(args) => models::run(&args),
        Command::Normalize(args) => normalize::run(&args),
        Command::Pull(args) => pull::run(args).await,
        #[cfg(feature = "python")]
        Command::PythonWorker => Err(Failed::usage("a worker runs before anything else is started")),
        Command::Schema(args) => schema::run(&args),
        Command::Simulate(args) => simulate::run(args).await,
        Command::Udm(args) => udm::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn d4_no_message_names_a_command_that_does_not_exist() {
        named_commands::check_all_texts();
    }
}

//! `audit-pull`: the collector as a command-line program.
//!
//! Exit codes: 0 everything succeeded; 1 the work is not finished and the next tick continues it, or there is a gap; 2
//! an argument, a file or a variable is wrong; 3 somebody must act, and the message says how.

mod backfill;
mod clock;
mod completions;
mod config;
mod demo;
mod doctor;
mod drift;
mod exit;
mod hide;
mod input;
mod interrupt;
mod lake;
mod models;
#[cfg(test)]
mod named_commands;
mod normalize;
mod output;
mod place;
mod progress;
mod pull;
mod rebuild;
mod recovery;
mod schema;
mod simulate;
mod splitter;
mod status;
mod udm;
mod vendor;
mod vendors;
mod verify;
mod watch;

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
    /// List and deliver a span of the past, beside the schedule and without changing its progress
    Backfill(backfill::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Simulate both vendors on this machine, pull all events, and compare the lake with the served events
    Demo(demo::Args),
    /// Check the connection to a vendor and a lake, and say what to do about each fault
    Doctor(doctor::Args),
    /// Print the manual pages of this command and its subcommands, as roff
    Man,
    /// List, show, check and test data models, which give all log types one set of names
    Models(models::Args),
    /// Convert raw events on standard input to lines on standard output
    Normalize(normalize::Args),
    /// Run one tick against a vendor
    Pull(pull::Args),
    /// Restore the state of streams from the objects in the bucket, after it was lost or restored from a backup
    Rebuild(rebuild::Args),
    /// Run the Python methods of data models for the process that started this one
    #[cfg(feature = "python")]
    #[command(hide = true)]
    PythonWorker,
    /// Show the schemas of the log types, and what is generated from them
    Schema(schema::Args),
    /// Serve a simulated API of a vendor on 127.0.0.1 until interrupted
    Simulate(simulate::Args),
    /// Show the state of every stream: watermark, pending work, errors, silence, and the objects of today
    Status(status::Args),
    /// Print the values of data models for events on standard input
    Udm(udm::Args),
    /// Check all objects against each other and against the state, and report duplicates, broken lines and gaps
    Verify(verify::Args),
    /// Run the ticks of all configured vendors on their schedules until interrupted
    Watch(watch::Args),
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let keys = Keys::among(&arguments);
    let is_json = arguments.iter().any(|argument| argument == "--json");
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return print_refusal(&error, is_json, &keys),
    };
    // A worker limits its own resources, so it must run before anything else is started.
    #[cfg(feature = "python")]
    if matches!(cli.command, Command::PythonWorker) {
        return match python_methods::run_worker(python_methods::MAX_MEMORY_BYTES) {
            Ok(()) => Exit::Success.into(),
            Err(reason) => {
                output::print_error(&reason);
                Exit::Person.into()
            }
        };
    }
    let ran = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let ran = runtime.block_on(run(cli.command));
            // A host look-up that hangs in its own thread must not keep an interrupted process from ending.
            runtime.shutdown_background();
            ran
        }
        Err(error) => Err(Failed::person(format!("cannot start the runtime: {error}"))),
    };
    match ran {
        Ok(exit) => exit.into(),
        Err(failed) => {
            let failed = Failed { message: keys.hide_in(&failed.message), ..failed };
            if is_json {
                report_json(&failed);
            }
            output::print_error(&failed.message);
            failed.exit.into()
        }
    }
}

/// Prints the error of wrong arguments, or the requested help, and returns the exit code.
fn print_refusal(error: &clap::Error, is_json: bool, keys: &Keys) -> ExitCode {
    if !error.use_stderr() {
        // It does not matter if nobody reads the message.
        let _ = error.print();
        return Exit::Success.into();
    }
    if is_json {
        report_json(&Failed::usage(keys.hide_in(error.to_string().trim_end())));
    }
    if keys.is_empty() {
        let _ = error.print();
    } else {
        output::write_stderr(keys.hide_in(&error.to_string()).as_bytes());
    }
    Exit::Usage.into()
}

/// Prints an error as one JSON object, because a command with `--json` always prints one.
fn report_json(failed: &Failed) {
    let error = json!({"error": {"exit_code": failed.exit as u8, "message": failed.message}});
    // It does not matter if nobody reads the error.
    let _ = output::print_json(&error);
}

async fn run(command: Command) -> Result<Exit, Failed> {
    match command {
        Command::Backfill(args) => backfill::run(args).await,
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man => completions::man(Cli::command()),
        Command::Demo(args) => demo::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Models(args) => models::run(&args),
        Command::Normalize(args) => normalize::run(&args),
        Command::Pull(args) => pull::run(args).await,
        Command::Rebuild(args) => rebuild::run(&args).await,
        #[cfg(feature = "python")]
        Command::PythonWorker => Err(Failed::usage("a worker runs before anything else is started")),
        Command::Schema(args) => schema::run(&args),
        Command::Simulate(args) => simulate::run(args).await,
        Command::Status(args) => status::run(&args).await,
        Command::Udm(args) => udm::run(&args),
        Command::Verify(args) => verify::run(&args).await,
        Command::Watch(args) => watch::run(args).await,
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

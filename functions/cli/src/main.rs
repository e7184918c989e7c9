//! `audit-pull`: the collector from a terminal.
//!
//! Exit codes: 0 all well; 1 not finished, the next tick carries on; 2 the command or its
//! environment is wrong; 3 a person must act, the message says how.

mod config;
mod demo;
mod drift;
mod exit;
mod lake;
mod normalize;
mod output;
mod pull;
mod schema;
mod simulate;
mod sources;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::{Exit, Failed};

/// Pulls audit logs of SaaS vendors into your own bucket, every event exactly once.
#[derive(Debug, Parser)]
#[command(name = "audit-pull", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  all well
  1  not finished; nothing is lost, the next tick carries on
  2  the command, a file it names, or a variable is wrong
  3  a person must act; the message says how";

#[derive(Debug, Subcommand)]
enum Command {
    /// Both vendors simulated on this machine, pulled until drained, read back and compared
    Demo(demo::Args),
    /// Raw events on standard input to lines on standard output
    Normalize(normalize::Args),
    /// One tick against a vendor
    Pull(pull::Args),
    /// The schemas of the log types, and what is generated from them
    Schema(schema::Args),
    /// A vendor's API on 127.0.0.1, until interrupted
    Simulate(simulate::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ran = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => Err(Failed::person(format!("cannot start the runtime: {error}"))),
    };
    match ran {
        Ok(exit) => exit.into(),
        Err(failed) => {
            output::complain(&failed.message);
            failed.exit.into()
        }
    }
}

async fn run(command: Command) -> Result<Exit, Failed> {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Normalize(args) => normalize::run(&args),
        Command::Pull(args) => pull::run(args).await,
        Command::Schema(args) => schema::run(&args),
        Command::Simulate(args) => simulate::run(args).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}

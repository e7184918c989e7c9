//! `audit-pull models`: the built-in data models, and those in a folder of one's own.

mod builtin;
mod engine;
mod list;
mod set;
mod test;
mod walk;

use std::path::{Path, PathBuf};

use schema::LogType;

use crate::exit::{Exit, Failed};
use crate::output;
use crate::schema::log_type;

pub(crate) use set::Models;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all well; 1 the models have faults, or an example fails; 2 usage.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The models: their log types, ids, names and origins
    List {
        /// A folder of models of your own, listed as well
        #[arg(long, value_name = "DIR")]
        models: Option<PathBuf>,
    },
    /// A built-in model as YAML, and the source of each of its names
    Show {
        /// The log type
        #[arg(value_name = "LOGTYPE", value_parser = log_type)]
        log_type: LogType,
        /// Show the Python file of the model's methods instead
        #[arg(long)]
        methods: bool,
    },
    /// Load a folder of models, methods included, and report every fault
    #[command(after_help = EXIT_CODES)]
    Check {
        /// The folder
        dir: PathBuf,
    },
    /// Run the examples beside the models of a folder; without one, those of the built-in models
    #[command(after_help = test::EXAMPLES)]
    Test {
        /// The folder
        dir: Option<PathBuf>,
    },
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failed> {
    match &args.command {
        Command::List { models } => list::list(models.as_deref()),
        Command::Show { log_type, methods: false } => output::say(&list::shown(*log_type)?).map(|()| Exit::Well),
        Command::Show { log_type, methods: true } => list::methods(*log_type),
        Command::Check { dir } => check(dir),
        Command::Test { dir } => test::run(dir.as_deref()),
    }
}

/// Loads the models in a folder and reports each fault on a line of its own.
pub(crate) fn check(folder: &Path) -> Result<Exit, Failed> {
    match Models::load(folder) {
        Ok(_) => Ok(Exit::Well),
        Err(faults) => {
            set::report(&faults);
            Ok(Exit::FAULTS)
        }
    }
}

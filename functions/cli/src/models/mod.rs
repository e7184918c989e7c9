//! `audit-pull models`: the built-in data models, and those in a folder of one's own.

mod builtin;
mod engine;
mod list;
mod set;
mod show;
mod test;
mod walk;

use std::path::{Path, PathBuf};

use schema::LogType;

use crate::exit::{Exit, Failed};
use crate::schema::log_type;

pub(crate) use builtin::needed_or_builtin;
pub(crate) use set::{Models, no_model};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Each fault is a line on standard error: file, line and reason. What the format allows and is
hardly meant, such as two names that differ in letter case only, is a warning.

Exit codes: 0 all well, also with warnings; 1 the models have faults; 2 usage.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The models: their log types, ids, names and origins
    List {
        /// A folder of models of your own, listed as well
        #[arg(long, value_name = "DIR")]
        models: Option<PathBuf>,
        /// Print one JSON object per model
        #[arg(long)]
        json: bool,
    },
    /// A built-in model as YAML, the source of each of its names, and an example
    Show {
        /// The log type
        #[arg(value_name = "LOGTYPE", value_parser = log_type)]
        log_type: LogType,
        /// Show the Python file of the model's methods instead
        #[arg(long, conflicts_with = "json")]
        methods: bool,
        /// Print one JSON object: id, log type, the source of each name, and all examples
        #[arg(long)]
        json: bool,
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
        Command::List { models, json } => list::list(models.as_deref(), *json),
        Command::Show { log_type, methods: true, .. } => show::methods(*log_type),
        Command::Show { log_type, json: true, .. } => show::json(*log_type),
        Command::Show { log_type, .. } => show::text(*log_type),
        Command::Check { dir } => check(dir),
        Command::Test { dir } => test::run(dir.as_deref()),
    }
}

/// Loads the models in a folder and reports each fault, or else each warning, on a line of its own.
pub(crate) fn check(folder: &Path) -> Result<Exit, Failed> {
    match Models::load(folder) {
        Ok(models) => {
            set::warn(&data_models::warnings(&models.specifications));
            Ok(Exit::Well)
        }
        Err(faults) => {
            set::report(&faults);
            Ok(Exit::FAULTS)
        }
    }
}

//! `audit-pull models`: lists, shows, checks and tests data models.

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

pub(crate) use builtin::load_folder_or_builtin;
pub(crate) use set::{Models, no_model_message};

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
    /// List the models with their log types, ids, names and origins
    List {
        /// Also list the models in this folder
        #[arg(long, value_name = "DIR")]
        models: Option<PathBuf>,
        /// Print one JSON object per model
        #[arg(long)]
        json: bool,
    },
    /// Show a built-in model as YAML, with the source of each name and an example
    Show {
        /// The log type of the model
        #[arg(value_name = "LOGTYPE", value_parser = log_type)]
        log_type: LogType,
        /// Show the Python file of the model's methods instead
        #[arg(long, conflicts_with = "json")]
        methods: bool,
        /// Print one JSON object with the id, the log type, the source of each name, and all examples
        #[arg(long)]
        json: bool,
    },
    /// Load the models in a folder with their methods, and print every fault
    #[command(after_help = EXIT_CODES)]
    Check {
        /// The folder of models
        dir: PathBuf,
    },
    /// Run the examples in a folder of models or, without a folder, those of the built-in models
    #[command(after_help = test::EXAMPLES)]
    Test {
        /// The folder of models
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

/// Loads the models in a folder, and prints each fault on its own line. If there is none, it prints each warning.
pub(crate) fn check(folder: &Path) -> Result<Exit, Failed> {
    match Models::load(folder) {
        Ok(models) => {
            set::print_warnings(&data_models::warnings(&models.specifications));
            Ok(Exit::Success)
        }
        Err(faults) => {
            set::print_faults(&faults);
            Ok(Exit::FAULTS)
        }
    }
}

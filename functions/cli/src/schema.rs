//! `audit-pull schema`: shows the schemas, and generates other formats from them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use schema::{LogType, Schema};

use crate::exit::{Exit, Failed};
use crate::output;

/// The maximum size of a schema file, in bytes.
const MAX_SCHEMA_BYTES: u64 = 4 << 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the built-in log types
    List,
    /// Show the schema itself, as normalize --schema takes it
    Show(SchemaArgs),
    /// Print a JSON Schema (draft 2020-12) of the lines
    JsonSchema(SchemaArgs),
    /// Print a CREATE TABLE for Athena over the lines in a bucket; replace BUCKET and PREFIX by your own
    Athena(SchemaArgs),
    /// Print a query for DuckDB that reads a lake: one row per line, and each declared field with its type
    Duckdb(LakeArgs),
    /// Print the Athena table as a CloudFormation resource, as in infra/lake.yaml
    Glue(SchemaArgs),
}

#[derive(Debug, clap::Args)]
struct SchemaArgs {
    /// A log type, or a schema file of your own
    #[arg(value_name = "T")]
    schema: String,
}

#[derive(Debug, clap::Args)]
struct LakeArgs {
    #[command(flatten)]
    of: SchemaArgs,
    /// The lake: the folder with the tables, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "LAKE", default_value = "lake")]
    lake: String,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failed> {
    match &args.command {
        Command::List => output::print_line(&output::table(&rows(), 3))?,
        Command::Show(of) => output::print_line(of.read()?.1.trim_end())?,
        Command::JsonSchema(of) => output::print_pretty_json(&of.read()?.0.json_schema())?,
        Command::Athena(of) => output::print_line(&of.read()?.0.athena())?,
        Command::Duckdb(LakeArgs { of, lake }) => output::print_line(&of.read()?.0.duckdb(lake))?,
        Command::Glue(of) => output::print_line(of.read()?.0.glue_table().trim_end())?,
    }
    Ok(Exit::Success)
}

fn rows() -> Vec<[String; 4]> {
    let head = ["log type", "table", "description", "fields"].map(str::to_owned);
    let row = |log_type: LogType| {
        let schema = schema::schema(log_type);
        let fields = schema.fields().len().to_string();
        [log_type.name().to_owned(), log_type.table(), schema.description().to_owned(), fields]
    };
    std::iter::once(head).chain(LogType::ALL.into_iter().map(row)).collect()
}

impl SchemaArgs {
    /// Returns the schema and its text.
    fn read(&self) -> Result<(Schema, String), Failed> {
        match LogType::from_name(&self.schema) {
            Some(log_type) => Ok((schema::schema(log_type), schema::schema_text(log_type).to_owned())),
            None if Path::new(&self.schema).exists() => from_file(Path::new(&self.schema)),
            None => Err(Failed::usage(format!("{} is no file, and {}", self.schema, not_a_log_type(&self.schema)))),
        }
    }
}

/// Reads a schema file. Returns the schema and its text.
pub(crate) fn from_file(path: &Path) -> Result<(Schema, String), Failed> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SCHEMA_BYTES + 1).read_to_string(&mut text));
    let length = read.map_err(|error| Failed::usage(format!("cannot read {}: {error}", path.display())))?;
    if length as u64 > MAX_SCHEMA_BYTES {
        return Err(Failed::usage(format!("{} is longer than {MAX_SCHEMA_BYTES} bytes", path.display())));
    }
    match Schema::parse(&text, &path.display().to_string()) {
        Ok(schema) => Ok((schema, text)),
        Err(error) => Err(Failed::usage(error.to_string())),
    }
}

/// Parses the name of a built-in log type.
pub(crate) fn log_type(name: &str) -> Result<LogType, String> {
    LogType::from_name(name).ok_or_else(|| not_a_log_type(name))
}

fn not_a_log_type(name: &str) -> String {
    let names = LogType::ALL.map(LogType::name).join(", ");
    format!("no log type is called {name}; there are {names}")
}

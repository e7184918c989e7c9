//! The Lambda function that pulls the OpenAI audit logs API.

use std::process::ExitCode;

use adapters::http::HttpClient;
use adapters::lambda::{Shell, run_function};
use collector::PortError;
use openai::{Config, OpenAi, VARIABLES};

fn main() -> ExitCode {
    run_function(run())
}

async fn run() -> Result<(), PortError> {
    let shell = Shell::start("OPENAI", &VARIABLES).await?;
    let config = Config::from_variables(|name| shell.environment.variable(name))?;
    let http = HttpClient::new()?;
    let open = async |secret: &str| OpenAi::source(&http, &shell.secrets, &shell.clock, &config, secret).await;
    let check = async |checkup: &_, secret: &str| openai::check(checkup, &http, &shell.secrets, &config, secret).await;
    shell.serve(open, check).await
}

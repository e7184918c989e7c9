//! The Lambda function that pulls the Microsoft 365 Management Activity API.

use std::process::ExitCode;

use adapters::http::HttpClient;
use adapters::lambda::{Shell, run_function};
use collector::PortError;
use microsoft365::{Config, Microsoft365, VARIABLES};

fn main() -> ExitCode {
    run_function(run())
}

async fn run() -> Result<(), PortError> {
    let shell = Shell::start("MICROSOFT365", &VARIABLES).await?;
    let config = Config::from_variables(|name| shell.environment.variable(name))?;
    let http = HttpClient::new()?;
    let open = async |secret: &str| Microsoft365::source(&http, &shell.secrets, &shell.clock, &config, secret).await;
    let check =
        async |checkup: &_, secret: &str| microsoft365::check(checkup, &http, &shell.secrets, &config, secret).await;
    shell.serve(open, check).await
}

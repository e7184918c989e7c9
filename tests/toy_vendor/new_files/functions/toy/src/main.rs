//! The Lambda function that pulls the toy vendor's audit log.

use std::process::ExitCode;

use adapters::doctor::check_source;
use adapters::http::HttpClient;
use adapters::lambda::{Shell, run_function};
use collector::PortError;
use toy::{Config, Toy, VARIABLES};

fn main() -> ExitCode {
    run_function(run())
}

async fn run() -> Result<(), PortError> {
    let shell = Shell::start("TOY", &VARIABLES).await?;
    let config = Config::from_variables(|name| shell.environment.variable(name))?;
    let http = HttpClient::new()?;
    let open = async |secret: &str| Toy::source(&http, &shell.secrets, &shell.clock, &config, secret).await;
    shell.serve(open, async |checkup, secret| check_source(checkup, secret, open(secret)).await).await
}

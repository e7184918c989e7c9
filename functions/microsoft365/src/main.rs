//! The Lambda function that pulls the Microsoft 365 Management Activity API.

use std::process::ExitCode;

use adapters::http::HttpClient;
use adapters::lambda::{Shell, run_function};
use collector::{PortError, Secrets, Source};
use microsoft365::{API_URL, Config, LOGIN_URL, Microsoft365, Overrides, POLICY, streams};

fn main() -> ExitCode {
    run_function(run())
}

async fn run() -> Result<(), PortError> {
    let shell = Shell::start("MICROSOFT365", &[API_URL, LOGIN_URL]).await?;
    let overrides = Overrides::read(|name| shell.environment.variable(name))
        .map_err(|error| PortError::person(error.to_string()))?;
    let http = HttpClient::new()?;
    let (secrets, clock) = (&shell.secrets, shell.clock);
    shell
        .serve(async |secret| {
            let config = Config::parse(&secrets.get(secret, false).await?, &overrides)
                .map_err(|error| PortError::person(format!("its secret: {error}")))?;
            let vendor = Microsoft365::new(&config, secrets, secret, http.clone(), clock);
            Ok(Source { vendor, streams: streams(&config), policy: POLICY })
        })
        .await
}

//! The parameters and outputs of a CloudFormation stack.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use collector::{Clock, PortError, retry};

use super::attempt::{SMALL_CALL_TIMEOUT, attempt};
use super::call::{Call, CallError, RETRIES};

/// A deployed stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// The values of its parameters by name, those with their default values included.
    pub parameters: BTreeMap<String, String>,
    /// The values of its outputs by name.
    pub outputs: BTreeMap<String, String>,
}

/// Reads the parameters and outputs of the stack `name` with one request.
///
/// # Errors
/// Needs a person if there is no such stack or it may not be read. After any other error a later call may succeed.
pub async fn describe_stack(config: &SdkConfig, clock: &impl Clock, name: &str) -> Result<Stack, PortError> {
    let (call, request) = (call(name), Client::new(config).describe_stacks().stack_name(name));
    let answer = retry(clock, &RETRIES, || async {
        let sent = attempt(clock, SMALL_CALL_TIMEOUT, request.clone().send()).await;
        sent.map_err(|error| CallError::of(&error).into_port_error(&call))
    })
    .await?;
    let mut stack = Stack::default();
    for described in answer.stacks.into_iter().flatten() {
        let parameters = described.parameters.into_iter().flatten();
        stack.parameters.extend(parameters.filter_map(|one| one.parameter_key.zip(one.parameter_value)));
        let outputs = described.outputs.into_iter().flatten();
        stack.outputs.extend(outputs.filter_map(|one| one.output_key.zip(one.output_value)));
    }
    Ok(stack)
}

fn call(name: &str) -> Call {
    Call {
        action: "cloudformation:DescribeStacks",
        target: format!("stack {name}"),
        denied_advice: format!("grant cloudformation:DescribeStacks on {name}, or name --bucket and --table instead"),
        missing_advice: format!("deploy {name}, or correct its name and the AWS region"),
    }
}

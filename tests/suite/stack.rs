//! The template as CloudFormation deploys it: its rules, conditions and functions for given parameters.
//!
//! Only the functions that the template uses are implemented; any other one fails the test.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::yaml;

/// The values of the pseudo parameters, which CloudFormation itself sets.
const PSEUDO: [(&str, &str); 5] = [
    ("AWS::AccountId", "123456789012"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "eu-west-1"),
    ("AWS::StackName", "stack"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// The template with the values of its parameters.
pub(crate) struct Stack {
    template: Value,
    parameters: BTreeMap<String, String>,
}

impl Stack {
    /// Creates the stack with these parameters and the defaults of all others.
    pub(crate) fn new(given: &[(&str, &str)]) -> Self {
        Self::of_template(&template(), given)
    }

    /// Creates the stack of this file in `infra/`, as [`Stack::new`] does.
    pub(crate) fn nested(file: &str, given: &[(&str, &str)]) -> Self {
        Self::of_template(&read(&format!("infra/{file}")), given)
    }

    fn of_template(template: &str, given: &[(&str, &str)]) -> Self {
        let template = yaml::parse(template);
        let mut parameters: BTreeMap<String, String> = BTreeMap::new();
        for (name, parameter) in object(&template["Parameters"]) {
            parameters.insert(name.clone(), parameter["Default"].as_str().unwrap_or_default().to_owned());
        }
        for (name, value) in given {
            assert!(parameters.insert((*name).to_owned(), (*value).to_owned()).is_some(), "no parameter {name}");
        }
        Self { template, parameters }
    }

    /// Returns the descriptions of all failed assertions of the rules; none if the deployment is accepted.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let is_active = |rule: &&Value| rule.get("RuleCondition").is_none_or(|condition| self.holds(condition));
        let rules = object(&self.template["Rules"]).values().filter(is_active);
        let assertions = rules.flat_map(|rule| array(&rule["Assertions"]));
        let failed = assertions.filter(|assertion| !self.holds(&assertion["Assert"]));
        failed.map(|assertion| text(&assertion["AssertDescription"])).collect()
    }

    /// Returns the resource as it is deployed; `None` if its condition does not hold.
    pub(crate) fn resource(&self, name: &str) -> Option<Value> {
        let resource = &self.template["Resources"][name];
        assert!(resource.is_object(), "no resource {name}");
        let is_deployed = resource["Condition"].as_str().is_none_or(|condition| self.condition(condition));
        is_deployed.then(|| self.resolve(&resource["Properties"]).unwrap_or_default())
    }

    /// Returns the resources of this type that are deployed, by name.
    pub(crate) fn resources(&self, resource_type: &str) -> BTreeMap<String, Value> {
        let resources = object(&self.template["Resources"]).iter();
        let names = resources.filter(|(_, resource)| resource["Type"] == resource_type).map(|(name, _)| name);
        names.filter_map(|name| Some((name.clone(), self.resource(name)?))).collect()
    }

    /// Returns the value of an output; `None` if its condition does not hold.
    pub(crate) fn output(&self, name: &str) -> Option<Value> {
        let output = &self.template["Outputs"][name];
        assert!(output.is_object(), "no output {name}");
        let is_shown = output["Condition"].as_str().is_none_or(|condition| self.condition(condition));
        if is_shown { self.resolve(&output["Value"]) } else { None }
    }

    /// Returns the environment variables of a function.
    pub(crate) fn variables(&self, function: &str) -> BTreeMap<String, String> {
        let shared = self.resolve(&self.template["Globals"]["Function"]["Environment"]["Variables"]);
        let resource = self.resource(function).unwrap_or_default();
        let own = resource["Environment"]["Variables"].clone();
        let all = object(&shared.unwrap_or_default()).clone().into_iter().chain(object(&own).clone());
        all.map(|(name, value)| (name, text(&value))).collect()
    }

    /// Returns the policy statements of a role, including those of its managed policies.
    pub(crate) fn statements(&self, role: &str) -> Vec<Value> {
        let Some(role) = self.resource(role) else { return Vec::new() };
        let managed = role["ManagedPolicyArns"].as_array().into_iter().flatten();
        let managed = managed.filter_map(|policy| self.resource(&text(policy)));
        let inline = array(&role["Policies"]).iter().cloned();
        let policies = managed.chain(inline);
        policies.flat_map(|policy| array(&policy["PolicyDocument"]["Statement"]).clone()).collect()
    }

    fn condition(&self, name: &str) -> bool {
        let condition = &self.template["Conditions"][name];
        assert!(!condition.is_null(), "no condition {name}");
        self.holds(condition)
    }

    fn holds(&self, value: &Value) -> bool {
        let Some((function, of)) = as_function_call(value) else { panic!("no condition: {value}") };
        match function {
            "Condition" => self.condition(&text(of)),
            "Fn::And" => array(of).iter().all(|part| self.holds(part)),
            "Fn::Or" => array(of).iter().any(|part| self.holds(part)),
            "Fn::Not" => !self.holds(&of[0]),
            "Fn::Equals" => self.resolve(&of[0]) == self.resolve(&of[1]),
            other => panic!("no condition: {other}"),
        }
    }

    /// Evaluates the functions in a value; `None` is `AWS::NoValue`.
    fn resolve(&self, value: &Value) -> Option<Value> {
        if let Some((function, of)) = as_function_call(value) {
            return self.call(function, of);
        }
        Some(match value {
            Value::Array(values) => values.iter().filter_map(|value| self.resolve(value)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter().filter_map(|(name, value)| Some((name.clone(), self.resolve(value)?)));
                Value::Object(fields.collect())
            }
            plain => plain.clone(),
        })
    }

    fn call(&self, function: &str, of: &Value) -> Option<Value> {
        match function {
            "Ref" => self.reference(&text(of)).map(Value::from),
            "Fn::GetAtt" => Some(of.clone()),
            "Fn::If" => self.resolve(&of[if self.condition(&text(&of[0])) { 1 } else { 2 }]),
            "Fn::Split" => {
                let text = text(&self.resolve(&of[1])?);
                Some(text.split(of[0].as_str()?).collect())
            }
            "Fn::Join" => {
                let parts = self.resolve(&of[1])?;
                let parts: Vec<_> = array(&parts).iter().map(text).collect();
                Some(Value::from(parts.join(of[0].as_str()?)))
            }
            "Fn::Select" => {
                let index: usize = text(&of[0]).parse().ok()?;
                self.resolve(&of[1][index])
            }
            "Fn::Sub" => Some(Value::from(self.substituted(of))),
            other => panic!("no function: {other}"),
        }
    }

    fn reference(&self, name: &str) -> Option<String> {
        if name == "AWS::NoValue" {
            return None;
        }
        let pseudo = PSEUDO.iter().find(|(pseudo, _)| *pseudo == name).map(|(_, value)| (*value).to_owned());
        let resource = || self.template["Resources"].get(name).map(|resource| physical_id(name, &resource["Type"]));
        let found = pseudo.or_else(|| self.parameters.get(name).cloned()).or_else(resource);
        Some(found.unwrap_or_else(|| panic!("nothing is called {name}")))
    }

    /// Evaluates the argument of `Fn::Sub`: a text with `${Name}` in it, or a list of such a text and an object with
    /// more names and their values.
    fn substituted(&self, of: &Value) -> String {
        let (pattern, names) = match of {
            Value::Array(parts) => (text(&parts[0]), self.resolve(&parts[1]).unwrap_or_default()),
            pattern => (text(pattern), json!({})),
        };
        let mut pieces = pattern.split("${");
        let mut result = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let Some((name, rest)) = piece.split_once('}') else { panic!("no end: {pattern}") };
            let value = match names.get(name) {
                Some(value) => Some(text(value)),
                None if name.contains('.') => Some(name.to_owned()),
                None => self.reference(name),
            };
            result = result + &value.unwrap_or_default() + rest;
        }
        result
    }
}

/// Returns the template's text.
pub(crate) fn template() -> String {
    read("template.yaml")
}

fn read(file: &str) -> String {
    let path = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the value of `Ref` to a resource: the ARN of a topic, and otherwise the resource's name in the template.
fn physical_id(name: &str, resource_type: &Value) -> String {
    if resource_type == "AWS::SNS::Topic" {
        format!("arn:aws:sns:eu-west-1:123456789012:{name}")
    } else {
        name.to_owned()
    }
}

/// Returns the name and the argument of the function that a value calls; `None` if the value is no call.
fn as_function_call(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (name, of) = fields.iter().next()?;
    let is_call = name.starts_with("Fn::") || name == "Ref" || (name == "Condition" && of.is_string());
    is_call.then_some((name, of))
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}"))
}

/// Returns the elements of a list.
pub(crate) fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_evaluated() {
        let stack = Stack::new(&[("OpenAISecretArns", "a,b"), ("Prefix", "p/"), ("ExistingBucketName", "mine")]);
        let resolve = |text: &str| stack.resolve(&yaml::parse(text));
        assert_eq!(resolve("!If [HasOpenAI, !Split [',', !Ref OpenAISecretArns], 1]"), Some(json!(["a", "b"])));
        assert_eq!(resolve("!If [HasMicrosoft365, 1, !Ref AWS::NoValue]"), None);
        assert_eq!(resolve("[1, !Ref AWS::NoValue, {a: !Sub '${Prefix}*'}]"), Some(json!(["1", {"a": "p/*"}])));
        let sub =
            "!Sub ['${AWS::Partition}:${Name}', {Name: !If [CreatesBucket, !Ref Bucket, !Ref ExistingBucketName]}]";
        assert_eq!(resolve(sub), Some(json!("aws:mine")));
        assert_eq!(stack.resource("Bucket"), None);
    }
}

//! The settings of a deployment's stack: its parameters as the variables that the functions get.

use std::collections::BTreeMap;

/// Returns the value of the variable `name` of the vendor, such as `OPENAI_BASE_URL`, from the parameters of a stack,
/// such as `OpenAIBaseUrl`; `None` if there is no such parameter or it is empty.
///
/// Each vendor has one beginning of the names of its parameters and one of those of its variables. They differ in case
/// only, and so do the words after them, except that variables separate them with underscores.
pub(super) fn variable(parameters: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let wanted = name.replace('_', "").to_lowercase();
    let (_, value) = parameters.iter().find(|(parameter, _)| parameter.to_lowercase() == wanted)?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::vendors::VENDORS;

    /// Returns the values of `key` in the lines of a vendor's part of the template, in their order.
    fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
        let value = |line: &'a str| line.trim().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(": ");
        text.lines().filter_map(value).map(|value| value.split(" #").next().unwrap_or_default()).collect()
    }

    #[test]
    fn each_parameter_of_a_vendor_is_its_variable() {
        for vendor in VENDORS {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(vendor.name).join("stack.yaml");
            let text = fs::read_to_string(file).unwrap();
            let (id, beginning) = (values(&text, "id")[0], values(&text, "variable")[0]);
            let mut named: Vec<(String, String)> = values(&text, "name")
                .into_iter()
                .map(str::to_owned)
                .zip(values(&text, "variable").into_iter().skip(1).map(str::to_owned))
                .collect();
            for (parameter, variable) in [("SecretArns", "SECRET_ARNS"), ("SecretPrefix", "SECRET_PREFIX")] {
                named.push((format!("{id}{parameter}"), format!("{beginning}_{variable}")));
            }
            assert!(named.len() > 2, "{named:?}");
            for (parameter, name) in &named {
                let parameters =
                    BTreeMap::from([("Prefix".to_owned(), "a/".to_owned()), (parameter.clone(), " x ".to_owned())]);
                assert_eq!(variable(&parameters, name).as_deref(), Some("x"), "{parameter}");
                assert_eq!(variable(&BTreeMap::from([(parameter.clone(), String::new())]), name), None);
            }
            assert_eq!(beginning.to_lowercase(), vendor.name, "the secrets are found by the vendor's name");
        }
    }
}

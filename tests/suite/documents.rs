//! The documents of the deployment name only parameters, outputs and files that exist.

use std::fs;
use std::path::PathBuf;

use crate::stack::{Stack, template};

const DOCUMENTS: [&str; 5] =
    ["README.md", "infra/README.md", "infra/SETUP.md", "infra/READING.md", "infra/terraform/README.md"];

fn project_file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project_file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns every text between `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split_once(after)).map(|(inner, _)| inner).collect()
}

#[test]
fn the_settings_of_samconfig_are_a_deployment() {
    let text = read("infra/SETUP.md");
    let overrides = between(&text, "parameter_overrides = [\n", "\n]");
    let quoted = overrides[0].split('"').skip(1).step_by(2);
    let given: Vec<(&str, &str)> = quoted.filter_map(|setting| setting.split_once('=')).collect();
    assert!(given.len() >= 5, "{given:?}");
    // A name that is no parameter panics.
    assert_eq!(Stack::new(&given).refusals(), [""; 0]);
}

#[test]
fn outputs_in_documents_exist() {
    let template = template();
    let outputs = template.split_once("\nOutputs:\n").unwrap().1;
    let mut count = 0;
    for document in DOCUMENTS {
        for output in between(&read(document), "OutputKey=='", "'") {
            assert!(outputs.contains(&format!("  {output}:\n")), "{document} has the output {output}");
            count += 1;
        }
    }
    assert!(count >= 3, "{count}");
}

#[test]
fn links_in_documents_lead_to_files() {
    for document in DOCUMENTS {
        let folder = project_file(document).parent().unwrap().to_owned();
        for link in between(&read(document), "](", ")") {
            let path = link.split('#').next().unwrap();
            let is_web = link.starts_with("http");
            assert!(is_web || path.is_empty() || folder.join(path).exists(), "{document} links to {link}");
        }
    }
}

/// Returns the anchors of a document's headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn anchors_in_links_exist() {
    for document in DOCUMENTS {
        let folder = project_file(document).parent().unwrap().to_owned();
        for link in between(&read(document), "](", ")").into_iter().filter(|link| !link.starts_with("http")) {
            let Some((path, anchor)) = link.split_once('#') else { continue };
            let target = if path.is_empty() { project_file(document) } else { folder.join(path) };
            let known = anchors(&fs::read_to_string(target).unwrap());
            assert!(known.iter().any(|one| one == anchor), "{document} links to {link}");
        }
    }
}

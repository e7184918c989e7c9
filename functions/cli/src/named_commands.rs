//! Tests that all texts of the project name only commands and options that exist.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};

use crate::Cli;

const NAME: &str = "audit-pull ";
/// Words that may follow the project's name in a sentence and are not commands.
const WORDS_OF_SENTENCES: [&str; 8] = ["deployment", "does", "failed", "function", "is", "may", "row", "stopped"];
/// The extensions of the files that are searched: documents, code and scripts. Some scripts have no extension.
const EXTENSIONS: [&str; 7] = ["", "md", "py", "rs", "sh", "yaml", "yml"];
/// Folders that are not searched, because they hold data or build results.
const SKIPPED_FOLDERS: [&str; 5] = [".git", "findings", "fixtures", "golden", "target"];

/// Appends to `found` the path and the content of each file below `folder` that has one of [`EXTENSIONS`].
fn collect_texts(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let ending = path.extension().map_or("", |ending| ending.to_str().unwrap());
        if path.is_dir() {
            if !SKIPPED_FOLDERS.iter().any(|name| path.ends_with(name)) {
                collect_texts(&path, found);
            }
        } else if EXTENSIONS.contains(&ending)
            && let Ok(text) = fs::read_to_string(&path)
        {
            found.push((path, text));
        }
    }
}

/// Checks the text that follows the program's name. Returns the problem if it is a command or option that does not
/// exist; `None` if it is valid, or only a sentence.
fn problem(after: &str) -> Option<String> {
    let is_of_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase());
    let first: String = after.chars().take_while(|c| is_of_word(*c)).collect();
    if !is_name(&first) || WORDS_OF_SENTENCES.contains(&first.as_str()) {
        return None;
    }
    let root = Cli::command();
    let Some(mut command) = root.find_subcommand(&first) else { return Some(format!("no command {first}")) };
    // Alternatives are separated by `/`, or in a Markdown table by `\|`.
    let line = after.replace("\\|", "/");
    let line = line.split(['`', '\n', '"', ';', '|', '#', '&', '<', '>']).next().unwrap();
    let rest: Vec<&str> = line[first.len()..].split_whitespace().collect();
    if command.has_subcommands() {
        let alternatives = rest.iter().take_while(|token| !token.starts_with("--")).flat_map(|token| token.split('/'));
        let names: Vec<&str> = alternatives.filter(|name| is_name(name)).collect();
        if let Some(name) = names.iter().find(|name| command.find_subcommand(name).is_none()) {
            return Some(format!("no command {first} {name}"));
        }
        if let [name] = names[..] {
            command = command.find_subcommand(name).unwrap();
        }
    }
    let rest = rest.into_iter();
    let options = rest.filter_map(|token| token.trim_start_matches(['[', '(', '\'']).strip_prefix("--"));
    let options = options.map(|name| name.chars().take_while(|c| is_of_word(*c)).collect::<String>());
    let unknown = options.into_iter().find(|name| !has_option(command, name));
    unknown.map(|name| format!("no option --{name} of {first}"))
}

fn has_option(command: &Command, name: &str) -> bool {
    name == "help" || command.get_arguments().any(|argument| argument.get_long() == Some(name))
}

/// Checks the documents, code and scripts of the whole project.
///
/// # Panics
/// A text names a command or an option that does not exist.
pub(crate) fn check_all_texts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    collect_texts(&root, &mut found);
    let mut named = 0;
    for (path, text) in found {
        for after in text.split(NAME).skip(1) {
            named += 1;
            assert_eq!(problem(after), None, "{}: {}", path.display(), after.lines().next().unwrap());
        }
    }
    assert!(named >= 30, "{named}: the texts were not found");
}

#[test]
fn d4_a_command_that_does_not_exist_is_found_in_any_form() {
    for (after, expected) in [
        ("restore`, with the schedules off", "no command restore"),
        ("restore", "no command restore"),
        ("rebuild --lakes DIR", "no option --lakes of rebuild"),
        ("pull openai --lakes DIR`", "no option --lakes of pull"),
        ("pull openai\\|microsoft365 [--since T]`", "no option --since of pull"),
        ("schema parquet T", "no command schema parquet"),
        ("schema list\\|show T\\|parquet T`", "no command schema parquet"),
        ("schema duckdb T --folder LAKE", "no option --folder of schema"),
    ] {
        assert_eq!(problem(after).as_deref(), Some(expected), "{after}");
    }
    for after in ["is free", "schema list\\|show T`", "schema duckdb T --lake LAKE", "pull --help", "man`", "{name}"] {
        assert_eq!(problem(after), None, "{after}");
    }
}

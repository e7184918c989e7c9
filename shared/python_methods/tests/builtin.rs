//! Compares the Python methods of the built-in models with their Rust versions: on all examples, on all golden lines,
//! and on addresses in many forms.
//!
//! The program is also its own worker, so it cannot use the test harness.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test without a harness")]

use std::fs;
use std::path::Path;

use data_models::specification::{SourceFile, load};
use data_models::{DataModel, DataModels, Name, Value};
use python_methods::{MAX_MEMORY_BYTES, MethodFile, MethodFiles, PythonMethods, WorkerCommand, run_worker};
use schema::LogType;
use schema::{NativeMethods, examples_text, model_text, python_text};
use serde_json::Value as Json;

const WORKER: &str = "worker";
/// The minimum number of values that must be compared. The test fails below this number, for example if the golden
/// lines are missing.
const MIN_VALUES: usize = 1_000;

fn main() {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        run_worker(MAX_MEMORY_BYTES).unwrap();
        return;
    }
    let mut values = 0;
    for log_type in LogType::ALL {
        let mut engines = Engines::new(log_type);
        values += engines.compare_examples(log_type);
        values += golden_lines(log_type).iter().map(|line| engines.compare_line(line)).sum::<usize>();
        if log_type == LogType::Dlp {
            values += engines.compare_addresses();
        }
        assert_eq!(address_functions(log_type), address_functions(LogType::Dlp), "{}", log_type.name());
    }
    assert!(values >= MIN_VALUES, "{values}");
    println!("{values} values are the same in Python and in Rust");
}

/// A model and the worker with its Python methods.
struct Engines {
    model: DataModel,
    python: PythonMethods,
}

impl Engines {
    fn new(log_type: LogType) -> Self {
        let path = format!("{}_data_model", log_type.table());
        let file = SourceFile { path: format!("{path}.yml"), text: model_text(log_type).to_owned() };
        let model = DataModels::new(&load(&[file]).unwrap()).get(log_type.name()).unwrap().clone();
        let methods = model.names.iter().filter_map(|name| name.method.clone()).collect();
        let source = python_text(log_type).to_owned();
        let id = model.id.clone();
        let file = MethodFile { id, specification: format!("{path}.yml"), path: format!("{path}.py"), source, methods };
        let program = std::env::current_exe().unwrap().into();
        let command = WorkerCommand { program, arguments: vec![WORKER.into()] };
        let files = MethodFiles { models: vec![file], ..MethodFiles::default() };
        Self { model, python: PythonMethods::start(command, files).unwrap() }
    }

    /// Compares the values of all names for a line, and returns the number of names that have a value.
    fn compare_line(&mut self, line: &str) -> usize {
        let names = self.model.names.clone();
        names.iter().filter(|name| !self.compared_value(name, line).is_null()).count()
    }

    fn compared_value(&mut self, name: &Name, line: &str) -> Json {
        let event = Value::parse(line).unwrap();
        let python = self.model.mapped(name, &event, &mut self.python).map(json);
        let rust = self.model.mapped(name, &event, &mut NativeMethods).map(json);
        assert_eq!(python, rust, "{} of {line}", name.name);
        rust.unwrap()
    }

    /// Compares both versions on the examples, and with the expected values. Returns the number of expected values.
    fn compare_examples(&mut self, log_type: LogType) -> usize {
        let file: Json = serde_saphyr::from_str(examples_text(log_type)).unwrap();
        let examples = file["Examples"].as_array().unwrap();
        for example in examples {
            let line = example["Event"].to_string();
            for name in &self.model.names.clone() {
                let expected = example["Expected"].get(&name.name).unwrap_or(&Json::Null);
                assert_eq!(self.compared_value(name, &line), *expected, "{}: {}", name.name, example["Name"]);
            }
        }
        examples.iter().map(|example| example["Expected"].as_object().unwrap().len()).sum()
    }

    /// Compares both versions on addresses in many forms, and returns the number of addresses and ports that were
    /// found.
    fn compare_addresses(&mut self) -> usize {
        let names = ["source_ip", "source_port"].map(|name| self.model.name(name).unwrap().clone());
        let line = |address: &String| format!("{{\"ClientIP\":{}}}", Json::from(address.as_str()));
        let lines: Vec<String> = address_forms().iter().map(line).collect();
        lines.iter().map(|line| names.iter().filter(|name| !self.compared_value(name, line).is_null()).count()).sum()
    }
}

fn json(found: Option<data_models::Found<'_>>) -> Json {
    found.map_or(Json::Null, |found| serde_json::from_str(&found.value.to_json()).unwrap())
}

/// Returns the lines in the golden files of a log type.
fn golden_lines(log_type: LogType) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/tests/golden").join(log_type.name());
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let lines = paths.filter(|path| path.to_string_lossy().contains(".line")).flat_map(|path| {
        let lines: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        if let Json::Array(lines) = lines { lines } else { vec![lines] }
    });
    lines.map(|line| line.to_string()).collect()
}

const ADDRESSES: [&str; 14] = [
    "203.0.113.7",
    "0.0.0.0",
    "203.0.113.07",
    "203.0.113",
    "2001:db8::1",
    "2001:DB8:1:2:3:4:5:6",
    "1:2:3:4:5:6:7::",
    "1:2:3:4::5:6:7:8",
    "::",
    "::ffff:203.0.113.7",
    "1:2:3:4:5:6:7:203.0.113.7",
    "12345::1",
    "host",
    "",
];
const ZONES: [&str; 8] = ["", "%", "%7", "%en-0", "%a%b", "%a b", "%lan_\u{fc}", "%\u{85}"];
const PORTS: [&str; 11] = ["", ":", ":0", ":443", "-443", ":65535", ":65536", ":000080", ":+5", ":\u{0661}", "/24"];
const SEPARATORS: [&str; 9] = [",", "; ", " ", "\t", "\u{1c}", "\u{85}", "\u{a0}", "\u{2003}", "\u{200b}"];

/// Returns addresses with and without zones, ports and brackets, and lists of addresses.
fn address_forms() -> Vec<String> {
    let all = |addresses: &[&str], zones: &[&str], ports: &[&str]| -> Vec<String> {
        let zoned = addresses.iter().flat_map(|address| zones.iter().map(move |zone| (address, zone)));
        let whole = zoned.flat_map(|(address, zone)| ports.iter().map(move |port| (address, zone, port)));
        let forms = |(address, zone, port)| {
            [format!("{address}{zone}{port}"), format!("[{address}{zone}]{port}"), format!("[{address}]{zone}{port}")]
        };
        whole.flat_map(forms).collect()
    };
    let mut forms = all(&ADDRESSES, &[""], &PORTS[..4]);
    forms.extend(all(&ADDRESSES[..1], &[""], &PORTS));
    forms.extend(all(&ADDRESSES[4..5], &ZONES, &PORTS[..5]));
    let lists = SEPARATORS.iter().map(|separator| format!("unknown{separator}192.0.2.1:80{separator}192.0.2.2"));
    forms.extend(lists);
    forms.extend(["[", "]", "[]", "%", "-", ":", "[::1", "[::1]]", "a\u{0}"].map(str::to_owned));
    forms
}

/// Returns the functions that read addresses. Each Python file has a copy of them, because it is loaded alone.
fn address_functions(log_type: LogType) -> &'static str {
    let python = python_text(log_type);
    let begin = python.find("\n\ndef port_of(").unwrap();
    &python[begin..]
}

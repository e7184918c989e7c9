//! Tests that methods return what they return in CPython 3.11 to 3.13, or are refused with an error that names the
//! line, and that a method cannot hide a refusal.
//!
//! The program is also its own worker, so it cannot use the test harness.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test without a harness")]

use std::collections::BTreeMap;
use std::fmt::Write;

use data_models::specification::{SourceFile, load};
use data_models::{DataModel, DataModels, Methods, Value};
use python_methods::{
    HelperFile, MAX_MEMORY_BYTES, MethodFile, MethodFiles, PythonMethods, StartError, WorkerCommand, run_worker,
};
use serde_json::{Value as Json, json};

const WORKER: &str = "worker";
/// Expressions with their values, or the names of their errors, as recorded from CPython.
const VALUES: &str = include_str!("values/cpython.ndjson");
/// The event for which [`VALUES`] were recorded.
const EVENT: &str = r#"{"s":"Hello","n":5,"l":[1,2,{"a":"b"}],"d":{"K":"v","x":null}}"#;

fn main() {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        run_worker(MAX_MEMORY_BYTES).unwrap();
        return;
    }
    expressions_have_the_values_of_cpython();
    unavailable_names_are_refused_with_their_lines();
    a_refusal_cannot_be_hidden();
    a_helper_takes_precedence_over_a_model_of_its_name();
    a_worker_that_cannot_start_is_no_fault_of_a_file();
    println!("methods have the values of CPython, or are refused");
}

fn expressions_have_the_values_of_cpython() {
    let cases: Vec<Json> = VALUES.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut source = String::new();
    for (number, case) in cases.iter().enumerate() {
        let expression = case["expression"].as_str().unwrap();
        writeln!(source, "def m{number}(event):\n    return {expression}\n").unwrap();
    }
    let methods = (0..cases.len()).map(|number| format!("m{number}")).collect();
    let mut engine = start("A", &source, methods, &[]).unwrap();
    assert!(cases.len() >= 30, "{}", cases.len());
    for (number, case) in cases.iter().enumerate() {
        let answer = call(&mut engine, &format!("m{number}"));
        match case["error"].as_str() {
            Some(error) => assert!(answer.as_ref().is_err_and(|found| found.starts_with(error)), "{case}: {answer:?}"),
            None => assert_eq!(answer.as_ref(), Ok(&case["value"]), "{case}"),
        }
    }
}

fn unavailable_names_are_refused_with_their_lines() {
    for (source, faults) in [
        ("import os\ndef m(event):\n    return os.getenv('A', 'b')\n", vec!["a.py:3: os.getenv"]),
        ("import os\ndef m(event):\n    return os.environ.get('A')\n", vec!["a.py:3: os.environ"]),
        ("from os import system\ndef m(event):\n    pass\n", vec!["a.py:1: os.system"]),
        ("import os.path\ndef m(event):\n    return os.path.exists('a')\n", vec!["a.py:3: os.path.exists"]),
        ("def m(event):\n    return open('a')\n", vec!["a.py:2: open"]),
        ("def m(event):\n    import urllib.request\n", vec!["a.py:2: import of urllib.request"]),
        ("from urllib import request\ndef m(event):\n    pass\n", vec!["a.py:1: urllib.request"]),
        ("import uuid\ndef m(event):\n    return str(uuid.uuid4())\n", vec!["a.py:3: uuid.uuid4"]),
        ("import secrets as s\ndef m(event):\n    return s.token_hex()\n", vec!["a.py:3: secrets.token_hex"]),
        ("from panther_base_helpers import nothing\ndef m(event):\n    pass\n", vec!["a.py:1: import of nothing"]),
        (
            "import socket\nimport boto3\ndef m(event):\n    import yaml\n",
            vec!["a.py:1: import of socket", "a.py:2: import of boto3", "a.py:4: import of yaml"],
        ),
        ("import h\ndef m(event):\n    return h.asks(event)\n", vec!["h.py:5: use of boto3.client"]),
        ("from h import also_asks as f\ndef m(event):\n    return f(event)\n", vec!["h.py:5: use of boto3.client"]),
    ] {
        let error = start("A", source, vec!["m".to_owned()], &[("h", HELPER)]).unwrap_err();
        let StartError::Files(found) = error else { panic!("{source}: {error:?}") };
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), faults.len(), "{source}: {found:?}");
        for (found, fault) in found.iter().zip(faults) {
            assert!(
                found.starts_with(fault) && found.ends_with("not available to methods") || fault.contains("nothing"),
                "{found}"
            );
        }
    }
    for source in [
        "import h\ndef m(event):\n    return h.harmless(event)\n",
        "def open(x):\n    return x\ndef m(event):\n    return open(event['n'])\n",
        "from panther_base_helpers import deep_get\ndef m(event):\n    return deep_get(event, 'n')\n",
    ] {
        let mut engine = start("A", source, vec!["m".to_owned()], &[("h", HELPER)]).unwrap();
        assert_eq!(call(&mut engine, "m"), Ok(json!(5)), "{source}");
    }
}

/// A helper in which one function uses `boto3`, which methods may not use, and another function does not.
const HELPER: &str = "import boto3\ndef harmless(event):\n    return event['n']\ndef asks(event):\n    return boto3.client('s3')\ndef also_asks(event):\n    return asks(event)\n";

fn a_refusal_cannot_be_hidden() {
    let source = "def hides(event):\n    try:\n        return eval('open')('a')\n    except:\n        return 'hidden'\n\ndef plain(event):\n    return 1\n\ndef large(event):\n    return [2 ** 130]\n";
    let methods = ["hides", "plain", "large"].map(str::to_owned).into();
    let mut engine = start("A", source, methods, &[]).unwrap();
    assert_eq!(call(&mut engine, "hides"), Err("NotAvailable: open is not available to methods".to_owned()));
    assert_eq!(call(&mut engine, "plain"), Ok(json!(1)));
    assert!(call(&mut engine, "large").is_err_and(|error| error.contains("more than 127 bits")));
}

fn a_helper_takes_precedence_over_a_model_of_its_name() {
    let source = "import h\ndef m(event):\n    return h.harmless(event)\n";
    let mut engine = start("h", source, vec!["m".to_owned()], &[("h", HELPER)]).unwrap();
    let answer = engine.call(&model("h"), "m", &Value::parse(EVENT).unwrap());
    assert_eq!(answer, Ok("5".to_owned()));
}

fn a_worker_that_cannot_start_is_no_fault_of_a_file() {
    for program in ["/no/such/program", "/bin/false"] {
        let command = WorkerCommand { program: program.into(), arguments: Vec::new() };
        let error = PythonMethods::start(command, MethodFiles::default()).unwrap_err();
        assert!(matches!(&error, StartError::Engine(reason) if reason.contains(program)), "{error:?}");
    }
}

fn start(id: &str, source: &str, methods: Vec<String>, helpers: &[(&str, &str)]) -> Result<PythonMethods, StartError> {
    let helper =
        |(name, text): &(&str, &str)| ((*name).to_owned(), HelperFile(format!("{name}.py"), (*text).to_owned()));
    let helpers: BTreeMap<_, _> = helpers.iter().map(helper).collect();
    let (id, source) = (id.to_owned(), source.to_owned());
    let file = MethodFile { id, specification: "a.yml".to_owned(), path: "a.py".to_owned(), source, methods };
    let program = std::env::current_exe().unwrap().into();
    let command = WorkerCommand { program, arguments: vec![WORKER.into()] };
    PythonMethods::start(command, MethodFiles { helpers, models: vec![file] })
}

fn call(engine: &mut PythonMethods, method: &str) -> Result<Json, String> {
    let answer = engine.call(&model("A"), method, &Value::parse(EVENT).unwrap())?;
    Ok(serde_json::from_str(&answer).unwrap())
}

fn model(id: &str) -> DataModel {
    let text = format!("AnalysisType: datamodel\nDataModelID: {id}\nEnabled: true\nLogTypes: [A]\nMappings: []\n");
    let models = DataModels::new(&load(&[SourceFile { path: "a.yml".to_owned(), text }]).unwrap());
    models.get("A").unwrap().clone()
}

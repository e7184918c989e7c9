//! Tests `audit-pull udm` and `audit-pull models` from outside, as people and scripts use them.
#![cfg(feature = "python")]
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// The event that the methods of the test models expect.
const EVENT: &str = r#"{"p_log_type":"Team.Audit","email":"ada@example.com","role":"Owner","actor":{"key":{"ID":"k1","id":"k2","owner":"ada"}},"count":"1200","scopes":["read","write","list"],"address":"[2001:DB8::1]:443","version":"1.20","at":"2026-03-01T12:00:00+0100","ip":"2001:db8::7","payload":"{\"n\":1,\"a\":[]}"}"#;
const MODEL: &str = "AnalysisType: datamodel\nDataModelID: A\nEnabled: true\nLogTypes: [A]\n";

fn audit_pull(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-pull"));
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // This may fail, because a command that refuses its models does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/udm").join(name)
}

/// Returns the answers of `audit-pull udm` to the events in `input`.
fn answers(models: &Path, input: &str) -> Vec<Value> {
    let output = audit_pull(&["udm", "--models", models.to_str().unwrap()], input);
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), printed.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Makes a temporary folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Returns the faults that `--check` reports, without the folder in their paths.
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let path = folder.path().to_str().unwrap();
    let output = audit_pull(&["udm", "--models", path, "--check"], "");
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(i32::from(!printed.is_empty())), &b""[..]));
    printed.lines().map(|line| line.replace(&format!("{path}/"), "").replace(path, "DIR")).collect()
}

#[test]
fn every_line_has_an_answer() {
    let models =
        folder(&[("a.yml", &format!("{MODEL}Mappings:\n- {{Name: b, Path: $.b}}\n- {{Name: c, Path: 'c[*]'}}\n"))]);
    let input = "{\"p_log_type\":\"A\",\"b\":null}\r\n[]\n\n{\"p_log_type\":\"B\"}\n{\"b\":1}\n{\"p_log_type\":\"A\",\"b\":{\"x\": 1},\"c\":[1,2]}";
    let not_json = "not JSON: EOF while parsing a value at line 1 column 0";
    assert_eq!(
        answers(models.path(), input),
        [
            json!({"udm": {"b": null}, "udm_path": {"b": "b"}, "errors": {}}),
            json!({"udm": {}, "udm_path": {}, "errors": {"event": "the event is no JSON object"}}),
            json!({"udm": {}, "udm_path": {}, "errors": {"event": not_json}}),
            json!({"udm": {}, "udm_path": {}, "errors": {"p_log_type": "no enabled model is for log type \"B\"; the log types with one are A"}}),
            json!({"udm": {}, "udm_path": {}, "errors": {"p_log_type": "the event has no p_log_type, a text that picks the model"}}),
            json!({"udm": {"b": {"x": 1}}, "udm_path": {"b": "b"}, "errors": {"c": "the path c[*] finds 2 values; a name has one"}}),
        ]
    );
}

/// The expected values are those that CPython 3 gives for the same file.
#[test]
fn methods_can_use_the_python_standard_library() {
    let answer = answers(&fixture("team"), &format!("{EVENT}\n")).remove(0);
    let expected = json!({
        "actor_user": "ada",
        "try_except": ["KeyError absent", "finally"],
        "sets": ["read", "write"],
        "walrus": "3 from read",
        "comprehensions": [{"4": "list", "5": "write"}, [[1, 0], [2, 1]], ["l", "r", "w"]],
        "f_strings": "   'ada@example.com'|01200|400.00|1,200|count=1200",
        "regular_expressions": ["2001:DB8::1", 443, "eventTypeName", ["list", "four", "long"]],
        "any_letter_case": ["ada@example.com", "k1", true, null],
        "inheritance": ["user ada", "Admin Ada", ["Admin", "User", "Describer"]],
        "generators": [0, 1, "sent", ["read", "write", "list", "end"], true],
        "properties": ["1.20", true, "Version(major=1, minor=20, tags=[])"],
        "matching": "key k2",
        "dates": ["2026-03-02T23:00:00+00:00", 1_772_362_800, "02.03.2026", 1],
        "addresses": ["2001:db8::7", true, true, 6],
        "wildcards": [true, ["read", "write"]],
        "json_text": "{\"a\": [], \"n\": 2}",
        "decorators": [["in", 832_040, "out"], [["r", 1]], {"4": ["read", "list"], "5": ["write"]}, 6],
        "deep_get": ["k2", "default"],
        "read_only": ["changed", "ada@example.com"],
        "prints": "printed",
        "no_function": null,
    });
    assert_eq!(answer["udm"], expected);
    assert_eq!(answer["udm_path"]["walrus"], "walrus");
    assert_eq!(answer["udm_path"]["fails"], "fails");
    assert_eq!(answer["errors"], json!({"fails": "the method fails: KeyError: 'absent'"}));
}

#[test]
fn a_path_is_tried_before_the_method_of_the_same_name() {
    let event = r#"{"p_log_type":"Team.Audit","actor":{"email":"eve@example.com"}}"#;
    let answer = answers(&fixture("team"), event).remove(0);
    assert_eq!(
        (&answer["udm"]["actor_user"], &answer["udm_path"]["actor_user"]),
        (&json!("eve@example.com"), &json!("actor.email"))
    );
}

#[test]
fn an_integer_that_is_too_long_is_an_error_and_os_path_is_available() {
    let specification = "AnalysisType: datamodel\nDataModelID: A\nEnabled: true\nLogTypes: [A]\nFilename: a.py\n\
                         Mappings:\n- {Name: big, Method: big}\n- {Name: base, Method: base}\n";
    let methods = "import os.path\nfrom os.path import basename\n\n\ndef big(event):\n    return 10**4000\n\n\n\
                   def base(event):\n    return basename(os.path.join('a', event.get('x')))\n";
    let models = folder(&[("a.yml", specification), ("a.py", methods)]);
    let answer = answers(models.path(), "{\"p_log_type\":\"A\",\"x\":\"b\"}\n").remove(0);
    assert_eq!(answer["udm"], json!({"base": "b"}));
    assert!(answer["errors"]["big"].as_str().unwrap().contains("more than 127 bits"), "{answer}");
}

/// Helpers may be in the folder of models, or in a folder beside it.
#[test]
fn helpers_are_imported_by_their_file_names_and_their_ids() {
    for models in [fixture("helped"), fixture("helped/data_models"), fixture("helped/data_models/.")] {
        let udm = answers(&models, &EVENT.replace("Team.Audit", "Helped")).remove(0)["udm"].take();
        assert_eq!(udm, json!({"helpers": ["example.com", "none", "X", 1], "helper_by_id": true}), "{models:?}");
    }
}

#[test]
fn a_harmful_method_fails_and_all_others_succeed() {
    let answer = answers(&fixture("hostile"), "{\"p_log_type\":\"Hostile\"}\n").remove(0);
    assert_eq!(answer["udm"], json!({"last": "goes on"}));
    let errors = answer["errors"].as_object().unwrap();
    assert_eq!(errors.len(), 19);
    for (name, part) in [
        ("reads_a_file", "NotAvailable: open is not available to methods"),
        ("reads_proc", "NotAvailable: open is not available to methods"),
        ("reads_proc_by_io", "NotAvailable: files are not available to methods"),
        ("starts_a_thread", "NotAvailable: a thread is not available to methods"),
        ("opens_a_socket", "NotAvailable: import of socket is not available to methods"),
        ("runs_a_command", "AttributeError: module 'os' has no attribute 'system'"),
        ("runs_a_process", "NotAvailable: import of subprocess is not available to methods"),
        ("evaluates", "NotAvailable: import of socket is not available to methods"),
        ("imports_by_lib", "NotAvailable: import of importlib is not available to methods"),
        ("reads_the_environment", "NotAvailable: the environment (os.environ) is not available to methods"),
        ("recurses", "RecursionError"),
        ("exits", "SystemExit: 0"),
        ("interrupts", "KeyboardInterrupt"),
        ("hides_the_error", "NotAvailable: open is not available to methods"),
        ("returns_no_json", "TypeError"),
        ("hogs", "used too much memory"),
        ("loops", "took longer than 1 s and was stopped"),
        ("backtracks", "took longer than 1 s and was stopped"),
    ] {
        let error = errors[name].as_str().unwrap();
        assert!(error.contains(part), "{name}: {error}");
    }
}

#[test]
fn an_endless_method_is_not_called_after_two_events() {
    let mapping = "Filename: a.py\nMappings:\n- {Name: runs_away, Method: runs_away}\n- {Name: good, Method: good}\n";
    let source = "def runs_away(event):\n    while event.get('n') > 1:\n        pass\n    return 0\n\ndef good(event):\n    return event['n']\n";
    let models = folder(&[("a.yml", &format!("{MODEL}{mapping}")), ("a.py", source)]);
    let events: Vec<_> = (1..=30).map(|n| format!("{{\"p_log_type\":\"A\",\"n\":{n}}}\n")).collect();
    let answers = answers(models.path(), &events.concat());
    let errors: Vec<_> =
        answers.iter().map(|answer| answer["errors"]["runs_away"].as_str().unwrap_or("none")).collect();
    let stopped = "the method runs_away: took longer than 1 s and was stopped";
    assert_eq!(errors[..3], ["none", stopped, stopped]);
    let given_up = "the method runs_away: is not called any more: it was stopped 2 times";
    assert!(errors[3..].iter().all(|error| *error == given_up), "{errors:?}");
    for (n, answer) in (1..).zip(&answers) {
        assert_eq!(answer["udm"]["good"], json!(n));
    }
}

#[test]
fn a_file_that_cannot_run_is_refused_with_path_and_line() {
    let model = format!("{MODEL}Filename: a.py\nMappings:\n- {{Name: m, Method: m}}\n");
    for (source, fault) in [
        ("def m(event):\n    return 1 +\n", "data_models/a.py:2: the syntax is not supported"),
        (
            "def m(event):\n    import socket\n    return 1\n",
            "data_models/a.py:2: import of socket, which is not available",
        ),
        ("\n\nfrom ctypes import cdll\n", "data_models/a.py:3: import of ctypes, which is not available"),
        ("import neighbour\n", "data_models/a.py:1: import of neighbour, which is not available"),
        ("import broken\n", "global_helpers/broken.py:1: import of os2, which is not available"),
        ("x = 1\ny = x / 0\n", "data_models/a.py:2: loading fails: ZeroDivisionError"),
        ("def n(event):\n    return 1\n", "data_models/a.py: there is no function m, which data_models/a.yml names"),
        ("exit(0)\n", "data_models/a.py:1: exit, which is not available to methods"),
        ("raise SystemExit(0)\n", "data_models/a.py:1: loading fails: SystemExit: 0"),
    ] {
        let found = faults(&[
            ("data_models/a.yml", &model),
            ("data_models/a.py", source),
            ("data_models/neighbour.py", ""),
            ("global_helpers/broken.py", "import os2\n"),
        ]);
        assert!(found.len() == 1 && found[0].starts_with(fault), "{found:?} is not {fault}");
    }
}

#[test]
fn a_check_reports_every_fault_on_a_line_of_its_own() {
    let good = format!("{MODEL}Mappings: []\n");
    assert_eq!(faults(&[("x/data_models/y/a.yaml", &good)]), [""; 0]);
    let two = format!("{}Mappings: [{{Name: a, Path: 'a b'}}]\nTags: []\n", MODEL.replace("true", "1"));
    let found = faults(&[("a.yml", &two), ("b.yml", &good), ("c.yml", &good.replace("ID: A", "ID: B"))]);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found[0].starts_with("a.yml:3: Enabled is not true or false"), "{found:?}");
    assert!(found[2].starts_with("a.yml:6: \"Tags\" is no field of a data model"), "{found:?}");
    assert!(found[3].starts_with("b.yml: DataModelID \"A\" is that of "), "{found:?}");
    assert!(found[4].starts_with("c.yml: log type \"A\" has another enabled model in "), "{found:?}");
    assert!(faults(&[("rules/a.yml", &good)])[0].starts_with("DIR: no data model is there"));
    let missing = faults(&[("a.yml", &format!("{MODEL}Filename: a.py\nMappings: []\n"))]);
    assert_eq!(missing, ["a.yml:5: there is no Python file \"a.py\", which Filename names, in a folder of models"]);
}

#[test]
fn the_faults_of_yaml_and_of_python_are_reported_together() {
    let python = format!("{MODEL}Filename: b.py\nTags: []\nMappings:\n- {{Name: m, Method: m}}\n");
    let other =
        python.replace("b.py", "c.py").replace("ID: A", "ID: C").replace("[A]", "[C]").replace("Tags: []\n", "");
    let files = [
        ("a.yml", "a: 1\n---\n"),
        ("b.yml", &python),
        ("b.py", "import socket\n"),
        ("c.yml", &other),
        ("c.py", "\nx = (\n"),
    ];
    let found = faults(&files);
    let parts = [
        "a.yml:2: the YAML cannot be read: the file has a second document",
        "b.py:1: import of socket",
        "b.yml:6: \"Tags\" is no field",
        "c.py:",
    ];
    assert_eq!(found.len(), parts.len(), "{found:?}");
    assert!(found.iter().zip(parts).all(|(fault, part)| fault.starts_with(part)), "{found:?}");
}

#[test]
fn a_check_warns_of_unusual_mappings() {
    let model = format!("{MODEL}Mappings:\n- {{Name: '', Path: a}}\n- {{Name: b, Path: b}}\n- {{Name: B, Path: b}}\n");
    let models = folder(&[("a.yml", &model)]);
    let path = models.path().to_str().unwrap();
    let output = audit_pull(&["models", "check", path], "");
    let printed = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "{path}/a.yml:6: Name is empty (warning)\n\
         {path}/a.yml:8: \"B\" and \"b\" on line 7 are two names: letter case counts (warning)\n"
    );
    assert_eq!((output.status.code(), printed), (Some(0), expected));
}

#[test]
fn without_a_folder_the_built_in_models_answer() {
    let event = r#"{"p_log_type":"OpenAI.Audit","actor":{"session":{"ip_address":"192.0.2.1"}}}"#;
    let output = audit_pull(&["udm"], event);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["udm"]["source_ip"], "192.0.2.1");
    assert_eq!(answer["errors"], json!({}));
    assert_eq!(audit_pull(&["udm", "--check"], "").status.code(), Some(2), "a check needs a folder");
}

/// Runs the Python code of the README for readers of lines, on lines of the built-in models.
#[test]
fn the_python_code_of_the_readme_reads_udm_and_udm_path() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let recipe = readme.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let Ok(version) = Command::new("python3").arg("--version").output() else { return };
    assert!(version.status.success());
    let tests = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/udm/recipe.py")).unwrap();
    let script = folder(&[("udm.py", recipe), ("test_udm.py", &tests)]);
    let output = Command::new("python3").arg(script.path().join("test_udm.py")).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{printed}");
}

#[test]
fn with_faulty_models_no_event_is_answered() {
    let models = folder(&[("a.yml", &format!("{MODEL}Mappings: []\n")), ("b.yml", "AnalysisType: datamodel\n")]);
    let output = audit_pull(&["udm", "--models", models.path().to_str().unwrap()], "{\"p_log_type\":\"A\"}\n");
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
    assert!(
        printed.contains("b.yml:1: DataModelID is missing") && printed.ends_with("are not loaded: 4 faults\n"),
        "{printed}"
    );
}

#[test]
fn models_check_and_test_report_faults_and_differences() {
    let team = fixture("team");
    let path = team.to_str().unwrap();
    assert_eq!(audit_pull(&["models", "check", path], "").status.code(), Some(0));
    let output = audit_pull(&["models", "test", path], "");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"2 of 2 examples agree\n"[..]));

    let examples = "LogType: A\nExamples:\n- Name: first\n  Event: {b: 1}\n  Expected: {b: 2}\n";
    let models = folder(&[("a.yml", &format!("{MODEL}Mappings: [{{Name: b, Path: b}}]\n")), ("e.yml", examples)]);
    let path = models.path().to_str().unwrap();
    let output = audit_pull(&["models", "test", path], "");
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b"0 of 1 examples agree\n"[..]));
    assert_eq!(printed, format!("{path}/e.yml:3: first: b: expected 2, got 1\n"));

    fs::remove_file(models.path().join("e.yml")).unwrap();
    assert_eq!(audit_pull(&["models", "test", path], "").status.code(), Some(1), "no examples");
    assert_eq!(audit_pull(&["models", "check", "no/such/folder"], "").status.code(), Some(1));
}

#[test]
fn the_built_in_models_pass_their_examples() {
    let output = audit_pull(&["models", "test"], "");
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), printed.as_str()), (Some(0), ""));
    let printed = String::from_utf8(output.stdout).unwrap();
    let count: usize = printed.split_whitespace().next().unwrap().parse().unwrap();
    assert!(count >= 42 && printed == format!("{count} of {count} examples agree\n"), "{printed}");
}

#[test]
fn models_list_names_the_built_in_models_and_those_of_a_folder() {
    let team = fixture("team");
    let output = audit_pull(&["models", "list", "--models", team.to_str().unwrap()], "");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 1 + 6 + 2, "{text}");
    let openai = &rows[1];
    assert_eq!(openai[..3], ["OpenAI.Audit", "AuditPull.OpenAI.Audit", "built-in"]);
    assert!(openai[3].split(',').any(|name| name == "source_ip"), "{text}");
    let flow = rows.iter().find(|row| row[0] == "Team.Flow").unwrap();
    assert_eq!((flow[1], flow[3]), ("Team.Flow", "source_ip,destination_ip,bytes"));
    assert!(flow[2].ends_with("team/data_models/network/flow.yaml"), "{text}");

    let output = audit_pull(&["models", "list", "--json"], "");
    let lines = String::from_utf8(output.stdout).unwrap();
    let model: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (lines.lines().count(), &model["log_type"], &model["origin"]),
        (6, &json!("OpenAI.Audit"), &json!("built-in"))
    );
    assert_eq!(model["names"]["user_agent"], json!(["$.actor.session.user_agent"]));
}

/// `show` prints a specification that can be loaded and is the same as the built-in one.
#[test]
fn a_shown_built_in_model_can_be_loaded() {
    let shown = |arguments: &[&str]| {
        let output = audit_pull(&[&["models", "show"], arguments].concat(), "");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let model = shown(&["Microsoft365.Audit.Exchange"]);
    assert!(model.contains("\n# user_agent") && model.contains("\n# name") && model.contains("\n# gives {"), "{model}");
    let json: Value = serde_json::from_str(&shown(&["Microsoft365.Audit.Exchange", "--json"])).unwrap();
    assert!(json["names"]["source_ip"].is_array() && json["examples"][0]["event"].is_object(), "{json}");
    let filename = model.lines().find_map(|line| line.strip_prefix("Filename: ")).unwrap();
    let methods = shown(&["Microsoft365.Audit.Exchange", "--methods"]);
    assert_eq!(faults(&[("data_models/a.yml", &model), (&format!("data_models/{filename}"), &methods)]), [""; 0]);
    assert_eq!(audit_pull(&["models", "show", "Microsoft365.Audit"], "").status.code(), Some(2));
}

#[test]
fn normalize_uses_a_custom_model() {
    let model = "AnalysisType: datamodel\nDataModelID: A\nEnabled: true\nLogTypes: [OpenAI.Audit]\nFilename: a.py\nMappings:\n- {Name: event_type, Path: type}\n- {Name: team, Method: team}\n- {Name: fails, Method: fails}\n";
    let source =
        "def team(event):\n    return [event['P_LOG_TYPE'], event['ID']]\n\ndef fails(event):\n    return event['x']\n";
    let models = folder(&[("a.yml", model), ("a.py", source)]);
    let event = "{\"id\":\"audit_log-1\",\"type\":\"project.created\",\"effective_at\":1720804090}\n";
    let path = models.path().to_str().unwrap();
    let output = audit_pull(&["normalize", "--log-type", "OpenAI.Audit", "--models", path], event);
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let udm = json!({"event_type": "project.created", "team": ["OpenAI.Audit", "audit_log-1"]});
    assert_eq!((output.status.code(), &line["p_udm"]), (Some(0), &udm));
    let drift: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(drift["drift"]["udm_failed_names"], json!(["fails"]), "{drift}");

    fs::write(models.path().join("a.py"), "import socket\n").unwrap();
    let output = audit_pull(&["normalize", "--log-type", "OpenAI.Audit", "--models", path], event);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
    assert!(String::from_utf8(output.stderr).unwrap().contains("a.py:1: import of socket"));
}

/// The worker lowers its resource limits before it reads its first request.
#[cfg(target_os = "linux")]
#[test]
fn a_worker_lowers_its_resource_limits() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-pull"));
    let command = command.arg("python-worker").env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut worker = command.spawn().unwrap();
    // The request loads an empty set. The worker answers with one frame.
    let request = br#"{"helpers":{},"models":[]}"#;
    let length = u32::try_from(request.len()).unwrap().to_le_bytes();
    let mut input = worker.stdin.take().unwrap();
    input.write_all(&length).and_then(|()| input.write_all(request)).unwrap();
    let mut answer = [0; 7];
    std::io::Read::read_exact(worker.stdout.as_mut().unwrap(), &mut answer).unwrap();
    assert_eq!(&answer, b"\x03\0\0\0\0[]");
    let limits = fs::read_to_string(format!("/proc/{}/limits", worker.id())).unwrap();
    for (name, limit) in [
        ("Max address space", python_methods::MAX_MEMORY_BYTES),
        ("Max open files", 3),
        ("Max file size", 0),
        ("Max core file size", 0),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let values: Vec<&str> = line[name.len()..].split_whitespace().take(2).collect();
        assert_eq!(values, [limit.to_string(), limit.to_string()], "{line}");
    }
    drop(input);
    assert_eq!(worker.wait().unwrap().code(), Some(0), "a worker ends with its input");
}

#[test]
fn all_unavailable_names_in_a_model_are_reported_together() {
    let model = format!("{MODEL}Filename: a.py\nMappings:\n- {{Name: m, Method: m}}\n");
    let source =
        "import os\nimport socket\nfrom h import asks\n\ndef m(event):\n    return asks(os.getenv('A', 'b'))\n";
    let found = faults(&[
        ("data_models/a.yml", &model),
        ("data_models/a.py", source),
        ("global_helpers/h.py", "import boto3\n\ndef asks(name):\n    return boto3.client(name)\n"),
    ]);
    let reasons = [
        "data_models/a.py:2: import of socket, which is not available to methods",
        "data_models/a.py:6: os.getenv, which is not available to methods",
        "global_helpers/h.py:4: use of boto3.client, which is not available to methods",
    ];
    assert_eq!(found[..reasons.len()], reasons, "{found:?}");
}

#[test]
fn methods_have_the_common_helpers_without_a_folder_of_helpers() {
    let model = format!("{MODEL}Filename: a.py\nMappings:\n- {{Name: m, Method: m}}\n");
    let source = "import panther_event_type_helpers as event_type\nfrom panther_base_helpers import deep_get\n\ndef m(event):\n    return [event_type.MFA_DISABLED, deep_get(event, 'a', 'B'), '\\x0b', 5.0 // 0.1]\n";
    let models = folder(&[("a.yml", &model), ("a.py", source)]);
    let answer = answers(models.path(), "{\"p_log_type\":\"A\",\"a\":{\"b\":1}}\n").remove(0);
    assert_eq!(answer["udm"]["m"], json!(["mfa_disabled", 1, "\u{b}", 49.0]), "{answer}");
}

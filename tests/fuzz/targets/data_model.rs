//! The reader of data models on any YAML file: it is a set, or each fault has a reason in one line that speaks of the file
//! and not of a library.
#![no_main]

use data_models::files::{ModelFiles, NamedFile, Root};
use data_models::{DataModels, NoMethods, Value, examples};
use libfuzzer_sys::fuzz_target;

const EVENT: &str = r#"{"p_log_type":"A","a":{"b":[1,{"c":"d"}]}}"#;
/// Words of the YAML reader's own interface.
const INTERNAL: [&str; 4] = ["Policy", "from_str", "deserialize", "budget"];

fuzz_target!(|bytes: &[u8]| {
    let file = |path: &str, bytes: &[u8]| NamedFile { path: path.to_owned(), bytes: bytes.to_owned() };
    let files = vec![file("m/a.yml", bytes), file("m/a.py", b"")];
    let text = String::from_utf8_lossy(bytes);
    match ModelFiles::read(&Root::new("m", true), files) {
        Ok(set) => {
            let event = Value::parse(EVENT).expect("the event is JSON");
            for model in DataModels::new(&set.specifications).iter() {
                for name in &model.names {
                    let _ = model.mapped(name, &event, &mut NoMethods);
                }
            }
            let _ = (data_models::warnings(&set.specifications), examples::read(&set.yaml_files));
        }
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a fault");
            for fault in faults {
                let is_internal = |word: &&str| fault.reason.contains(*word) && !text.contains(*word);
                assert!(!INTERNAL.iter().any(|word| is_internal(word)), "{fault}");
            }
        }
    }
});

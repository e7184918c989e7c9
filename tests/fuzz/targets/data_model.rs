//! Reads any bytes as a data model and as examples. Either they are a valid set, or each fault has a reason for people
//! that does not mention the YAML library.
#![no_main]

use data_models::files::{ModelFiles, NamedFile, Root};
use data_models::{DataModels, NoMethods, Value, examples};
use libfuzzer_sys::fuzz_target;

const EVENT: &str = r#"{"p_log_type":"A","a":{"b":[1,{"c":"d"}]}}"#;
/// Words that only messages of the YAML library contain.
const LIBRARY_WORDS: [&str; 4] = ["Policy", "from_str", "deserialize", "budget"];

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
                let is_library_word = |word: &&str| fault.reason.contains(*word) && !text.contains(*word);
                assert!(!LIBRARY_WORDS.iter().any(is_library_word), "{fault}");
            }
        }
    }
});

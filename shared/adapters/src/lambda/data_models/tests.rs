use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use collector::Put;
use schema::{LineContext, LogType};

use super::*;
use crate::KeyList;
use crate::clock::SystemClock;

/// A bucket that can be listed and read, and counts its listings.
#[derive(Default)]
struct Store {
    objects: RefCell<BTreeMap<String, Vec<u8>>>,
    listings: Cell<u32>,
    failure: RefCell<Option<PortError>>,
}

impl Bucket for Store {
    async fn put_if_absent(&self, _: &str, _: Vec<u8>, _: &str) -> Result<Put, PortError> {
        Err(PortError::person("not asked here"))
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.objects.borrow().get(key).cloned())
    }

    async fn replace(&self, _: &str, _: &[u8], _: Vec<u8>, _: &str) -> Result<bool, PortError> {
        Err(PortError::person("not asked here"))
    }
}

impl ListObjects for Store {
    async fn list_after(&self, prefix: &str, after: &str, max: usize) -> Result<KeyList, PortError> {
        self.listings.set(self.listings.get() + 1);
        if let Some(error) = self.failure.borrow_mut().take() {
            return Err(error);
        }
        let keys = self
            .objects
            .borrow()
            .keys()
            .filter(|key| key.starts_with(prefix) && key.as_str() > after)
            .cloned()
            .collect();
        Ok(KeyList::first(keys, max))
    }
}

const MODEL: &str = "AnalysisType: datamodel\nDataModelID: Own\nEnabled: true\nLogTypes: [OpenAI.Audit]\nMappings:\n- {Name: my_type, Path: type}\n";

fn environment(place: &str) -> Environment {
    let variables = [
        ("OPENAI_SECRET_ARNS", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf"),
        ("STATE_TABLE", "table"),
        ("BUCKET", "lake"),
        ("PREFIX", "audit/"),
        ("DATA_MODELS", place),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Environment::parse("OPENAI", &[], &variables.into()).unwrap()
}

fn line(models: &Models) -> String {
    let mut out = Vec::new();
    let context = LineContext { source_id: "s", source_label: "", parse_time: jiff::Timestamp::UNIX_EPOCH };
    let event = br#"{"id":"1","type":"login.failed","effective_at":1764493200}"#;
    models.custom().normalizer(LogType::OpenAiAudit).normalize(event, &context, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

async fn load(models: &mut Models, place: &str, store: &Store) -> Option<String> {
    let report = models.load(&environment(place), store, &SystemClock).await;
    report.map(|report| report.failure.unwrap().message)
}

#[tokio::test]
async fn models_in_the_bucket_replace_the_built_in_one_and_are_read_once() {
    let store = Store::default();
    store.objects.borrow_mut().insert("audit/_models/own.yml".into(), MODEL.into());
    store.objects.borrow_mut().insert("audit/_models/notes.txt".into(), b"\xff".to_vec());
    let mut models = Models::default();
    for _ in 0..2 {
        assert_eq!(load(&mut models, "s3:_models/", &store).await, None);
    }
    assert!(line(&models).contains(r#""p_udm":{"my_type":"login.failed"}"#));
    assert_eq!(store.listings.get(), 1);
}

#[tokio::test]
async fn a_set_with_a_fault_is_not_used_and_each_tick_reports_it() {
    let store = Store::default();
    store.objects.borrow_mut().insert("audit/_models/own.yml".into(), MODEL.replace("true", "maybe").into());
    let mut models = Models::default();
    for _ in 0..2 {
        let failure = load(&mut models, "s3:_models/", &store).await.unwrap();
        assert!(failure.contains("own.yml:3: Enabled is not true or false"), "{failure}");
    }
    assert!(!line(&models).contains("my_type"));
}

#[tokio::test]
async fn models_that_cannot_be_read_now_are_read_in_the_next_tick() {
    let store = Store::default();
    store.objects.borrow_mut().insert("audit/_models/own.yml".into(), MODEL.into());
    store.failure.replace(Some(PortError::next_tick("S3 is slow")));
    let mut models = Models::default();
    assert!(load(&mut models, "s3:_models/", &store).await.unwrap().contains("S3 is slow"));
    assert_eq!(load(&mut models, "s3:_models/", &store).await, None);
    assert!(line(&models).contains("my_type"));
}

#[tokio::test]
async fn models_of_the_package_are_read_from_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data_models")).unwrap();
    std::fs::write(folder.path().join("data_models/own.yml"), MODEL).unwrap();
    let files = from_package(folder.path()).unwrap();
    assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["data_models/own.yml"]);
    let failure = load(&mut Models::default(), "package:not-there/", &Store::default()).await.unwrap();
    assert!(failure.contains("not-there"), "{failure}");
}

#[tokio::test]
async fn without_the_variable_nothing_is_read() {
    let store = Store::default();
    let mut models = Models::default();
    assert!(models.load(&environment(""), &store, &SystemClock).await.is_none());
    assert_eq!(store.listings.get(), 0);
}

#[test]
fn a_place_cannot_lead_out_of_its_folder() {
    let variables = |place: &str| {
        BTreeMap::from([
            ("OPENAI_SECRET_ARNS".to_owned(), "arn:aws:secretsmanager:eu-west-1:1:secret:a-AbCdEf".to_owned()),
            ("STATE_TABLE".to_owned(), "t".to_owned()),
            ("BUCKET".to_owned(), "b".to_owned()),
            ("DATA_MODELS".to_owned(), place.to_owned()),
        ])
    };
    for place in ["s3:/a/", "s3:a", "s3:../a/", "package:a//b/", "a/", "s3:", "file:a/"] {
        let error = Environment::parse("OPENAI", &[], &variables(place)).unwrap_err();
        assert!(error.message.contains("DATA_MODELS must be s3:PATH/"), "{place}: {}", error.message);
    }
    let environment = Environment::parse("OPENAI", &[], &variables("package:models/own/")).unwrap();
    assert_eq!(environment.data_models, Some(ModelsPlace::Package("models/own/".into())));
}

//! The specification of a data model: a YAML file in Panther's format, checked as Panther's tool checks it.
//!
//! One rule is stricter than in Panther's tool: a model must be for exactly one log type, as Panther's documentation
//! says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::jsonpath::JsonPath;
use crate::yaml::{self, Content, Node};

/// Characters that an id and a display name must not contain.
const FORBIDDEN_CHARACTERS: &str = "<>&\"%";
/// The maximum size of a specification, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// A text file of a set of data models.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path of the file. Messages show it.
    pub path: String,
    /// The content of the file.
    pub text: String,
}

/// A fault in a file of a set of data models.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The path of the file.
    pub path: String,
    /// The line in the file, from 1; `None` if it is not known.
    pub line: Option<u64>,
    /// The fault and how to correct it, as readable text.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.reason),
            None => write!(f, "{}: {}", self.path, self.reason),
        }
    }
}

/// The content of a data model's specification.
#[derive(Debug, Clone)]
pub struct Specification {
    /// The path of the file.
    pub path: String,
    /// The key `DataModelID`.
    pub id: String,
    /// The key `DisplayName`.
    pub display_name: Option<String>,
    /// The key `Enabled`. The paths and methods of a disabled model are not checked.
    pub enabled: bool,
    /// The only entry of `LogTypes`.
    pub log_type: String,
    /// The entries of `Mappings`, in the order of the file. Empty for a disabled model.
    pub mappings: Vec<Mapping>,
    /// The key `Filename`: the Python file with the methods, relative to the folder of this file.
    pub filename: Option<String>,
    /// The line of `Filename` or, without it, the first line of the specification.
    pub filename_line: u64,
}

/// A name that the model maps, and the source of its value.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The key `Name`.
    pub name: String,
    /// The key `Path` or `Method`.
    pub source: Source,
    /// The mapping's line in the file, from 1.
    pub line: u64,
}

/// The source of a name's value.
#[derive(Debug, Clone)]
pub enum Source {
    /// A path that is evaluated on the event, compiled and as text.
    Path(JsonPath, String),
    /// The name of a Python function that is called with the event.
    Method(String),
}

impl Mapping {
    /// Returns the name of the method if the source is a method.
    pub fn method(&self) -> Option<&str> {
        match &self.source {
            Source::Method(method) => Some(method),
            Source::Path(..) => None,
        }
    }
}

/// Reads all specifications among the files. As in Panther's tool, a file is ignored if it has neither `AnalysisType`
/// nor any key that only models have.
///
/// # Errors
/// All faults of all files, in the order of the files.
pub fn load(files: &[SourceFile]) -> Result<Vec<Specification>, Vec<Fault>> {
    let mut faults = Vec::new();
    let drafts = drafts(files, &mut faults);
    if faults.is_empty() { Ok(drafts.into_iter().filter_map(Draft::into_specification).collect()) } else { Err(faults) }
}

/// Reads as much of each specification as its faults allow, and appends the faults of all files to `faults`.
pub(crate) fn drafts(files: &[SourceFile], faults: &mut Vec<Fault>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for file in files {
        let mut reader = Reader { path: &file.path, faults: Vec::new() };
        drafts.extend(reader.file(&file.text));
        faults.append(&mut reader.faults);
    }
    faults.append(&mut conflicts(&drafts));
    drafts
}

/// The readable part of a specification, which may have faults.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) path: String,
    pub(crate) id: Option<String>,
    display_name: Option<String>,
    pub(crate) enabled: Option<bool>,
    log_type: Option<String>,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) filename: Option<String>,
    pub(crate) filename_line: u64,
    is_valid: bool,
}

impl Draft {
    /// Returns the specification; `None` if it has a fault.
    pub(crate) fn into_specification(self) -> Option<Specification> {
        let Self { path, display_name, mappings, filename, filename_line, .. } = self;
        let (id, enabled, log_type) = (self.id?, self.enabled?, self.log_type?);
        let specification =
            Specification { path, id, display_name, enabled, log_type, mappings, filename, filename_line };
        self.is_valid.then_some(specification)
    }
}

/// Returns a fault for each model that has the id of another model, and for each enabled model that has the log type of
/// another enabled model.
fn conflicts(drafts: &[Draft]) -> Vec<Fault> {
    let mut ids = BTreeMap::new();
    let mut log_types = BTreeMap::new();
    let mut faults = Vec::new();
    for draft in drafts {
        let mut conflict = |reason: String| {
            faults.push(Fault { path: draft.path.clone(), line: None, reason });
        };
        if let Some(id) = &draft.id
            && let Some(other) = ids.insert(id, &draft.path)
        {
            conflict(format!("DataModelID {id:?} is that of {other} as well"));
        }
        if draft.enabled == Some(true)
            && let Some(log_type) = &draft.log_type
            && let Some(other) = log_types.insert(log_type, &draft.path)
        {
            conflict(format!("log type {log_type:?} has another enabled model in {other}; disable one of them"));
        }
    }
    faults
}

const KEYS: [&str; 8] =
    ["AnalysisType", "BaseVersion", "DataModelID", "DisplayName", "Enabled", "Filename", "LogTypes", "Mappings"];
const MAPPING_KEYS: [&str; 3] = ["Name", "Path", "Method"];

/// Reads one file and collects its faults.
struct Reader<'f> {
    path: &'f str,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, line: u64, reason: impl Into<String>) {
        self.faults.push(Fault { path: self.path.to_owned(), line: Some(line), reason: reason.into() });
    }

    /// Reads the file's specification as far as its faults allow; `None` if the file is not valid YAML or not a
    /// specification.
    fn file(&mut self, text: &str) -> Option<Draft> {
        if text.len() > MAX_FILE_BYTES {
            self.fault(1, format!("the file is larger than {MAX_FILE_BYTES} bytes"));
            return None;
        }
        match yaml::parse(text) {
            Ok(node) => self.top(&node),
            Err((line, reason)) => {
                let reason = format!("the YAML cannot be read: {reason}");
                self.faults.push(Fault { path: self.path.to_owned(), line, reason });
                None
            }
        }
    }

    fn top(&mut self, node: &Node) -> Option<Draft> {
        let Content::Map(members) = &node.content else {
            // An empty file or a list is not a specification, so it is ignored and is not a fault.
            return None;
        };
        let has = |name: &str| members.iter().any(|(key, _)| key.text() == Some(name));
        if !has("AnalysisType") && !has("DataModelID") && !has("Mappings") {
            return None;
        }
        let fields = self.known_members(members, &KEYS, "a data model");
        self.analysis_type(node.line, fields.get("AnalysisType").copied());
        let id = self.required_text(node.line, "DataModelID", &fields);
        let display_name = self.optional_text("DisplayName", &fields);
        for (name, text) in [("DataModelID", &id), ("DisplayName", &display_name)] {
            self.check_characters(name, text.as_deref(), &fields);
        }
        let enabled = self.enabled(node.line, fields.get("Enabled").copied());
        let log_type = self.log_type(node.line, fields.get("LogTypes").copied());
        let filename = self.optional_text("Filename", &fields);
        if let (Some(""), Some(node)) = (filename.as_deref(), fields.get("Filename")) {
            self.fault(node.line, "Filename is empty; leave it out of a model without a Method");
        }
        let filename = filename.filter(|filename| !filename.is_empty());
        if let Some(version) = fields.get("BaseVersion").filter(|node| node.content != Content::Integer) {
            self.fault(version.line, format!("BaseVersion is not a plain integer such as 1 but {}", version.kind()));
        }
        let mappings = self.mappings(node.line, fields.get("Mappings").copied(), enabled);
        let has_method = mappings.iter().find(|mapping| matches!(mapping.source, Source::Method(_)));
        if let (Some(mapping), false, Some(true)) = (has_method, fields.contains_key("Filename"), enabled) {
            self.fault(mapping.line, "a Method needs Filename, the file that has it");
        }
        let filename_line = fields.get("Filename").map_or(node.line, |node| node.line);
        let (path, is_valid) = (self.path.to_owned(), self.faults.is_empty());
        Some(Draft { path, id, display_name, enabled, log_type, mappings, filename, filename_line, is_valid })
    }

    /// Returns the members by their keys. A key that is not in `known` is a fault.
    fn known_members<'n>(
        &mut self,
        members: &'n [(Node, Node)],
        known: &[&'static str],
        of: &str,
    ) -> BTreeMap<&'static str, &'n Node> {
        let mut fields = BTreeMap::new();
        for (key, node) in members {
            match known.iter().find(|name| key.text() == Some(**name)) {
                Some(name) => {
                    fields.insert(*name, node);
                }
                None => {
                    let name =
                        key.text().map_or_else(|| format!("a key that is {}", key.kind()), |name| format!("{name:?}"));
                    self.fault(key.line, format!("{name} is no field of {of}; it has {}", known.join(", ")));
                }
            }
        }
        fields
    }

    fn analysis_type(&mut self, line: u64, node: Option<&Node>) {
        match node {
            Some(node) if node.text() == Some("datamodel") => {}
            Some(node) => {
                let found = node.text().map_or_else(|| node.kind().to_owned(), |text| format!("{text:?}"));
                self.fault(node.line, format!("AnalysisType is not \"datamodel\" but {found}"));
            }
            None => self.fault(line, "AnalysisType is missing; it must be \"datamodel\""),
        }
    }

    fn required_text(&mut self, line: u64, name: &str, fields: &BTreeMap<&'static str, &Node>) -> Option<String> {
        if !fields.contains_key(name) {
            self.fault(line, format!("{name} is missing"));
        }
        self.optional_text(name, fields)
    }

    fn optional_text(&mut self, name: &str, fields: &BTreeMap<&'static str, &Node>) -> Option<String> {
        let node = fields.get(name)?;
        if node.text().is_none() {
            self.fault(node.line, format!("{name} is not a text but {}", node.kind()));
        }
        node.text().map(str::to_owned)
    }

    /// Checks that an id or a display name is not empty and has no character of [`FORBIDDEN_CHARACTERS`].
    fn check_characters(&mut self, name: &str, text: Option<&str>, fields: &BTreeMap<&'static str, &Node>) {
        let (Some(text), Some(node)) = (text, fields.get(name)) else { return };
        if text.is_empty() {
            self.fault(node.line, format!("{name} is empty"));
        } else if let Some(character) = text.chars().find(|character| FORBIDDEN_CHARACTERS.contains(*character)) {
            self.fault(
                node.line,
                format!("{name} has the character {character}; {FORBIDDEN_CHARACTERS} are not allowed"),
            );
        }
    }

    fn enabled(&mut self, line: u64, node: Option<&Node>) -> Option<bool> {
        match node {
            Some(Node { content: Content::Boolean(value), .. }) => Some(*value),
            Some(node) => {
                self.fault(node.line, format!("Enabled is not true or false but {}", node.kind()));
                None
            }
            None => {
                self.fault(line, "Enabled is missing");
                None
            }
        }
    }

    fn log_type(&mut self, line: u64, node: Option<&Node>) -> Option<String> {
        let Some(node) = node else {
            self.fault(line, "LogTypes is missing");
            return None;
        };
        let Content::List(entries) = &node.content else {
            self.fault(node.line, format!("LogTypes is not a list but {}", node.kind()));
            return None;
        };
        for entry in entries.iter().filter(|entry| entry.text().is_none()) {
            self.fault(entry.line, format!("an entry of LogTypes is not a text but {}", entry.kind()));
        }
        let names: BTreeSet<_> = entries.iter().filter_map(Node::text).collect();
        match (entries.len(), names.first()) {
            (1, name) => name.map(|name| (*name).to_owned()),
            (count, _) => {
                self.fault(node.line, format!("LogTypes has {count} entries; a model is for exactly one log type"));
                None
            }
        }
    }

    /// Reads the mappings. For a disabled model it checks only their form, and returns none.
    fn mappings(&mut self, line: u64, node: Option<&Node>, enabled: Option<bool>) -> Vec<Mapping> {
        let Some(node) = node else {
            self.fault(line, "Mappings is missing");
            return Vec::new();
        };
        let Content::List(entries) = &node.content else {
            self.fault(node.line, format!("Mappings is not a list but {}", node.kind()));
            return Vec::new();
        };
        let mappings: Vec<_> = entries.iter().filter_map(|entry| self.mapping(entry, enabled)).collect();
        if enabled == Some(false) { Vec::new() } else { mappings }
    }

    fn mapping(&mut self, node: &Node, enabled: Option<bool>) -> Option<Mapping> {
        let Content::Map(members) = &node.content else {
            self.fault(node.line, format!("a mapping is not a map but {}", node.kind()));
            return None;
        };
        let fields = self.known_members(members, &MAPPING_KEYS, "a mapping");
        let name = self.required_text(node.line, "Name", &fields);
        let (path, method) = (self.optional_text("Path", &fields), self.optional_text("Method", &fields));
        if fields.contains_key("Path") == fields.contains_key("Method") {
            self.fault(node.line, "a mapping needs either Path or Method");
            return None;
        }
        let is_disabled = enabled == Some(false);
        let source = match (path, method) {
            _ if is_disabled => return None,
            (Some(path), _) => Source::Path(self.json_path(&fields, &path)?, path),
            (_, Some(method)) if method.is_empty() => {
                self.fault(node.line, "Method is empty");
                return None;
            }
            (_, Some(method)) => Source::Method(method),
            (None, None) => return None,
        };
        Some(Mapping { name: name?, source, line: node.line })
    }

    fn json_path(&mut self, fields: &BTreeMap<&'static str, &Node>, text: &str) -> Option<JsonPath> {
        let line = fields.get("Path").map_or(0, |node| node.line);
        let reason = match JsonPath::parse(text) {
            _ if text.is_empty() => "Path is empty".to_owned(),
            Ok(path) => return Some(path),
            Err(error) => format!("Path {text:?} is no JSONPath: {error}"),
        };
        self.fault(line, reason);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    const VALID: &str = "AnalysisType: datamodel\nDataModelID: A.B\nDisplayName: A B\nEnabled: true\nLogTypes:\n  - A.B\nFilename: a.py\nMappings:\n  - Name: source_ip\n    Path: $.a.ip\n  - Name: event_type\n    Method: get_event_type\n";

    fn faults(text: &str) -> Vec<String> {
        load(&[file("m.yml", text)]).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_valid_specification_is_read_whole() {
        let specification = load(&[file("m.yml", VALID)]).unwrap().remove(0);
        assert_eq!((specification.id.as_str(), specification.log_type.as_str()), ("A.B", "A.B"));
        assert_eq!(specification.filename.as_deref(), Some("a.py"));
        assert_eq!(specification.mappings.len(), 2);
        assert_eq!(specification.mappings[1].line, 11);
    }

    #[test]
    fn all_faults_are_named_with_their_lines() {
        let text = "AnalysisType: datamodel\nDataModelID: A%B\nEnabled: yes\nLogTypes: [A.B, C.D]\nTags: [x]\nMappings:\n  - Name: a\n    Path: a b\n  - Name: b\n    Path: a\n    Method: c\n  - name: c\n    Path: d\n  - Name: d\n    Path: ''\n";
        assert_eq!(
            faults(text),
            [
                "m.yml:5: \"Tags\" is no field of a data model; it has AnalysisType, BaseVersion, DataModelID, DisplayName, Enabled, Filename, LogTypes, Mappings",
                "m.yml:2: DataModelID has the character %; <>&\"% are not allowed",
                "m.yml:3: Enabled is not true or false but a text",
                "m.yml:4: LogTypes has 2 entries; a model is for exactly one log type",
                "m.yml:8: Path \"a b\" is no JSONPath: at character 3: the path is complete before this; a name with a space or a sign in it needs quotes",
                "m.yml:9: a mapping needs either Path or Method",
                "m.yml:12: \"name\" is no field of a mapping; it has Name, Path, Method",
                "m.yml:12: Name is missing",
                "m.yml:15: Path is empty",
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_model_is_left_out() {
        assert!(
            load(&[file("e.yml", "Examples: []\n"), file("n.yml", ""), file("l.yml", "- a\n")]).unwrap().is_empty()
        );
        assert_eq!(faults("DataModelID: A\nMappings: []\nEnabled: true\nLogTypes: [A]\n").len(), 1);
    }

    #[test]
    fn two_enabled_models_of_one_log_type_are_a_conflict() {
        let other = VALID.replace("ID: A.B", "ID: C.D");
        let both = load(&[file("a.yml", VALID), file("b.yml", &other)]).unwrap_err();
        assert!(both[0].to_string().starts_with("b.yml: log type \"A.B\" has another enabled model in a.yml"));
        assert_eq!(load(&[file("a.yml", VALID), file("b.yml", &other.replace("true", "false"))]).unwrap().len(), 2);
        let faulty = VALID.replace("Mappings:", "Tags: []\nMappings:");
        assert_eq!(load(&[file("a.yml", VALID), file("b.yml", &faulty)]).unwrap_err().len(), 3, "a fault hides none");
        let same_id = VALID.replace("  - A.B", "  - C.D").replace("true", "false");
        assert!(load(&[file("a.yml", VALID), file("b.yml", &same_id)]).is_err());
    }

    #[test]
    fn a_field_of_a_wrong_type_is_reported_with_its_type() {
        let text = VALID
            .replace("datamodel", "global")
            .replace("Filename: a.py", "Filename: ''\nBaseVersion: 010\n1: 2\n[a]: b");
        assert_eq!(
            faults(&text),
            [
                "m.yml:9: a key that is an integer is no field of a data model; it has AnalysisType, BaseVersion, DataModelID, DisplayName, Enabled, Filename, LogTypes, Mappings",
                "m.yml:10: a key that is a list is no field of a data model; it has AnalysisType, BaseVersion, DataModelID, DisplayName, Enabled, Filename, LogTypes, Mappings",
                "m.yml:1: AnalysisType is not \"datamodel\" but \"global\"",
                "m.yml:7: Filename is empty; leave it out of a model without a Method",
                "m.yml:8: BaseVersion is not a plain integer such as 1 but a number",
            ]
        );
    }

    #[test]
    fn a_disabled_model_is_checked_in_its_form_only() {
        let disabled = VALID.replace("true", "false").replace("$.a.ip", "$.[").replace("Filename: a.py\n", "");
        assert!(load(&[file("a.yml", &disabled)]).unwrap()[0].mappings.is_empty());
    }
}

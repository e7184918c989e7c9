//! The files of a set of data models: specifications, the files of their methods, and helpers.
//!
//! Files are found as the reference tool finds them. Specifications are the YAML files of the root itself and of every
//! folder of which the path has a part that contains `data_models`. Helpers are the Python files of folders that are
//! called `global_helpers`. Reading the files is the caller's work, so that they may lie anywhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::specification::{self, Draft, Fault, MAX_FILE_BYTES, SourceFile, Specification};
use crate::yaml::{self, Content};

/// The most files of a set.
pub const MAX_FILES: usize = 10_000;
/// The most bytes of all files of a set together.
pub const MAX_TOTAL_BYTES: usize = 24 << 20;
/// The part of a folder's name that makes it a folder of models.
const MODELS: &str = "data_models";
/// The name of the folders of helpers.
const HELPERS: &str = "global_helpers";
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file as it was read.
#[derive(Debug, Clone)]
pub struct NamedFile {
    /// The file's path, with `/` between its parts. Messages name it.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The folder that holds a set of models.
#[derive(Debug, Clone)]
pub struct Root {
    path: String,
    is_model_folder: bool,
}

/// The use of a file in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A YAML file that may be a specification or hold examples.
    Specification,
    /// A Python file that may hold methods.
    Methods,
    /// A Python file in a folder of helpers, or a YAML file that names one.
    Helper,
}

/// A set of models, read and checked. Its methods are not compiled yet.
#[derive(Debug, Clone, Default)]
pub struct ModelFiles {
    /// All specifications, also of disabled models.
    pub specifications: Vec<Specification>,
    /// The method file of each enabled model that names one.
    pub methods: Vec<MethodSource>,
    /// The modules that methods may import, by name.
    pub helpers: BTreeMap<String, SourceFile>,
    /// All YAML files of the models' folders, for [`crate::examples::read`].
    pub yaml_files: Vec<SourceFile>,
}

/// The file with the methods of a model.
#[derive(Debug, Clone)]
pub struct MethodSource {
    /// `DataModelID` of the model.
    pub id: String,
    /// The path of its specification.
    pub specification: String,
    /// The file's path and its source.
    pub file: SourceFile,
    /// The functions that the model names, each once.
    pub methods: Vec<String>,
}

impl Root {
    /// A root by its path. `is_model_folder` says that its own name contains `data_models` where the path does not
    /// show that, as `.` does not.
    pub fn new(path: &str, is_model_folder: bool) -> Self {
        let trimmed = path.trim_end_matches('/');
        let path = if trimmed.is_empty() && path.starts_with('/') { "/" } else { trimmed };
        Self { path: path.to_owned(), is_model_folder: is_model_folder || has_models_part(path) }
    }

    /// Returns `true` if the root is a folder of models itself; the helpers may then lie beside it.
    pub fn is_model_folder(&self) -> bool {
        self.is_model_folder
    }

    /// The use of a file, or `None` for a file that does not belong to the set.
    pub fn role(&self, path: &str) -> Option<Role> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_python = name.ends_with(".py");
        let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        if name.starts_with('.') || !(is_python || is_yaml) {
            return None;
        }
        let is_root = || folder == self.path.trim_end_matches('/');
        match () {
            () if folder.rsplit('/').next() == Some(HELPERS) => Some(Role::Helper),
            () if !(self.is_model_folder || has_models_part(folder) || is_root()) => None,
            () if is_yaml => Some(Role::Specification),
            () => Some(Role::Methods),
        }
    }
}

fn has_models_part(folder: &str) -> bool {
    folder.split('/').any(|part| part.contains(MODELS))
}

impl ModelFiles {
    /// Reads the set. Files that do not belong to it are left out.
    ///
    /// # Errors
    /// All faults of all files, in the order of their paths and lines; or that there is no model.
    pub fn read(root: &Root, files: Vec<NamedFile>) -> Result<Self, Vec<Fault>> {
        Self::read_with(root, files, |_| Ok(())).map(|(files, ())| files)
    }

    /// Reads the set and starts its engine. The engine sees the methods also of specifications with faults, so that the
    /// faults of all files are known at once.
    ///
    /// # Errors
    /// As [`Self::read`], with the faults that `start` finds.
    pub fn read_with<E>(
        root: &Root,
        files: Vec<NamedFile>,
        start: impl FnOnce(&Self) -> Result<E, Vec<Fault>>,
    ) -> Result<(Self, E), Vec<Fault>> {
        let (files, mut faults) = Self::readable(root, files)?;
        // Without a helper that cannot be read, the methods that import it would seem to have faults.
        let is_helper = |fault: &Fault| root.role(&fault.path) == Some(Role::Helper);
        let started = if faults.iter().any(is_helper) { Err(Vec::new()) } else { start(&files) };
        match started {
            Ok(engine) if faults.is_empty() => return Ok((files, engine)),
            Ok(_) => {}
            Err(mut found) => faults.append(&mut found),
        }
        faults.sort();
        Err(faults)
    }

    /// Reads the set as far as its faults allow. Returns the faults of all files with it.
    fn readable(root: &Root, mut files: Vec<NamedFile>) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        bounded(root, &files)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let mut sorted = Sorted::default();
        for file in files {
            sorted.add(root, file);
        }
        let Sorted { yaml_files, python_files, helper_files, helper_names, mut faults } = sorted;
        let helpers = helpers(helper_files, &helper_names, &mut faults);
        let drafts = specification::drafts(&yaml_files, &mut faults);
        if drafts.is_empty() && faults.is_empty() {
            let reason = format!(
                "no data model is there; a model is a YAML file with AnalysisType in this folder or in a folder below \
                 it of which the name contains {MODELS}"
            );
            faults.push(Fault { path: root.path.clone(), line: None, reason });
        }
        let methods = drafts.iter().filter(|draft| draft.enabled != Some(false));
        let methods = methods.filter_map(|draft| method_source(draft, &python_files, &mut faults)).collect();
        let specifications = drafts.into_iter().filter_map(Draft::finished).collect();
        Ok((Self { specifications, methods, helpers, yaml_files }, faults))
    }
}

impl ModelFiles {
    /// Refuses a set in which an enabled model has methods, for the caller's `reason`.
    ///
    /// # Errors
    /// A fault for each such model, on the line of its first method.
    pub fn refuse_methods(&self, reason: &str) -> Result<(), Vec<Fault>> {
        let fault = |one: &Specification| {
            let mapping = one.mappings.iter().find(|mapping| mapping.method().is_some())?;
            Some(Fault { path: one.path.clone(), line: Some(mapping.line), reason: reason.to_owned() })
        };
        let faults: Vec<_> = self.specifications.iter().filter_map(fault).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

fn bounded(root: &Root, files: &[NamedFile]) -> Result<(), Vec<Fault>> {
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    let reason = match () {
        () if files.len() > MAX_FILES => format!("there are more than {MAX_FILES} files"),
        () if bytes > MAX_TOTAL_BYTES => format!("the files have more than {MAX_TOTAL_BYTES} bytes together"),
        () => return Ok(()),
    };
    Err(vec![Fault { path: root.path.clone(), line: None, reason }])
}

/// The files by their use.
#[derive(Debug, Default)]
struct Sorted {
    yaml_files: Vec<SourceFile>,
    python_files: BTreeMap<String, String>,
    helper_files: Vec<SourceFile>,
    helper_names: Vec<SourceFile>,
    faults: Vec<Fault>,
}

impl Sorted {
    fn add(&mut self, root: &Root, file: NamedFile) {
        let Some(role) = root.role(&file.path) else { return };
        let file = match text(file) {
            Ok(file) => file,
            Err(fault) => return self.faults.push(fault),
        };
        match role {
            Role::Specification => self.yaml_files.push(file),
            Role::Methods => {
                self.python_files.insert(file.path, file.text);
            }
            Role::Helper if file.path.ends_with(".py") => self.helper_files.push(file),
            Role::Helper => self.helper_names.push(file),
        }
    }
}

/// The text of a file, without a byte order mark.
fn text(file: NamedFile) -> Result<SourceFile, Fault> {
    let NamedFile { path, bytes } = file;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Fault { path, line: Some(1), reason: format!("the file is larger than {MAX_FILE_BYTES} bytes") });
    }
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_prefix(BYTE_ORDER_MARK).map(str::to_owned).unwrap_or(text);
            Ok(SourceFile { path, text })
        }
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count() as u64;
            Err(Fault { path, line: Some(line), reason: "the file is not UTF-8".to_owned() })
        }
    }
}

/// The helpers by the names under which methods import them: those of their files, and the `GlobalID` that a YAML file
/// beside one gives it.
fn helpers(files: Vec<SourceFile>, named: &[SourceFile], faults: &mut Vec<Fault>) -> BTreeMap<String, SourceFile> {
    let mut helpers: BTreeMap<String, SourceFile> = BTreeMap::new();
    for file in files {
        let name = stem(&file.path).to_owned();
        match helpers.get(&name) {
            Some(other) if other.text != file.text => faults.push(Fault {
                reason: format!("the helper {name} stands in {} as well", other.path),
                path: file.path,
                line: None,
            }),
            Some(_) => {}
            None => {
                helpers.insert(name, file);
            }
        }
    }
    for (id, path) in named.iter().filter_map(global_id) {
        let file = helpers.values().find(|file| file.path == path).cloned();
        if let Some(file) = file {
            helpers.entry(id).or_insert(file);
        }
    }
    helpers
}

/// The `GlobalID` of a helper and the path of its file, if the YAML file gives one. Faults of such a file do not
/// matter: the helper has its file's name then.
fn global_id(file: &SourceFile) -> Option<(String, String)> {
    let Content::Map(members) = yaml::parse(&file.text).ok()?.content else { return None };
    let text = |name: &str| members.iter().find(|(key, _)| key.text() == Some(name))?.1.text();
    (text("AnalysisType") == Some("global")).then_some(())?;
    Some((text("GlobalID")?.to_owned(), beside(&file.path, text("Filename")?)?))
}

/// The method file of an enabled model; `None` if it names none, or the file is not there.
fn method_source(draft: &Draft, files: &BTreeMap<String, String>, faults: &mut Vec<Fault>) -> Option<MethodSource> {
    let filename = draft.filename.as_deref()?;
    let found = beside(&draft.path, filename).and_then(|path| files.get_key_value(&path));
    let Some((path, text)) = found else {
        let reason = format!("there is no Python file {filename:?}, which Filename names, in a folder of models");
        faults.push(Fault { path: draft.path.clone(), line: Some(draft.filename_line), reason });
        return None;
    };
    let methods: BTreeSet<&str> = draft.mappings.iter().filter_map(specification::Mapping::method).collect();
    Some(MethodSource {
        id: draft.id.clone().unwrap_or_default(),
        specification: draft.path.clone(),
        file: SourceFile { path: path.clone(), text: text.clone() },
        methods: methods.into_iter().map(str::to_owned).collect(),
    })
}

/// The path of a file that is named relative to the folder of another one.
fn beside(path: &str, filename: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    if filename.starts_with('/') {
        return None;
    }
    for part in filename.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.pop() {
                None | Some("" | "." | "..") => return None,
                Some(_) => {}
            },
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".py").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> NamedFile {
        NamedFile { path: path.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    fn model(id: &str, rest: &str) -> String {
        format!("AnalysisType: datamodel\nDataModelID: {id}\nEnabled: true\nLogTypes: [{id}]\n{rest}")
    }

    fn faults(files: Vec<NamedFile>) -> Vec<String> {
        let read = ModelFiles::read(&Root::new("r", false), files);
        read.unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn models_are_found_in_the_root_and_in_folders_named_for_them() {
        let root = Root::new("r/", false);
        for (path, role) in [
            ("r/a.yml", Some(Role::Specification)),
            ("r/a.py", Some(Role::Methods)),
            ("r/rules/a.yml", None),
            ("r/x/my_data_models_2/y/a.yaml", Some(Role::Specification)),
            ("r/x/data_models.yml", None),
            ("r/data_models/a.json", None),
            ("r/data_models/.a.yml", None),
            ("r/x/global_helpers/a.py", Some(Role::Helper)),
            ("r/x/global_helpers/sub/a.py", None),
            ("r/x/my_global_helpers/a.py", None),
        ] {
            assert_eq!(root.role(path), role, "{path}");
        }
        assert_eq!(Root::new("x/data_models", false).role("x/data_models/y/a.yml"), Some(Role::Specification));
        assert_eq!(Root::new(".", true).role("./y/a.yml"), Some(Role::Specification));
        assert_eq!(Root::new("/", false).role("/a.yml"), Some(Role::Specification));
    }

    #[test]
    fn a_method_file_is_found_beside_its_specification() {
        let with_method = "Filename: ../data_models/a.py\nMappings:\n- {Name: a, Method: m}\n- {Name: b, Method: m}\n";
        let files = vec![
            file("r/data_models/a.yml", &model("A", with_method)),
            file("r/data_models/a.py", "\u{feff}def m(event): pass\n"),
            file("r/global_helpers/h.py", "x = 1\n"),
            file("r/global_helpers/h.yml", "AnalysisType: global\nGlobalID: helper\nFilename: h.py\n"),
        ];
        let set = ModelFiles::read(&Root::new("r", false), files).unwrap();
        assert_eq!(set.methods[0].methods, ["m"]);
        assert_eq!(set.methods[0].file.path, "r/data_models/a.py");
        assert_eq!(set.methods[0].file.text, "def m(event): pass\n");
        assert_eq!(set.helpers.keys().collect::<Vec<_>>(), ["h", "helper"]);
    }

    #[test]
    fn faults_of_all_files_are_collected() {
        let broken = NamedFile { path: "r/c.py".to_owned(), bytes: b"a\n\xff".to_vec() };
        let files = vec![
            file("r/a.yml", &model("A", "Filename: /a.py\nMappings: []\n")),
            broken,
            file("r/global_helpers/h.py", "1"),
            file("r/x/global_helpers/h.py", "2"),
        ];
        assert_eq!(
            faults(files),
            [
                "r/a.yml:5: there is no Python file \"/a.py\", which Filename names, in a folder of models",
                "r/c.py:2: the file is not UTF-8",
                "r/x/global_helpers/h.py: the helper h stands in r/global_helpers/h.py as well",
            ]
        );
    }

    #[test]
    fn the_engine_sees_methods_beside_faults_and_its_faults_are_joined() {
        let broken = model("A", "Filename: b.py\nTags: []\nMappings: [{Name: a, Method: m}, {Name: b, Path: ''}]\n");
        let files = || vec![file("r/a.yml", "a: [\n"), file("r/b.yml", &broken), file("r/b.py", "")];
        let start = |files: &ModelFiles| -> Result<(), Vec<Fault>> {
            let fault = |one: &MethodSource| Fault {
                path: one.file.path.clone(),
                line: Some(1),
                reason: format!("there is no function {}", one.methods.join(", ")),
            };
            Err(files.methods.iter().map(fault).collect())
        };
        let read = |files| ModelFiles::read_with(&Root::new("r", false), files, start).unwrap_err();
        let found: Vec<_> = read(files()).iter().map(|fault| (fault.path.clone(), fault.line)).collect();
        let at = |path: &str, line| (path.to_owned(), Some(line));
        assert_eq!(found, [at("r/a.yml", 1), at("r/b.py", 1), at("r/b.yml", 6), at("r/b.yml", 7)]);

        let helper = NamedFile { path: "r/global_helpers/h.py".to_owned(), bytes: vec![0xff] };
        let found = read([files(), vec![helper]].concat());
        assert!(found.iter().all(|fault| fault.path != "r/b.py"), "methods are not loaded without a helper");
    }

    #[test]
    fn a_set_without_a_model_is_a_fault() {
        assert!(faults(vec![file("r/x/a.yml", &model("A", "Mappings: []\n"))])[0].starts_with("r: no data model"));
        let large = NamedFile { path: "r/a.yml".to_owned(), bytes: vec![b' '; MAX_FILE_BYTES + 1] };
        assert_eq!(faults(vec![large]), ["r/a.yml:1: the file is larger than 1048576 bytes"]);
        assert_eq!(faults(vec![file("r/a.yml", ""); MAX_FILES + 1]), ["r: there are more than 10000 files"]);
    }

    #[test]
    fn a_disabled_model_needs_no_method_file() {
        let disabled = model("A", "Filename: a.py\nMappings: []\n").replace("true", "false");
        assert!(ModelFiles::read(&Root::new("r", false), vec![file("r/a.yml", &disabled)]).unwrap().methods.is_empty());
    }
}

//! The files of a set of data models: specifications, the Python files with their methods, and helpers.
//!
//! Panther's tool decides which files belong to a set, and the rules here are the same. Specifications are the YAML
//! files in the root folder itself and in every folder whose path has a part that contains `data_models`. Helpers are
//! the Python files in folders called `global_helpers`. The caller reads the files, so they may come from anywhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::specification::{self, Draft, Fault, MAX_FILE_BYTES, SourceFile, Specification};
use crate::yaml::{self, Content};

/// The maximum number of files in a set.
pub const MAX_FILES: usize = 10_000;
/// The maximum size of all files of a set together, in bytes.
pub const MAX_TOTAL_BYTES: usize = 24 << 20;
/// A folder whose name contains this text is a folder of models.
const MODELS_FOLDER_PART: &str = "data_models";
/// A folder with this name holds helpers.
const HELPERS_FOLDER: &str = "global_helpers";
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The path and the content of a file. The content need not be valid UTF-8.
#[derive(Debug, Clone)]
pub struct NamedFile {
    /// The path of the file, with `/` between its parts. Messages show it.
    pub path: String,
    /// The content of the file.
    pub bytes: Vec<u8>,
}

/// The folder that holds a set of data models.
#[derive(Debug, Clone)]
pub struct Root {
    path: String,
    is_model_folder: bool,
}

/// The role of a file in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A YAML file that may be a specification or hold examples.
    Specification,
    /// A Python file in a folder of models, which may hold methods.
    Methods,
    /// A Python file in a folder of helpers, or a YAML file there, which may give a helper another name.
    Helper,
}

/// A set of data models whose files were read and checked. The Python files were not loaded yet.
#[derive(Debug, Clone, Default)]
pub struct ModelFiles {
    /// The specifications of all models, also of disabled ones.
    pub specifications: Vec<Specification>,
    /// For each enabled model that has `Filename`, the Python file with its methods.
    pub methods: Vec<MethodSource>,
    /// The modules that methods may import, by their names.
    pub helpers: BTreeMap<String, SourceFile>,
    /// All YAML files in the folders of models. [`crate::examples::read`] finds the examples among them.
    pub yaml_files: Vec<SourceFile>,
}

/// The Python file with the methods of one model.
#[derive(Debug, Clone)]
pub struct MethodSource {
    /// The `DataModelID` of the model.
    pub id: String,
    /// The path of the model's specification.
    pub specification: String,
    /// The path and the source of the Python file.
    pub file: SourceFile,
    /// The names of the functions that the model calls, without repeats.
    pub methods: Vec<String>,
}

impl Root {
    /// Describes the root at `path`. `is_model_folder` is `true` if the folder's real name contains `data_models` but
    /// the path does not show it, as with `.`.
    pub fn new(path: &str, is_model_folder: bool) -> Self {
        let trimmed = path.trim_end_matches('/');
        let path = if trimmed.is_empty() && path.starts_with('/') { "/" } else { trimmed };
        Self { path: path.to_owned(), is_model_folder: is_model_folder || has_models_part(path) }
    }

    /// Returns `true` if the root itself is a folder of models; its helpers may then be in a folder beside it.
    pub fn is_model_folder(&self) -> bool {
        self.is_model_folder
    }

    /// Returns the role of a file; `None` if the file does not belong to the set.
    pub fn role(&self, path: &str) -> Option<Role> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_python = name.ends_with(".py");
        let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        if name.starts_with('.') || !(is_python || is_yaml) {
            return None;
        }
        let is_root = || folder == self.path.trim_end_matches('/');
        match () {
            () if folder.rsplit('/').next() == Some(HELPERS_FOLDER) => Some(Role::Helper),
            () if !(self.is_model_folder || has_models_part(folder) || is_root()) => None,
            () if is_yaml => Some(Role::Specification),
            () => Some(Role::Methods),
        }
    }
}

fn has_models_part(folder: &str) -> bool {
    folder.split('/').any(|part| part.contains(MODELS_FOLDER_PART))
}

impl ModelFiles {
    /// Reads and checks a set. Files that do not belong to it are ignored.
    ///
    /// # Errors
    /// All faults of all files, in the order of their paths and lines. A set without any model is a fault, too.
    pub fn read(root: &Root, files: Vec<NamedFile>) -> Result<Self, Vec<Fault>> {
        Self::read_with(root, files, |_| Ok(())).map(|(files, ())| files)
    }

    /// Reads and checks a set, and starts its engine with `start`. The methods of a specification with faults are also
    /// passed to `start`, so that one run finds the faults of all files.
    ///
    /// # Errors
    /// As [`Self::read`], and the faults that `start` finds.
    pub fn read_with<E>(
        root: &Root,
        files: Vec<NamedFile>,
        start: impl FnOnce(&Self) -> Result<E, Vec<Fault>>,
    ) -> Result<(Self, E), Vec<Fault>> {
        let (files, mut faults) = Self::read_partially(root, files)?;
        // If a helper cannot be read, the engine would report wrong faults in the methods that import it.
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

    /// Reads as much of the set as its faults allow. Returns it with the faults of all files.
    fn read_partially(root: &Root, mut files: Vec<NamedFile>) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        check_size(root, &files)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let mut by_role = FilesByRole::default();
        for file in files {
            by_role.add(root, file);
        }
        let FilesByRole { yaml_files, python_files, helper_files, helper_names, mut faults } = by_role;
        let helpers = helpers(helper_files, &helper_names, &mut faults);
        let drafts = specification::drafts(&yaml_files, &mut faults);
        if drafts.is_empty() && faults.is_empty() {
            let reason = format!(
                "no data model is there; a model is a YAML file with AnalysisType in this folder or in a folder below \
                 it of which the name contains {MODELS_FOLDER_PART}"
            );
            faults.push(Fault { path: root.path.clone(), line: None, reason });
        }
        let methods = drafts.iter().filter(|draft| draft.enabled != Some(false));
        let methods = methods.filter_map(|draft| method_source(draft, &python_files, &mut faults)).collect();
        let specifications = drafts.into_iter().filter_map(Draft::into_specification).collect();
        Ok((Self { specifications, methods, helpers, yaml_files }, faults))
    }
}

impl ModelFiles {
    /// Fails if any enabled model has methods, for a caller that cannot run them and gives the `reason`.
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

fn check_size(root: &Root, files: &[NamedFile]) -> Result<(), Vec<Fault>> {
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    let reason = match () {
        () if files.len() > MAX_FILES => format!("there are more than {MAX_FILES} files"),
        () if bytes > MAX_TOTAL_BYTES => format!("the files have more than {MAX_TOTAL_BYTES} bytes together"),
        () => return Ok(()),
    };
    Err(vec![Fault { path: root.path.clone(), line: None, reason }])
}

/// The files of a set by their roles. `helper_names` holds the YAML files in folders of helpers, which name the helpers.
#[derive(Debug, Default)]
struct FilesByRole {
    yaml_files: Vec<SourceFile>,
    python_files: BTreeMap<String, String>,
    helper_files: Vec<SourceFile>,
    helper_names: Vec<SourceFile>,
    faults: Vec<Fault>,
}

impl FilesByRole {
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

/// Decodes a file as UTF-8 and removes its byte order mark.
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

/// Returns the helpers by the names under which methods import them: the name of the file, and the `GlobalID` that a
/// YAML file in the same folder may give it.
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

/// Returns the `GlobalID` that the YAML file gives to a helper, and the path of that helper. A faulty file is ignored:
/// the helper can still be imported by the name of its own file.
fn global_id(file: &SourceFile) -> Option<(String, String)> {
    let Content::Map(members) = yaml::parse(&file.text).ok()?.content else { return None };
    let text = |name: &str| members.iter().find(|(key, _)| key.text() == Some(name))?.1.text();
    (text("AnalysisType") == Some("global")).then_some(())?;
    Some((text("GlobalID")?.to_owned(), path_beside(&file.path, text("Filename")?)?))
}

/// Returns the Python file of an enabled model. `None` if the model has no `Filename`, or the file does not exist,
/// which is a fault.
fn method_source(draft: &Draft, files: &BTreeMap<String, String>, faults: &mut Vec<Fault>) -> Option<MethodSource> {
    let filename = draft.filename.as_deref()?;
    let found = path_beside(&draft.path, filename).and_then(|path| files.get_key_value(&path));
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

/// Resolves `filename`, which is relative to the folder of the file `path`. `None` if it is absolute or leaves the
/// root.
fn path_beside(path: &str, filename: &str) -> Option<String> {
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
    fn the_engine_starts_despite_faults_and_adds_its_own() {
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

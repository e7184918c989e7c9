//! The files of a set of models on disk.

use std::fs::{self, DirEntry, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use data_models::files::{MAX_FILES, MAX_TOTAL_BYTES, NamedFile, Root};
use data_models::specification::{Fault, MAX_FILE_BYTES};

/// The most entries of folders that are looked at.
const MAX_ENTRIES: usize = 200_000;
/// The deepest folder that is looked at, counted from the root.
const MAX_DEPTH: usize = 32;

/// Reads all files that belong to the set in a folder. Folders with a name that begins with a dot are passed over, and
/// links to folders are not followed.
///
/// # Errors
/// The folder or a file cannot be read, or a bound is passed.
pub(super) fn read(folder: &Path) -> Result<(Root, Vec<NamedFile>), Fault> {
    let root = root_of(folder);
    let mut walk = Walk { root: &root, folders: vec![(folder.to_owned(), 0)], entries: 0, bytes: 0, files: Vec::new() };
    if let Some(helpers) = helpers_beside(folder, &root) {
        walk.folders.push((helpers, 0));
    }
    while let Some((folder, depth)) = walk.folders.pop() {
        walk.enter(&folder, depth)?;
    }
    let files = walk.files;
    Ok((root, files))
}

/// The root; `.` and `..` count by the name of the folder that they stand for.
fn root_of(folder: &Path) -> Root {
    let is_named = matches!(folder.components().next_back(), Some(Component::Normal(_)));
    let real = if is_named { None } else { folder.canonicalize().ok() };
    let name = real.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    Root::new(&shown(folder), name.is_some_and(|name| name.contains("data_models")))
}

/// The folder of helpers beside a folder of models.
fn helpers_beside(folder: &Path, root: &Root) -> Option<PathBuf> {
    let is_named = matches!(folder.components().next_back(), Some(Component::Normal(_)));
    let parent = if is_named { folder.parent()?.to_owned() } else { folder.join("..") };
    let helpers = parent.join("global_helpers");
    (root.is_model_folder() && helpers.is_dir()).then_some(helpers)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn fault(path: &Path, reason: impl Into<String>) -> Fault {
    Fault { path: shown(path), line: None, reason: reason.into() }
}

/// A walk through the folders below a root.
struct Walk<'r> {
    root: &'r Root,
    folders: Vec<(PathBuf, usize)>,
    entries: usize,
    bytes: usize,
    files: Vec<NamedFile>,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &Path, depth: usize) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(fault(folder, format!("the folder is nested deeper than {MAX_DEPTH} folders")));
        }
        let unreadable = |error: std::io::Error| fault(folder, format!("the folder cannot be read: {error}"));
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(fault(folder, format!("more than {MAX_ENTRIES} files and folders are there")));
            }
            self.entry(&entry.map_err(unreadable)?, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, depth: usize) -> Result<(), Fault> {
        let path = entry.path();
        let unreadable = |error: std::io::Error| fault(&path, format!("the file cannot be read: {error}"));
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            if !entry.file_name().to_string_lossy().starts_with('.') {
                self.folders.push((path, depth + 1));
            }
            return Ok(());
        }
        let name = shown(&path);
        // Pipes and devices are no files to read.
        if self.root.role(&name).is_none() || !path.is_file() {
            return Ok(());
        }
        let bytes = content(&path).map_err(unreadable)?;
        self.bytes += bytes.len();
        self.files.push(NamedFile { path: name, bytes });
        if self.files.len() > MAX_FILES || self.bytes > MAX_TOTAL_BYTES {
            return Err(fault(&path, format!("the models are more than {MAX_FILES} files or {MAX_TOTAL_BYTES} bytes")));
        }
        Ok(())
    }
}

/// A file's content. Of a file that is too large, one byte more than is allowed.
fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(paths: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn found(folder: &Path) -> Vec<String> {
        let (_, files) = read(folder).unwrap();
        let mut names: Vec<_> = files.into_iter().map(|file| file.path).collect();
        names.sort();
        names.iter().map(|name| name.strip_prefix(&shown(folder)).unwrap_or(name).to_owned()).collect()
    }

    #[test]
    fn files_of_models_and_helpers_are_found_at_any_depth() {
        let folder = folder(&[
            "a.yml",
            "b.txt",
            "rules/c.yml",
            "x/y/my_data_models/z/d.yaml",
            "x/y/my_data_models/z/d.py",
            "x/global_helpers/e.py",
            ".git/data_models/f.yml",
        ]);
        assert_eq!(
            found(folder.path()),
            ["/a.yml", "/x/global_helpers/e.py", "/x/y/my_data_models/z/d.py", "/x/y/my_data_models/z/d.yaml"]
        );
    }

    #[test]
    fn helpers_may_lie_beside_a_folder_of_models() {
        let folder = folder(&["data_models/sub/a.yml", "global_helpers/b.py"]);
        let names = found(&folder.path().join("data_models"));
        assert!(names.len() == 2 && names.iter().any(|name| name.ends_with("/global_helpers/b.py")), "{names:?}");
        let dotted = found(&folder.path().join("data_models/sub/.."));
        assert_eq!(dotted.len(), 2, "{dotted:?}");
    }

    #[test]
    fn a_folder_that_is_too_deep_or_not_there_is_a_fault() {
        let deep = folder(&[&format!("{}a.yml", "x/".repeat(MAX_DEPTH + 1))]);
        assert!(read(deep.path()).unwrap_err().reason.contains("nested deeper than 32"));
        assert!(read(Path::new("/no/such/folder")).unwrap_err().reason.contains("cannot be read"));
    }
}

//! Finds and reads the files of a set of models on disk.

use std::path::{Component, Path, PathBuf};

use adapters::{Links, read_folders};
use data_models::files::{NamedFile, Root};
use data_models::specification::Fault;

/// Reads all files in a folder that belong to the set, and the helpers beside it. Folders whose name begins with a dot
/// are skipped. Links to files are followed, links to folders are not.
///
/// # Errors
/// The folder or a file cannot be read, or the set exceeds a limit.
pub(super) fn read(folder: &Path) -> Result<(Root, Vec<NamedFile>), Fault> {
    let root = root_of(folder);
    let folders = std::iter::once(folder.to_owned()).chain(helpers_beside(folder, &root)).collect();
    let files = read_folders(&root, folders, Links::Follow)?;
    Ok((root, files))
}

/// Describes the root folder. For paths such as `.` and `..` it looks up the real name of the folder.
fn root_of(folder: &Path) -> Root {
    let is_named = matches!(folder.components().next_back(), Some(Component::Normal(_)));
    let real = if is_named { None } else { folder.canonicalize().ok() };
    let name = real.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    Root::new(&path_text(folder), name.is_some_and(|name| name.contains("data_models")))
}

/// Returns the folder `global_helpers` beside a folder of models; `None` if it does not exist.
fn helpers_beside(folder: &Path, root: &Root) -> Option<PathBuf> {
    let is_named = matches!(folder.components().next_back(), Some(Component::Normal(_)));
    let parent = if is_named { folder.parent()?.to_owned() } else { folder.join("..") };
    let helpers = parent.join("global_helpers");
    (root.is_model_folder() && helpers.is_dir()).then_some(helpers)
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

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
        names.iter().map(|name| name.strip_prefix(&path_text(folder)).unwrap_or(name).to_owned()).collect()
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
        let deep = folder(&[&format!("{}a.yml", "x/".repeat(33))]);
        assert!(read(deep.path()).unwrap_err().reason.contains("nested deeper than 32"));
        assert!(read(Path::new("/no/such/folder")).unwrap_err().reason.contains("cannot be read"));
    }
}

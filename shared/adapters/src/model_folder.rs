//! Reads the files of a set of data models from disk.

use std::fs::{self, DirEntry, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use data_models::files::{MAX_FILES, MAX_TOTAL_BYTES, NamedFile, Root};
use data_models::specification::{Fault, MAX_FILE_BYTES};

/// A search that meets more files and folders than this fails.
const MAX_ENTRIES: usize = 200_000;
/// A search that meets a folder deeper than this below the given ones fails.
const MAX_DEPTH: usize = 32;

/// The treatment of links to files. Links to folders are never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// A link counts as the file that it leads to.
    Follow,
    /// A link is skipped, because it may lead out of the folder.
    PassOver,
}

/// Reads all files in and below `folders` that belong to a set. Skips folders whose names begin with a dot.
///
/// # Errors
/// Fails if a folder or file cannot be read, or if there are too many of them or too many bytes.
pub fn read_folders(root: &Root, folders: Vec<PathBuf>, links: Links) -> Result<Vec<NamedFile>, Fault> {
    let folders = folders.into_iter().map(|folder| (folder, 0)).collect();
    let mut walk = Walk { root, links, folders, entries: 0, bytes: 0, files: Vec::new() };
    while let Some((folder, depth)) = walk.folders.pop() {
        walk.enter(&folder, depth)?;
    }
    Ok(walk.files)
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn fault(path: &Path, reason: impl Into<String>) -> Fault {
    Fault { path: path_text(path), line: None, reason: reason.into() }
}

/// The state of a search through folders.
struct Walk<'r> {
    root: &'r Root,
    links: Links,
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
        let name = path_text(&path);
        // Pipes and devices are skipped.
        let is_file = if self.links == Links::Follow { path.is_file() } else { kind.is_file() };
        if self.root.role(&name).is_none() || !is_file {
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

/// Returns a file's content. Reads no more than [`MAX_FILE_BYTES`] and one byte, by which the caller sees that the file
/// is too large.
fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_is_followed_or_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yml"), "a").unwrap();
        std::os::unix::fs::symlink(folder.path().join("a.yml"), folder.path().join("b.yml")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
        let root = Root::new("", true);
        let count = |links| read_folders(&root, vec![folder.path().to_owned()], links).unwrap().len();
        assert_eq!((count(Links::Follow), count(Links::PassOver)), (2, 1));
    }
}

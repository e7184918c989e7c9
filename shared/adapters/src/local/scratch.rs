//! Scratch storage in a temporary directory.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use collector::{PortError, Scratch};

/// A directory of its own with one file per part. It is removed with this value; a process that is killed leaves it.
#[derive(Debug)]
pub struct LocalScratch {
    directory: PathBuf,
}

impl LocalScratch {
    /// Creates an empty directory below `parent`.
    ///
    /// # Errors
    /// Fails if the directory cannot be created.
    pub fn create(parent: &Path) -> Result<Self, PortError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("audit-pull-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = parent.join(name);
        // A dead process with the same id may have left its files.
        let removed = fs::remove_dir_all(&directory);
        let removed = removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) });
        removed.and_then(|()| fs::create_dir_all(&directory)).map_err(|error| failed(&directory, &error))?;
        Ok(Self { directory })
    }

    fn path(&self, part: usize) -> PathBuf {
        self.directory.join(part.to_string())
    }
}

impl Scratch for LocalScratch {
    async fn append(&self, part: usize, bytes: &[u8]) -> Result<(), PortError> {
        let path = self.path(part);
        let file = File::options().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(bytes)).map_err(|error| failed(&path, &error))
    }

    async fn read(&self, part: usize, offset: u64, max: usize) -> Result<Vec<u8>, PortError> {
        let path = self.path(part);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            file => file.map_err(|error| failed(&path, &error))?,
        };
        let mut bytes = Vec::new();
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(max as u64).read_to_end(&mut bytes));
        read.map_err(|error| failed(&path, &error))?;
        Ok(bytes)
    }
}

impl Drop for LocalScratch {
    fn drop(&mut self) {
        // Nothing else can be done if the directory cannot be removed.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn failed(path: &Path, error: &std::io::Error) -> PortError {
    PortError::person(format!(
        "the temporary storage {} failed: {error}; choose a directory with rights and space with --scratch",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_are_appended_read_from_any_offset_and_removed() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = LocalScratch::create(parent.path()).unwrap();
        scratch.append(3, b"abc").await.unwrap();
        scratch.append(4, b"x").await.unwrap();
        scratch.append(3, b"defg").await.unwrap();
        assert_eq!(scratch.read(3, 0, 100).await.unwrap(), b"abcdefg");
        assert_eq!(scratch.read(3, 2, 3).await.unwrap(), b"cde");
        assert_eq!((scratch.read(3, 7, 3).await.unwrap(), scratch.read(9, 0, 3).await.unwrap()), (vec![], vec![]));
        drop(scratch);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        assert!(LocalScratch::create(Path::new("/dev/null")).unwrap_err().message.contains("--scratch"));
    }
}

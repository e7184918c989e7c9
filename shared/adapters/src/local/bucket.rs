//! A directory as a bucket: a file gets an object's name only when all its bytes are written.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use collector::{Bucket, PortError, Put};

use super::layout::PRIVATE_DIR;

/// A temporary file older than this is a leftover of a dead process, because no write takes this long.
const STALE_AFTER: Duration = Duration::from_secs(86_400);

/// At most this many names are tried for a temporary file. A name is taken only if a dead process with the same id left
/// its file.
const MAX_TEMPORARY_NAMES: u64 = 10_000;

/// The keys of the deployment's own records begin with its prefix and then this text. These records are not objects of
/// the lake.
const OWN_RECORDS: &str = "_state/";

/// The lock file that a process locks while it replaces an object. The operating system releases the lock of a process
/// that dies; the empty file stays.
const REPLACE_LOCK: &str = "replace.lock";

/// The objects of one lake, each as a file.
///
/// A new object is written to a temporary file, synced, and hard-linked to its name. Linking fails if the name exists,
/// so exactly one of several writers succeeds, and no reader ever sees half an object. An object is replaced under a
/// lock by renaming a synced temporary file, so a reader sees either the old or the new object.
#[derive(Debug)]
pub struct LocalBucket {
    pub(super) lake: PathBuf,
    pub(super) own_records: String,
    temporaries: PathBuf,
}

impl LocalBucket {
    /// Opens the lake of a deployment whose keys begin with `prefix`. Creates the directory if it does not exist, and
    /// removes temporary files that a dead process left more than a day ago.
    ///
    /// # Errors
    /// Fails if the directory cannot be created or read.
    pub fn open(lake: &Path, prefix: &str) -> Result<Self, PortError> {
        let temporaries = lake.join(PRIVATE_DIR).join("tmp");
        fs::create_dir_all(&temporaries).map_err(|error| failed("make", &temporaries, &error))?;
        let bucket = Self { lake: lake.to_owned(), own_records: format!("{prefix}{OWN_RECORDS}"), temporaries };
        bucket.remove_stale().map_err(|error| failed("clean", &bucket.temporaries, &error))?;
        Ok(bucket)
    }

    /// Returns the path of the object with this key.
    ///
    /// # Errors
    /// Fails if the key could name a file outside of the lake.
    pub fn path(&self, key: &str) -> Result<PathBuf, PortError> {
        let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part == PRIVATE_DIR;
        if key.contains(['\\', '\0', ':']) || key.split('/').any(bad) {
            return Err(PortError::person(format!(
                "{key:?} cannot be an object's key in a directory; change the prefix"
            )));
        }
        let is_own_record = key.starts_with(&self.own_records);
        Ok(if is_own_record { self.lake.join(PRIVATE_DIR).join(key) } else { self.lake.join(key) })
    }

    /// Removes old temporary files. Their age is measured by the clock of the file system, which may differ from the
    /// process's.
    fn remove_stale(&self) -> std::io::Result<()> {
        let mut leftovers = fs::read_dir(&self.temporaries)?.peekable();
        if leftovers.peek().is_none() {
            return Ok(());
        }
        let (probe, file) = self.create_temporary()?;
        let now = file.metadata()?.modified()?;
        fs::remove_file(probe)?;
        for leftover in leftovers {
            let leftover = leftover?;
            // Its owner or another process may have removed the file meanwhile.
            let Ok(modified) = leftover.metadata().and_then(|meta| meta.modified()) else { continue };
            if now.duration_since(modified).is_ok_and(|age| age > STALE_AFTER) {
                fs::remove_file(leftover.path()).or_else(unless_not_found)?;
            }
        }
        Ok(())
    }

    /// Creates a temporary file with an unused name.
    fn create_temporary(&self) -> std::io::Result<(PathBuf, File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        for _ in 0..MAX_TEMPORARY_NAMES {
            let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = self.temporaries.join(name);
            match File::create_new(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                created => return created.map(|file| (path, file)),
            }
        }
        Err(std::io::Error::new(ErrorKind::AlreadyExists, "too many leftovers of dead processes"))
    }

    fn create(&self, path: &Path, body: &[u8]) -> std::io::Result<Put> {
        self.write(path, body, |temporary| {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            match fs::hard_link(temporary, path) {
                Ok(()) => Ok(Put::Created),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Put::AlreadyThere),
                Err(error) => Err(error),
            }
        })
    }

    fn replace_file(&self, path: &Path, expected: &[u8], body: &[u8]) -> std::io::Result<bool> {
        // The lock lasts until the file is closed, and also ends if this process is killed.
        let lock = File::create(self.lake.join(PRIVATE_DIR).join(REPLACE_LOCK))?;
        lock.lock()?;
        if self.read(path)?.as_deref() != Some(expected) {
            return Ok(false);
        }
        self.write(path, body, |temporary| fs::rename(temporary, path))?;
        Ok(true)
    }

    /// Writes `body` to a synced temporary file, calls `name` to give the file its final `path`, and syncs the
    /// directories.
    fn write<T>(&self, path: &Path, body: &[u8], name: impl FnOnce(&Path) -> std::io::Result<T>) -> std::io::Result<T> {
        let (temporary, mut file) = self.create_temporary()?;
        let named = file.write_all(body).and_then(|()| file.sync_all()).and_then(|()| name(&temporary));
        fs::remove_file(&temporary).or_else(unless_not_found)?;
        let named = named?;
        self.sync_names(path)?;
        Ok(named)
    }

    /// Syncs each directory from the object up to the lake, so that the object's name survives a loss of power. A
    /// reader does this as well, because the writer may have died before.
    fn sync_names(&self, path: &Path) -> std::io::Result<()> {
        for directory in path.ancestors().skip(1).take_while(|directory| directory.starts_with(&self.lake)) {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }

    fn read(&self, path: &Path) -> std::io::Result<Option<Vec<u8>>> {
        match fs::read(path) {
            Ok(body) => {
                self.sync_names(path)?;
                Ok(Some(body))
            }
            // A path that is a directory, or that lies below a file, is not an object.
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory => Ok(None),
                _ => Err(error),
            },
        }
    }
}

impl Bucket for LocalBucket {
    // Ignores `_content_type`, because a file has none.
    async fn put_if_absent(&self, key: &str, body: Vec<u8>, _content_type: &str) -> Result<Put, PortError> {
        let path = self.path(key)?;
        self.create(&path, &body).map_err(|error| failed("write", &path, &error))
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        let path = self.path(key)?;
        self.read(&path).map_err(|error| failed("read", &path, &error))
    }

    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, _content_type: &str) -> Result<bool, PortError> {
        let path = self.path(key)?;
        self.replace_file(&path, expected, &body).map_err(|error| failed("replace", &path, &error))
    }
}

fn unless_not_found(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

pub(super) fn failed(verb: &str, path: &Path, error: &std::io::Error) -> PortError {
    let path = path.display();
    match error.kind() {
        ErrorKind::Unsupported | ErrorKind::CrossesDevices => PortError::person(format!(
            "cannot {verb} {path}: {error}; the lake must be one file system with hard links and file locks"
        )),
        _ => PortError::person(format!("cannot {verb} {path}: {error}; check the lake's rights and space")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn birth_records_are_kept_apart_from_objects() {
        let lake = tempfile::tempdir().unwrap();
        let bucket = LocalBucket::open(lake.path(), "team/").unwrap();
        let check = |key: &str, path: &str| assert_eq!(bucket.path(key).unwrap(), lake.path().join(path));
        check("team/_state/acme-openai_audit.json", ".audit-pull/team/_state/acme-openai_audit.json");
        check(
            "team/openai_audit/dt=2026-11-22/hour=06/a-000000000000.ndjson.gz",
            "team/openai_audit/dt=2026-11-22/hour=06/a-000000000000.ndjson.gz",
        );
        check("_state/other", "_state/other");
    }

    #[test]
    fn err_key_outside_the_lake() {
        let lake = tempfile::tempdir().unwrap();
        let bucket = LocalBucket::open(lake.path(), "").unwrap();
        for key in ["", "/etc/passwd", "a/../b", "..", "a//b", "a/", ".", ".audit-pull/state.sqlite", "a\\b", "c:/x"] {
            assert!(bucket.path(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn only_old_temporaries_are_removed() {
        let lake = tempfile::tempdir().unwrap();
        drop(LocalBucket::open(lake.path(), "").unwrap());
        let temporaries = lake.path().join(PRIVATE_DIR).join("tmp");
        let make = |name: &str, age: Duration| {
            let file = File::create(temporaries.join(name)).unwrap();
            let now = file.metadata().unwrap().modified().unwrap();
            let then: SystemTime = now.checked_sub(age).unwrap();
            file.set_modified(then).unwrap();
        };
        make("old", STALE_AFTER + Duration::from_secs(60));
        make("young", STALE_AFTER - Duration::from_secs(60));
        drop(LocalBucket::open(lake.path(), "").unwrap());
        let left: Vec<_> = fs::read_dir(&temporaries).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["young"]);
    }

    #[test]
    fn names_taken_by_a_dead_process_are_skipped() {
        let lake = tempfile::tempdir().unwrap();
        let bucket = LocalBucket::open(lake.path(), "").unwrap();
        for count in 0..50 {
            let _ = File::create_new(bucket.temporaries.join(format!("{}-{count}", std::process::id())));
        }
        assert_eq!(bucket.create(&bucket.path("a").unwrap(), b"x").unwrap(), Put::Created);
    }
}

//! Limits what the operating system lets a worker have.

use rustix::process::{Resource, Rlimit, setrlimit};

/// The most memory that a worker may map, in bytes, where nothing else is said.
pub const MAX_MEMORY_BYTES: u64 = 768 << 20;
/// Standard input, output and error, which are open already: no file and no socket can be opened beside them.
const MAX_FILES: u64 = 3;

/// Lowers the limits of this process, for good.
///
/// # Errors
/// The system refuses; the text says which limit.
pub(crate) fn lower(max_memory_bytes: u64) -> Result<(), String> {
    for (resource, limit, name) in [
        (Resource::As, max_memory_bytes, "memory"),
        (Resource::Nofile, MAX_FILES, "open files"),
        (Resource::Fsize, 0, "file sizes"),
        (Resource::Core, 0, "core dumps"),
    ] {
        let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
        setrlimit(resource, limit).map_err(|error| format!("cannot limit {name}: {error}"))?;
    }
    Ok(())
}

//! Limits the resources of a worker with `setrlimit`.

use rustix::process::{Resource, Rlimit, setrlimit};

/// The default for the address space of a worker, in bytes.
pub const MAX_MEMORY_BYTES: u64 = 768 << 20;
/// The maximum number of open files. Standard input, output and error are open already, so a worker can open nothing
/// else.
const MAX_FILES: u64 = 3;

/// Lowers the limits of this process. They cannot be raised again.
///
/// # Errors
/// The system refuses. The error names the limit.
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

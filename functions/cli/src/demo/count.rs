//! Counts the events of a lake by reading its files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use collector::Stream;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

/// The suffix of an object file's name.
const SUFFIX: &str = ".ndjson.gz";

/// The counts for one stream of a lake.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LakeCounts {
    /// The number of different row ids in the lines, which is the number of different events.
    pub(super) delivered: u64,
    /// The number of lines whose row id is already on an earlier line.
    pub(super) duplicates: u64,
    /// The number of inputs under `rejected/`.
    pub(super) rejected: u64,
    /// The number of object files.
    pub(super) objects: u64,
    /// The compressed size of all objects, in bytes.
    pub(super) bytes: u64,
    /// The first line of the first object, as a sample; `None` if there is no line.
    pub(super) sample: Option<String>,
}

/// Reads every object and every rejected input of the stream, and counts them.
///
/// # Errors
/// A file cannot be read, or an object is malformed. An object must be complete gzip. Each of its lines must
/// be a JSON object with a row id, and LF must follow the last line.
pub(super) fn count(lake: &Path, stream: &Stream) -> io::Result<LakeCounts> {
    let table = stream.log_type.table();
    let mut counted = LakeCounts::default();
    let mut row_ids = BTreeSet::new();
    for path in objects(&lake.join(&table), stream.source.as_str())? {
        counted.objects += 1;
        counted.bytes += fs::metadata(&path)?.len();
        read(&path, &mut row_ids, &mut counted)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    }
    let begins = format!("{}-", stream.source);
    let rejected = entries(&lake.join("rejected").join(&table))?;
    counted.rejected = rejected.iter().filter(|path| name(path).starts_with(&begins)).count() as u64;
    Ok(counted)
}

#[derive(Deserialize)]
struct Line {
    p_row_id: String,
}

fn read(path: &Path, row_ids: &mut BTreeSet<String>, counted: &mut LakeCounts) -> io::Result<()> {
    let mut lines = BufReader::new(MultiGzDecoder::new(BufReader::new(File::open(path)?)));
    let mut text = String::new();
    while lines.read_line(&mut text)? > 0 {
        let Some(line) = text.strip_suffix('\n') else { return Err(ErrorKind::UnexpectedEof.into()) };
        let Line { p_row_id } = serde_json::from_str(line)?;
        if row_ids.insert(p_row_id) {
            counted.delivered += 1;
        } else {
            counted.duplicates += 1;
        }
        counted.sample.get_or_insert_with(|| line.to_owned());
        text.clear();
    }
    Ok(())
}

/// Returns the paths of the source's objects, oldest first: `{table}/dt=…/hour=…/{source}-{seq}.ndjson.gz`.
fn objects(table: &Path, source: &str) -> io::Result<Vec<PathBuf>> {
    let is_its = |path: &PathBuf| {
        let seq = name(path).strip_prefix(source).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(SUFFIX));
        seq.is_some_and(|seq| seq.len() >= 12 && seq.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let mut objects = Vec::new();
    for day in entries(table)? {
        for hour in entries(&day)? {
            objects.extend(entries(&hour)?.into_iter().filter(is_its));
        }
    }
    Ok(objects)
}

/// Returns the sorted entries of a directory; an empty list if it does not exist.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let found = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    let mut paths = found.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use schema::LogType;

    use super::*;

    fn stream(source: &str) -> Stream {
        let source = source.to_owned().try_into().unwrap();
        Stream { source, label: String::new(), log_type: LogType::OpenAiAudit, listings: vec!["a"] }
    }

    fn put(lake: &Path, key: &str, lines: &str) {
        let path = lake.join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
        gzip.write_all(lines.as_bytes()).unwrap();
        gzip.finish().unwrap();
    }

    #[test]
    fn counts_distinct_row_ids_of_one_source() {
        let lake = tempfile::tempdir().unwrap();
        let hour = |hour: u32, name: &str| format!("openai_audit/dt=2026-11-22/hour={hour:02}/{name}");
        let (a, b, c) = ("{\"p_row_id\":\"a\"}\n", "{\"p_row_id\":\"b\"}\n", "{\"p_row_id\":\"c\"}\n");
        put(lake.path(), &hour(6, "me-000000000000.ndjson.gz"), &format!("{a}{b}"));
        put(lake.path(), &hour(7, "me-000000000001.ndjson.gz"), &format!("{b}{c}{c}"));
        put(lake.path(), &hour(7, "me-too-000000000001.ndjson.gz"), a);
        put(lake.path(), "rejected/openai_audit/me-00000000ab.json", "");
        let counted = count(lake.path(), &stream("me")).unwrap();
        assert_eq!((counted.delivered, counted.duplicates), (3, 2));
        assert_eq!((counted.objects, counted.rejected), (2, 1));
        assert_eq!(counted.sample.as_deref(), Some(a.trim_end()));
        assert_eq!(count(lake.path(), &stream("nobody")).unwrap(), LakeCounts::default());
    }

    #[test]
    fn err_files_that_break_a_promise_are_refused() {
        for lines in ["{\"p_row_id\":\"a\"}", "{}\n", "\n", "{\"p_row_id\":\"a\"}\nnull\n"] {
            let lake = tempfile::tempdir().unwrap();
            put(lake.path(), "openai_audit/dt=2026-11-22/hour=07/me-000000000000.ndjson.gz", lines);
            let error = count(lake.path(), &stream("me")).unwrap_err();
            assert!(error.to_string().contains("me-000000000000"), "{lines:?}: {error}");
        }
    }
}

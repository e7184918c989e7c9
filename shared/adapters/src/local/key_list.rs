//! Lists the keys of a directory that is used as a bucket.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use collector::{KeyList, ListObjects, PortError};

use super::bucket::{LocalBucket, failed};
use super::layout::PRIVATE_DIR;

/// Folders deeper than this below a prefix are not searched. A key of this program has two folders below its table.
const MAX_DEPTH: usize = 16;

impl ListObjects for LocalBucket {
    async fn list_after(&self, prefix: &str, after: &str, max: usize) -> Result<KeyList, PortError> {
        let folder = prefix.rfind('/').map_or("", |at| &prefix[..at]);
        let is_of_own_records = prefix.starts_with(&self.own_records);
        let base = if is_of_own_records { self.lake.join(PRIVATE_DIR) } else { self.lake.clone() };
        if !folder.is_empty() {
            // The check of a key also refuses a folder outside of the lake.
            self.path(folder)?;
        }
        let mut keys = Vec::new();
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let walked = walk(&base, &start, (prefix, after), &mut keys, max, MAX_DEPTH);
        walked.map_err(|error| failed("list", &base.join(folder), &error))?;
        Ok(KeyList::first(keys, max))
    }
}

/// Appends the keys below the folder `key` that begin with `prefix` and come after `after`, in ascending order, until
/// there are more than `max`. `key` is empty or ends in a slash.
fn walk(
    base: &Path,
    key: &str,
    (prefix, after): (&str, &str),
    keys: &mut Vec<String>,
    max: usize,
    depth: usize,
) -> io::Result<()> {
    let entries = match fs::read_dir(base.join(key)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        // A name that is not Unicode, and a link, is none of this program's.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_private = key.is_empty() && name == PRIVATE_DIR;
        match (kind.is_dir(), kind.is_file()) {
            (true, _) if !is_private => found.push(format!("{key}{name}/")),
            (_, true) => found.push(format!("{key}{name}")),
            _ => {}
        }
    }
    found.sort_unstable();
    for key in found {
        if keys.len() > max {
            break;
        }
        if key.ends_with('/') {
            let may_match = key.starts_with(prefix) || prefix.starts_with(&key);
            let may_come_after = key.as_str() > after || after.starts_with(&key);
            if depth > 0 && may_match && may_come_after {
                walk(base, &key, (prefix, after), keys, max, depth - 1)?;
            }
        } else if key.starts_with(prefix) && key.as_str() > after {
            keys.push(key);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use collector::Bucket;

    use super::*;

    #[tokio::test]
    async fn keys_below_a_prefix_are_listed_in_order_and_cut_off_at_the_maximum() {
        let lake = tempfile::tempdir().unwrap();
        let bucket = LocalBucket::open(lake.path(), "team/").unwrap();
        for key in ["team/t/dt=1/b", "team/t/dt=1/a/c", "team/t/dt=2/d", "team/_state/x.json", "other"] {
            bucket.put_if_absent(key, Vec::new(), "").await.unwrap();
        }
        for (prefix, max, expected, is_complete) in [
            ("team/t/dt=1/", 2, &["team/t/dt=1/a/c", "team/t/dt=1/b"][..], true),
            ("team/t/dt=1/", 1, &["team/t/dt=1/a/c"], false),
            ("team/t/dt=", 9, &["team/t/dt=1/a/c", "team/t/dt=1/b", "team/t/dt=2/d"], true),
            ("team/_state/", 9, &["team/_state/x.json"], true),
            ("team/nothing/", 9, &[], true),
            ("", 9, &["other", "team/t/dt=1/a/c", "team/t/dt=1/b", "team/t/dt=2/d"], true),
        ] {
            let list = bucket.list(prefix, max).await.unwrap();
            assert_eq!(
                (list.keys.iter().map(String::as_str).collect::<Vec<_>>(), list.is_complete),
                (expected.to_vec(), is_complete),
                "{prefix}"
            );
        }
        let after = bucket.list_after("team/t/", "team/t/dt=1/a/c", 1).await.unwrap();
        assert_eq!((after.keys, after.is_complete), (vec!["team/t/dt=1/b".to_owned()], false));
        let last = bucket.list_after("team/t/", "team/t/dt=1/b", 1).await.unwrap();
        assert_eq!((last.keys, last.is_complete), (vec!["team/t/dt=2/d".to_owned()], true));
        assert!(bucket.list_after("team/t/", "team/t/dt=2/d", 1).await.unwrap().keys.is_empty());
        assert!(bucket.keys("team/t/", 1).await.is_err(), "there are more keys than allowed");
        assert!(bucket.list("../x/", 1).await.is_err());
    }
}

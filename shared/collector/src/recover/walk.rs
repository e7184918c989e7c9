//! Walks over the keys below a prefix, page by page.

use futures_util::stream::{self, StreamExt};

use crate::base::error::PortError;
use crate::base::object_list::ListObjects;
use crate::base::ports::Bucket;

/// The number of keys per page. It is one less than the length of S3's pages, so that one request also shows if there
/// are more keys.
const PAGE_KEYS: usize = 999;
/// The number of objects that are read at the same time.
const CONCURRENT_READS: usize = 8;

/// A walk over the keys that begin with a prefix, in ascending order.
pub(crate) struct KeyWalk<'a, B> {
    bucket: &'a B,
    prefix: String,
    after: String,
    is_done: bool,
}

impl<'a, B: ListObjects> KeyWalk<'a, B> {
    /// Begins a walk over the keys that begin with `prefix` and come after `after`.
    pub(crate) fn new(bucket: &'a B, prefix: String, after: String) -> Self {
        Self { bucket, prefix, after, is_done: false }
    }

    /// Returns the next keys; `None` at the end.
    pub(crate) async fn next_page(&mut self) -> Result<Option<Vec<String>>, PortError> {
        if self.is_done {
            return Ok(None);
        }
        let list = self.bucket.list_after(&self.prefix, &self.after, PAGE_KEYS).await?;
        self.is_done = list.is_complete;
        if let Some(last) = list.keys.last() {
            self.after.clone_from(last);
        }
        Ok(Some(list.keys))
    }
}

/// Returns the objects at these keys in their order, a few of them read ahead.
pub(crate) fn read_ahead<'a, B: Bucket>(
    bucket: &'a B,
    keys: &'a [String],
) -> impl futures_util::Stream<Item = (&'a str, Result<Option<Vec<u8>>, PortError>)> + 'a {
    let reads = stream::iter(keys).map(move |key| async move { (key.as_str(), bucket.get(key).await) });
    reads.buffered(CONCURRENT_READS)
}

//! Lists the keys of the objects below a prefix.

use std::time::Duration;

use collector::{Clock, KeyList, ListObjects, PortError, retry};

use super::attempt::{SMALL_CALL_TIMEOUT, attempt};
use super::bucket::S3Bucket;
use super::call::{CallError, RETRIES};

/// Time after which an incomplete listing fails.
const MAX_LIST_TIME: Duration = Duration::from_secs(8);

impl<C: Clock> ListObjects for S3Bucket<C> {
    async fn list_after(&self, prefix: &str, after: &str, max: usize) -> Result<KeyList, PortError> {
        let call = self.call("s3:ListBucket", prefix);
        let end = self.clock.now() + MAX_LIST_TIME;
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let request = request.set_start_after((!after.is_empty()).then(|| after.to_owned()));
            let request = request.set_continuation_token(token.clone());
            let page = retry(&self.clock, &RETRIES, || async {
                let sent = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.clone().send()).await;
                sent.map_err(|error| CallError::of(&error).into_port_error(&call))
            });
            let page = page.await?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
            if keys.len() > max {
                return Ok(KeyList::first(keys, max));
            }
            let next = page.next_continuation_token;
            if next.is_none() || next == token {
                return Ok(KeyList { keys, is_complete: true });
            }
            if self.clock.now() >= end {
                return Err(PortError::next_tick(format!(
                    "{} on {}: the list is not complete after {} s",
                    call.action,
                    call.target,
                    MAX_LIST_TIME.as_secs()
                )));
            }
            token = next;
        }
    }
}

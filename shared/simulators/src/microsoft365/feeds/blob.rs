//! Answers requests for a blob.

use std::sync::Arc;

use hyper::StatusCode;

use super::super::behaviours::Behaviours;
use super::super::blob_faults::BlobKey;
use super::super::call::Call;
use super::super::content_type::ContentType;
use super::super::error;
use super::super::ledger::VisibleBlob;
use super::super::records::RecordForm;
use super::text::BlobText;
use super::visible::{Feeds, expires};
use crate::http::{Reply, decoded_path};
use crate::seeded_rng::SeededRng;

impl Feeds {
    /// Returns the content type of the blob with this id, and the blob's index in its feed. The id may be
    /// percent-encoded.
    ///
    /// # Errors
    /// The API's answer to a malformed id, or to the id of a blob that was never visible.
    pub(in super::super) fn find(&self, id: &str) -> Result<(ContentType, usize), Reply> {
        let id = decoded_path(id);
        if !id.contains('$') || id.contains('/') {
            let message = format!("Content ID {id} in the URL is invalid: the blob key in the url is invalid.");
            return Err(error::bad_request("AF20052", &message));
        }
        let found = self.content.find(&id).filter(|(content_type, index)| self.writer.has_blob(*content_type, *index));
        found.ok_or_else(error::blob_missing)
    }

    /// Returns the properties by which a [`BlobChoice`](super::super::BlobChoice) chooses the blob with this id; `None`
    /// if there is no such blob.
    pub(in super::super) fn key(&self, id: &str) -> Option<BlobKey> {
        self.content.find(id).map(|found| self.key_at(found))
    }

    fn key_at(&self, (content_type, index): (ContentType, usize)) -> BlobKey {
        BlobKey { content_type, ordinal: self.content.ordinal(content_type, index), seed: self.seed }
    }

    /// Returns the answer with the blob's records, in the form that the client's token permits.
    ///
    /// # Errors
    /// The answer of a fault that the behaviours choose, or the answer to a request for an expired blob.
    pub(in super::super) fn blob(
        &mut self,
        (content_type, index): (ContentType, usize),
        form: RecordForm,
        call: &Call<'_>,
        behaviours: &Behaviours,
        rng: &mut SeededRng,
    ) -> Result<Reply, Reply> {
        let blob = self.key_at((content_type, index));
        let now = call.clocks.login;
        if let Some(broken) = behaviours.broken_blobs.iter().find(|broken| broken.includes(blob, now)) {
            return Err(error::with_status(broken.status, broken.code.as_deref()));
        }
        if rng.chance(behaviours.not_found_yet) {
            return Err(error::blob_missing());
        }
        let created = self.created(content_type, &self.content.feeds[content_type.index()][index]);
        if expires(created) <= call.now {
            let message = "Content requested with the specified ID has already expired. Content older than 7 days cannot be retrieved.";
            return Err(error::bad_request("AF20051", message));
        }
        if rng.chance(behaviours.error_in_ok) {
            return Ok(error::server_error(StatusCode::OK));
        }
        let visible = VisibleBlob { content_type, number: index as u32, form, created, visible_at: call.now };
        self.writer.record_form(&self.content, visible);
        let records = self.content.record_numbers(content_type, index);
        let text = BlobText::new(Arc::clone(&self.content), records, form, rng.chance(behaviours.byte_order_mark));
        let is_broken = blob.has_broken_record(behaviours.broken_record);
        let text = text.enumerate().map(|(number, piece)| match piece.strip_suffix('}') {
            Some(unclosed) if is_broken && number == 0 => unclosed.to_owned(),
            _ => piece,
        });
        let trickling = behaviours.trickling_blobs.iter().find(|trickling| trickling.includes(blob));
        let pause = trickling.map(|trickling| trickling.pause);
        Ok(Reply { pause, ..Reply::new(StatusCode::OK, error::JSON, text.collect::<String>()) })
    }
}

//! Objects in an S3 bucket.

use std::cell::Cell;
use std::fmt::Display;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;
use collector::{Bucket, Clock, PortError, Put, Recovery, retry};

use super::attempt::{OBJECT_READ_TIMEOUT, OBJECT_WRITE_TIMEOUT, SMALL_CALL_TIMEOUT, attempt, attempt_timeout};
use super::call::{Call, CallError, RETRIES};

/// The largest object that is read into memory. The objects that this program writes are far smaller.
const MAX_OBJECT_BYTES: usize = 128 << 20;
/// At most this many pages of the list of versions are searched for a deleted object. A page holds up to 1,000 entries.
const MAX_VERSION_PAGES: usize = 16;
/// A key for which S3 answers 403 is read at most this many times. Another read is needed if the list of versions shows
/// an object, which may have been created after the read.
const MAX_HIDDEN_KEY_READS: usize = 3;
/// Header of S3's 404 for a key whose newest version is a delete marker.
const DELETE_MARKER: &str = "x-amz-delete-marker";

/// One S3 bucket. Objects are created with `If-None-Match: *` and replaced with `If-Match`, so S3 lets exactly one of
/// several concurrent writers succeed.
#[derive(Debug)]
pub struct S3Bucket<C> {
    pub(super) client: Client,
    pub(super) bucket: String,
    pub(super) clock: C,
}

/// The result of reading a key.
enum KeyState {
    Object {
        body: Vec<u8>,
        e_tag: Option<String>,
    },
    Nothing,
    /// No object: the newest version is a delete marker.
    DeleteMarker,
    /// Unknown, because S3 answered 403. It also does so for a missing key if the caller may not list the whole bucket.
    Hidden(PortError),
}

/// The result of looking up a key in the list of versions, after S3 answered 403 for it.
enum HiddenKey {
    /// There is no object at the key: the state is `Nothing` or `DeleteMarker`.
    Missing(KeyState),
    /// There is an object, but reading it was refused with this error.
    Listed(PortError),
}

/// The newest entry of a key in the list of versions, if there is one.
enum NewestEntry {
    Version,
    DeleteMarker,
    Nothing,
}

/// The condition under which S3 carries out a put.
#[derive(Clone, Copy)]
enum PutCondition<'a> {
    /// No object exists at the key.
    Absent,
    /// The object at the key has this ETag.
    ETag(&'a str),
}

impl<C: Clock> S3Bucket<C> {
    /// Returns the adapter of the bucket with this name.
    pub fn new(client: Client, bucket: impl Into<String>, clock: C) -> Self {
        Self { client, bucket: bucket.into(), clock }
    }

    pub(super) fn call(&self, action: &'static str, key: &str) -> Call {
        let bucket = &self.bucket;
        Call {
            action,
            target: format!("bucket {bucket}, key {key}"),
            denied_advice: format!(
                "grant {action} on {bucket}/*, s3:ListBucket and s3:ListBucketVersions on {bucket} (they tell a missing \
                 key from one that may not be read), and kms:GenerateDataKey and kms:Decrypt on its key where it has one"
            ),
            missing_advice: format!("create the bucket {bucket}, or correct its name"),
        }
    }

    async fn put(
        &self,
        key: &str,
        body: Bytes,
        content_type: &str,
        condition: PutCondition<'_>,
    ) -> Result<(), CallError> {
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let request = match condition {
            PutCondition::Absent => request.if_none_match("*"),
            PutCondition::ETag(e_tag) => request.if_match(e_tag),
        };
        let request = request
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::new(SdkBody::from(body)));
        let sent = attempt(&self.clock, OBJECT_WRITE_TIMEOUT, request.send()).await;
        sent.map(drop).map_err(|error| CallError::of(&error))
    }

    /// Reads the object at `key`, or one version of it.
    async fn read(&self, key: &str, version: Option<&str>) -> Result<KeyState, PortError> {
        let call = self.call(if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" }, key);
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        match attempt(&self.clock, OBJECT_READ_TIMEOUT, request.send()).await {
            Ok(mut answer) => {
                let e_tag = answer.e_tag.take();
                Ok(KeyState::Object { body: read_bounded(&self.clock, &call, answer).await?, e_tag })
            }
            Err(error) => match missing_key_state(&error) {
                Some(state) => Ok(state),
                None => {
                    let is_hidden = error.raw_response().is_some_and(|answer| answer.status().as_u16() == 403);
                    let error = CallError::of(&error).into_port_error(&call);
                    if is_hidden && error.recovery == Recovery::Person {
                        Ok(KeyState::Hidden(error))
                    } else {
                        Err(error)
                    }
                }
            },
        }
    }

    /// Reads the object at `key` as it is now.
    ///
    /// A function may list only one prefix of the bucket, so S3 answers 403 for a missing key. The list of the key's
    /// versions shows whether the key is missing or its object may not be read. If the versions may not be listed
    /// either, this is an error: such a key never counts as missing.
    async fn current(&self, key: &str) -> Result<KeyState, PortError> {
        let mut reads = 1;
        loop {
            let denied = match retry(&self.clock, &RETRIES, || self.read(key, None)).await? {
                KeyState::Hidden(denied) => denied,
                state => return Ok(state),
            };
            match self.look_up_hidden(key, denied).await? {
                HiddenKey::Missing(state) => return Ok(state),
                // Either the object was created after the read, or it may not be read. Another read shows which.
                HiddenKey::Listed(_) if reads < MAX_HIDDEN_KEY_READS => reads += 1,
                HiddenKey::Listed(denied) => return Ok(KeyState::Hidden(denied)),
            }
        }
    }

    /// Looks up a key in the list of versions, after S3 answered 403 with the error `denied`.
    async fn look_up_hidden(&self, key: &str, denied: PortError) -> Result<HiddenKey, PortError> {
        match retry(&self.clock, &RETRIES, || self.newest_entry(key)).await {
            Ok(NewestEntry::Nothing) => Ok(HiddenKey::Missing(KeyState::Nothing)),
            Ok(NewestEntry::DeleteMarker) => Ok(HiddenKey::Missing(KeyState::DeleteMarker)),
            Ok(NewestEntry::Version) => Ok(HiddenKey::Listed(denied)),
            Err(error) if error.recovery == Recovery::Person => Err(unknown_state_error(denied, &error)),
            Err(error) => Err(error),
        }
    }

    async fn newest_entry(&self, key: &str) -> Result<NewestEntry, PortError> {
        let call = self.call("s3:ListBucketVersions", key);
        // S3 lists a key before longer keys, and its newest entry first, so one entry is enough.
        let request = self.client.list_object_versions().bucket(&self.bucket).prefix(key).max_keys(1);
        let page = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.send()).await;
        let page = page.map_err(|error| CallError::of(&error).into_port_error(&call))?;
        Ok(if newest_version_on(key, &page).is_some() {
            NewestEntry::Version
        } else if page.delete_markers().iter().any(|marker| marker.key() == Some(key)) {
            NewestEntry::DeleteMarker
        } else {
            NewestEntry::Nothing
        })
    }

    /// Returns the ETag of the object at `key`; `None` if there is no object or its content differs from `content`.
    async fn e_tag_of(&self, key: &str, content: &[u8]) -> Result<Option<String>, PortError> {
        match retry(&self.clock, &RETRIES, || self.read(key, None)).await? {
            KeyState::Object { body, e_tag } if body == content => e_tag.map(Some).ok_or_else(|| {
                PortError::person(format!(
                    "s3:GetObject on bucket {}, key {key}: the answer has no ETag, so the object cannot be replaced \
                     safely; use a store that answers with ETags",
                    self.bucket
                ))
            }),
            KeyState::Hidden(denied) => match self.look_up_hidden(key, denied).await? {
                HiddenKey::Missing(_) => Ok(None),
                HiddenKey::Listed(denied) => Err(denied),
            },
            _ => Ok(None),
        }
    }

    /// Returns `true` if there is no object at `key` now.
    async fn is_missing(&self, key: &str) -> Result<bool, PortError> {
        Ok(matches!(self.current(key).await?, KeyState::Nothing | KeyState::DeleteMarker))
    }

    /// Reads the newest version of a deleted object, which lies under its delete marker.
    async fn read_deleted(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        let version = retry(&self.clock, &RETRIES, || self.newest_version(key)).await?;
        match retry(&self.clock, &RETRIES, || self.read(key, Some(&version))).await? {
            KeyState::Object { body, .. } => Ok(Some(body)),
            KeyState::Hidden(denied) => Err(denied),
            KeyState::Nothing | KeyState::DeleteMarker => Err(self.deleted_error(key)),
        }
    }

    async fn newest_version(&self, key: &str) -> Result<String, PortError> {
        let call = self.call("s3:ListBucketVersions", key);
        let request = self.client.list_object_versions().bucket(&self.bucket).prefix(key);
        let (mut key_marker, mut version_marker) = (None, None);
        for _ in 0..MAX_VERSION_PAGES {
            let page = request.clone().set_key_marker(key_marker).set_version_id_marker(version_marker);
            let page = attempt(&self.clock, SMALL_CALL_TIMEOUT, page.send()).await;
            let page = page.map_err(|error| CallError::of(&error).into_port_error(&call))?;
            if let Some(version) = newest_version_on(key, &page) {
                return Ok(version);
            }
            if page.is_truncated != Some(true) {
                break;
            }
            (key_marker, version_marker) = (page.next_key_marker, page.next_version_id_marker);
        }
        Err(self.deleted_error(key))
    }

    /// Returns the error for an object that was deleted with all its versions: nobody can find out which lines it held.
    fn deleted_error(&self, key: &str) -> PortError {
        PortError::person(format!(
            "bucket {}, key {key}: the object was deleted and no version of it is left; \
             restore it, or remove its delete marker to have its lines delivered again",
            self.bucket
        ))
    }
}

impl<C: Clock> Bucket for S3Bucket<C> {
    async fn put_if_absent(&self, key: &str, body: Vec<u8>, content_type: &str) -> Result<Put, PortError> {
        let call = self.call("s3:PutObject", key);
        let body = Bytes::from(body);
        retry(&self.clock, &RETRIES, || async {
            match self.put(key, body.clone(), content_type, PutCondition::Absent).await {
                Ok(()) => Ok(Put::Created),
                Err(error) if error.status == Some(412) => Ok(Put::AlreadyThere),
                Err(error) => Err(error.into_port_error(&call)),
            }
        })
        .await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        match self.current(key).await? {
            KeyState::Object { body, .. } => Ok(Some(body)),
            KeyState::Hidden(denied) => Err(denied),
            KeyState::Nothing => Ok(None),
            KeyState::DeleteMarker => self.read_deleted(key).await,
        }
    }

    /// Returns `false` for a deleted object, although [`Bucket::get`] still returns its last version.
    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, content_type: &str) -> Result<bool, PortError> {
        let Some(e_tag) = self.e_tag_of(key, expected).await? else { return Ok(false) };
        let call = self.call("s3:PutObject", key);
        let body = Bytes::from(body);
        let may_have_replaced = Cell::new(false);
        let put = retry(&self.clock, &RETRIES, || async {
            match self.put(key, body.clone(), content_type, PutCondition::ETag(&e_tag)).await {
                Ok(()) => Ok(true),
                Err(error) if is_failed_match(&error) => Ok(false),
                Err(error) => {
                    // A conflict (409) replaces nothing. After any other error the object may have been replaced and
                    // the answer lost.
                    may_have_replaced.set(may_have_replaced.get() || error.status != Some(409));
                    Err(error.into_port_error(&call))
                }
            }
        })
        .await;
        match put {
            Ok(true) => Ok(true),
            // For a missing key, S3 may answer an `If-Match` with 403 as well, if the caller may not list the whole
            // bucket.
            Err(error) if error.recovery == Recovery::Person => {
                if self.is_missing(key).await.unwrap_or(false) {
                    Ok(false)
                } else {
                    Err(error)
                }
            }
            Ok(false) | Err(_) if !may_have_replaced.get() => Ok(false),
            // The condition may have failed because an earlier attempt replaced the object and its answer was lost.
            Ok(false) => Ok(self.e_tag_of(key, &body).await?.is_some()),
            Err(error) => Err(error),
        }
    }
}

/// Returns the state of a key for which S3 answered `NoSuchKey` or `NoSuchVersion`. `None` for any other answer, such
/// as the 404 of a missing bucket, which is an error.
fn missing_key_state<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<KeyState> {
    let response = error.raw_response()?;
    let code = error.as_service_error()?.code();
    if response.status().as_u16() != 404 || !matches!(code, Some("NoSuchKey" | "NoSuchVersion")) {
        return None;
    }
    let deleted = response.headers().get(DELETE_MARKER) == Some("true");
    Some(if deleted { KeyState::DeleteMarker } else { KeyState::Nothing })
}

/// Returns the error for a key whose read and whose list of versions are both refused, so it is not known whether there
/// is an object.
fn unknown_state_error(denied: PortError, error: &PortError) -> PortError {
    PortError::person(format!(
        "{}. S3 answers so for a missing key too, and the versions of the key cannot be listed either: {}",
        denied.message, error.message
    ))
}

/// Returns `true` if a put with `If-Match` failed because the object has another ETag or does not exist.
fn is_failed_match(error: &CallError) -> bool {
    error.status == Some(412) || (error.status == Some(404) && error.code == "NoSuchKey")
}

/// Returns the id of the newest version of `key` on a page. S3 lists the versions of a key from the newest to the
/// oldest.
fn newest_version_on(key: &str, page: &ListObjectVersionsOutput) -> Option<String> {
    page.versions().iter().find(|version| version.key() == Some(key))?.version_id.clone()
}

async fn read_bounded(clock: &impl Clock, call: &Call, answer: GetObjectOutput) -> Result<Vec<u8>, PortError> {
    let cut_short =
        |why: &dyn Display| PortError::again(format!("{} on {}: cut short: {why}", call.action, call.target));
    let too_long = || {
        PortError::person(format!(
            "{} on {}: the object is longer than {MAX_OBJECT_BYTES} bytes, so it is none of ours; remove it",
            call.action, call.target
        ))
    };
    let promised = usize::try_from(answer.content_length.unwrap_or_default()).unwrap_or(usize::MAX);
    if promised > MAX_OBJECT_BYTES {
        return Err(too_long());
    }
    let mut stream = answer.body;
    let mut body = Vec::with_capacity(promised);
    loop {
        let piece = tokio::time::timeout(attempt_timeout(clock, OBJECT_READ_TIMEOUT), stream.next()).await;
        let Some(piece) = piece.map_err(|_| cut_short(&"no more bytes came"))? else { break };
        let piece = piece.map_err(|error| cut_short(&error))?;
        if body.len() + piece.len() > MAX_OBJECT_BYTES {
            return Err(too_long());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

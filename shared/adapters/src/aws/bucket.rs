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

use super::attempt::{OBJECT_READ, OBJECT_WRITE, SMALL_CALL, attempt, attempt_time};
use super::call::{Call, CallError, RETRIES};

/// The largest object that is read into memory. A batch holds far less.
const MAX_OBJECT_BYTES: usize = 128 << 20;
/// Pages of versions read behind a delete marker; each holds up to 1,000.
const MAX_VERSION_PAGES: usize = 16;
/// Looks at a key that S3 hides: each sees it as it was at another moment.
const MAX_LOOKS: usize = 3;
/// S3 says so of a key whose newest version is a delete marker.
const DELETE_MARKER: &str = "x-amz-delete-marker";

/// One bucket. Objects are created with `If-None-Match: *` and replaced with `If-Match`: S3 lets exactly
/// one writer win.
#[derive(Debug)]
pub struct S3Bucket<C> {
    pub(super) client: Client,
    pub(super) bucket: String,
    pub(super) clock: C,
}

/// The state of a key.
enum Stands {
    Object {
        body: Vec<u8>,
        e_tag: Option<String>,
    },
    Nothing,
    /// Nothing now, but something did.
    DeleteMarker,
    /// Not known: S3 answered 403, as it also does for a missing key to those who may list only a part of the bucket.
    Hidden(PortError),
}

/// A key for which S3 answered 403, as the list of versions has it.
enum Hidden {
    /// There is no object.
    Gone(Stands),
    /// There is one, and this was the answer.
    Listed(PortError),
}

/// The newest entry of a key in the list of versions.
enum Newest {
    Version,
    DeleteMarker,
    Nothing,
}

/// The condition of a put.
#[derive(Clone, Copy)]
enum Condition<'a> {
    /// There is no object at the key.
    Absent,
    /// The object at the key has this ETag.
    ETag(&'a str),
}

impl<C: Clock> S3Bucket<C> {
    /// The bucket of that name.
    pub fn new(client: Client, bucket: impl Into<String>, clock: C) -> Self {
        Self { client, bucket: bucket.into(), clock }
    }

    pub(super) fn call(&self, action: &'static str, key: &str) -> Call {
        let bucket = &self.bucket;
        Call {
            action,
            on: format!("bucket {bucket}, key {key}"),
            grant: format!(
                "grant {action} on {bucket}/*, s3:ListBucket and s3:ListBucketVersions on {bucket} (they tell a missing \
                 key from one that may not be read), and kms:GenerateDataKey and kms:Decrypt on its key where it has one"
            ),
            missing: format!("create the bucket {bucket}, or correct its name"),
        }
    }

    async fn put(&self, key: &str, body: Bytes, content_type: &str, condition: Condition<'_>) -> Result<(), CallError> {
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let request = match condition {
            Condition::Absent => request.if_none_match("*"),
            Condition::ETag(e_tag) => request.if_match(e_tag),
        };
        let request = request
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::new(SdkBody::from(body)));
        let sent = attempt(&self.clock, OBJECT_WRITE, request.send()).await;
        sent.map(drop).map_err(|error| CallError::of(&error))
    }

    /// The object at `key`, or one version of it.
    async fn read(&self, key: &str, version: Option<&str>) -> Result<Stands, PortError> {
        let call = self.call(if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" }, key);
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        match attempt(&self.clock, OBJECT_READ, request.send()).await {
            Ok(mut answer) => {
                let e_tag = answer.e_tag.take();
                Ok(Stands::Object { body: bounded_body(&self.clock, &call, answer).await?, e_tag })
            }
            Err(error) => match nothing(&error) {
                Some(stands) => Ok(stands),
                None => {
                    let is_hidden = error.raw_response().is_some_and(|answer| answer.status().as_u16() == 403);
                    let error = CallError::of(&error).into_port(&call);
                    if is_hidden && error.recovery == Recovery::Person { Ok(Stands::Hidden(error)) } else { Err(error) }
                }
            },
        }
    }

    /// Reads the object at `key` as it is now.
    ///
    /// The rights of a function cover one prefix of the bucket, and S3 then answers 403 for a missing key. The list of
    /// the key's versions tells that apart from an object that may not be read: without an entry there the key is
    /// missing. One that may not be listed either is never taken for missing.
    async fn current(&self, key: &str) -> Result<Stands, PortError> {
        let mut looks = 1;
        loop {
            let denied = match retry(&self.clock, &RETRIES, || self.read(key, None)).await? {
                Stands::Hidden(denied) => denied,
                stands => return Ok(stands),
            };
            match self.hidden(key, denied).await? {
                Hidden::Gone(stands) => return Ok(stands),
                // It was created after it had been asked for, or else it may not be read.
                Hidden::Listed(_) if looks < MAX_LOOKS => looks += 1,
                Hidden::Listed(denied) => return Ok(Stands::Hidden(denied)),
            }
        }
    }

    /// Looks up a key for which S3 answered 403 in the list of versions.
    async fn hidden(&self, key: &str, denied: PortError) -> Result<Hidden, PortError> {
        match retry(&self.clock, &RETRIES, || self.newest_entry(key)).await {
            Ok(Newest::Nothing) => Ok(Hidden::Gone(Stands::Nothing)),
            Ok(Newest::DeleteMarker) => Ok(Hidden::Gone(Stands::DeleteMarker)),
            Ok(Newest::Version) => Ok(Hidden::Listed(denied)),
            Err(error) if error.recovery == Recovery::Person => Err(unlisted(denied, &error)),
            Err(error) => Err(error),
        }
    }

    async fn newest_entry(&self, key: &str) -> Result<Newest, PortError> {
        let call = self.call("s3:ListBucketVersions", key);
        // S3 lists the key itself before longer ones, newest entry first.
        let request = self.client.list_object_versions().bucket(&self.bucket).prefix(key).max_keys(1);
        let page = attempt(&self.clock, SMALL_CALL, request.send()).await;
        let page = page.map_err(|error| CallError::of(&error).into_port(&call))?;
        Ok(if first_version_of(key, &page).is_some() {
            Newest::Version
        } else if page.delete_markers().iter().any(|marker| marker.key() == Some(key)) {
            Newest::DeleteMarker
        } else {
            Newest::Nothing
        })
    }

    /// The ETag of the object at `key`; none when the object is absent or its content is not `content`.
    async fn e_tag_of(&self, key: &str, content: &[u8]) -> Result<Option<String>, PortError> {
        match retry(&self.clock, &RETRIES, || self.read(key, None)).await? {
            Stands::Object { body, e_tag } if body == content => e_tag.map(Some).ok_or_else(|| {
                PortError::person(format!(
                    "s3:GetObject on bucket {}, key {key}: the answer has no ETag, so the object cannot be replaced \
                     safely; use a store that answers with ETags",
                    self.bucket
                ))
            }),
            Stands::Hidden(denied) => match self.hidden(key, denied).await? {
                Hidden::Gone(_) => Ok(None),
                Hidden::Listed(denied) => Err(denied),
            },
            _ => Ok(None),
        }
    }

    /// Returns `true` if there is no object at `key` now.
    async fn is_gone(&self, key: &str) -> Result<bool, PortError> {
        Ok(matches!(self.current(key).await?, Stands::Nothing | Stands::DeleteMarker))
    }

    /// The version under the delete marker.
    async fn read_deleted(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        let version = retry(&self.clock, &RETRIES, || self.newest_version(key)).await?;
        match retry(&self.clock, &RETRIES, || self.read(key, Some(&version))).await? {
            Stands::Object { body, .. } => Ok(Some(body)),
            Stands::Hidden(denied) => Err(denied),
            Stands::Nothing | Stands::DeleteMarker => Err(self.gone(key)),
        }
    }

    async fn newest_version(&self, key: &str) -> Result<String, PortError> {
        let call = self.call("s3:ListBucketVersions", key);
        let request = self.client.list_object_versions().bucket(&self.bucket).prefix(key);
        let (mut at_key, mut at_version) = (None, None);
        for _ in 0..MAX_VERSION_PAGES {
            let page = request.clone().set_key_marker(at_key).set_version_id_marker(at_version);
            let page = attempt(&self.clock, SMALL_CALL, page.send()).await;
            let page = page.map_err(|error| CallError::of(&error).into_port(&call))?;
            if let Some(version) = first_version_of(key, &page) {
                return Ok(version);
            }
            if page.is_truncated != Some(true) {
                break;
            }
            (at_key, at_version) = (page.next_key_marker, page.next_version_id_marker);
        }
        Err(self.gone(key))
    }

    /// It was put, and both it and what it held are gone: whether its lines were counted cannot be told.
    fn gone(&self, key: &str) -> PortError {
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
            match self.put(key, body.clone(), content_type, Condition::Absent).await {
                Ok(()) => Ok(Put::Created),
                Err(error) if error.status == Some(412) => Ok(Put::AlreadyThere),
                Err(error) => Err(error.into_port(&call)),
            }
        })
        .await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        match self.current(key).await? {
            Stands::Object { body, .. } => Ok(Some(body)),
            Stands::Hidden(denied) => Err(denied),
            Stands::Nothing => Ok(None),
            Stands::DeleteMarker => self.read_deleted(key).await,
        }
    }

    /// Behind a delete marker there is nothing to replace, though [`Bucket::get`] shows the last version.
    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, content_type: &str) -> Result<bool, PortError> {
        let Some(e_tag) = self.e_tag_of(key, expected).await? else { return Ok(false) };
        let call = self.call("s3:PutObject", key);
        let body = Bytes::from(body);
        let may_be_done = Cell::new(false);
        let put = retry(&self.clock, &RETRIES, || async {
            match self.put(key, body.clone(), content_type, Condition::ETag(&e_tag)).await {
                Ok(()) => Ok(true),
                Err(error) if is_failed_match(&error) => Ok(false),
                Err(error) => {
                    // A conflict (409) changes nothing. Any other failure may be a lost answer.
                    may_be_done.set(may_be_done.get() || error.status != Some(409));
                    Err(error.into_port(&call))
                }
            }
        })
        .await;
        match put {
            Ok(true) => Ok(true),
            // S3 answers 403 to a match with a key that is gone as well, where it hides missing keys.
            Err(error) if error.recovery == Recovery::Person => {
                if self.is_gone(key).await.unwrap_or(false) {
                    Ok(false)
                } else {
                    Err(error)
                }
            }
            Ok(false) | Err(_) if !may_be_done.get() => Ok(false),
            // The match may have failed because an earlier attempt replaced the object and its answer was lost.
            Ok(false) => Ok(self.e_tag_of(key, &body).await?.is_some()),
            Err(error) => Err(error),
        }
    }
}

/// Recognises the answer for a key at which nothing stands. Only `NoSuchKey` and `NoSuchVersion` say so: any other
/// 404, a missing bucket's for one, is an error.
fn nothing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Stands> {
    let response = error.raw_response()?;
    let code = error.as_service_error()?.code();
    if response.status().as_u16() != 404 || !matches!(code, Some("NoSuchKey" | "NoSuchVersion")) {
        return None;
    }
    let deleted = response.headers().get(DELETE_MARKER) == Some("true");
    Some(if deleted { Stands::DeleteMarker } else { Stands::Nothing })
}

/// The error of a key that S3 hides and whose versions may not be listed: nobody can tell whether it is there.
fn unlisted(denied: PortError, error: &PortError) -> PortError {
    PortError::person(format!(
        "{}. S3 answers so for a missing key too, and the versions of the key cannot be listed either: {}",
        denied.message, error.message
    ))
}

/// Returns `true` if the object of an `If-Match` has another ETag, or is gone.
fn is_failed_match(error: &CallError) -> bool {
    error.status == Some(412) || (error.status == Some(404) && error.code == "NoSuchKey")
}

/// S3 lists a key's versions newest first, and the key itself before longer ones.
fn first_version_of(key: &str, page: &ListObjectVersionsOutput) -> Option<String> {
    page.versions().iter().find(|version| version.key() == Some(key))?.version_id.clone()
}

async fn bounded_body(clock: &impl Clock, call: &Call, answer: GetObjectOutput) -> Result<Vec<u8>, PortError> {
    let cut_short = |why: &dyn Display| PortError::again(format!("{} on {}: cut short: {why}", call.action, call.on));
    let too_long = || {
        PortError::person(format!(
            "{} on {}: the object is longer than {MAX_OBJECT_BYTES} bytes, so it is none of ours; remove it",
            call.action, call.on
        ))
    };
    let promised = usize::try_from(answer.content_length.unwrap_or_default()).unwrap_or(usize::MAX);
    if promised > MAX_OBJECT_BYTES {
        return Err(too_long());
    }
    let mut stream = answer.body;
    let mut body = Vec::with_capacity(promised);
    loop {
        let piece = tokio::time::timeout(attempt_time(clock, OBJECT_READ), stream.next()).await;
        let Some(piece) = piece.map_err(|_| cut_short(&"no more bytes came"))? else { break };
        let piece = piece.map_err(|error| cut_short(&error))?;
        if body.len() + piece.len() > MAX_OBJECT_BYTES {
            return Err(too_long());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

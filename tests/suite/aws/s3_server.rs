//! S3 in memory: a map behind one lock, so that conditional puts are truly atomic. Buckets are versioned.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::error_handling::HandleError;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use futures_util::TryStreamExt;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    ChecksumCRC32, DeleteMarkerEntry, ETag, ETagCondition, GetObjectInput, GetObjectOutput, ListObjectVersionsInput,
    ListObjectVersionsOutput, ObjectVersion, PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::service::S3ServiceBuilder;
use s3s::{Body, HttpError, S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::faults::serve;
use super::{ACCESS_KEY, SECRET_KEY};

pub(crate) const BUCKET: &str = "lake";
/// The maximum number of versions per page, which is small so that few versions make several pages.
const VERSIONS_PER_PAGE: usize = 3;

/// The objects behind the server, which tests may inspect and change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store(Arc<Mutex<BTreeMap<String, Vec<Version>>>>);

#[derive(Debug, Clone)]
struct Version {
    id: String,
    /// The object; `None` for a delete marker.
    object: Option<Object>,
}

#[derive(Debug, Clone)]
struct Object {
    body: Bytes,
    content_type: Option<String>,
    crc32: ChecksumCRC32,
}

impl Object {
    /// Returns an ETag that depends on the body only, as with S3's own encryption.
    fn e_tag(&self) -> ETag {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.body);
        ETag::Strong(format!("{:016x}", hasher.finish()))
    }
}

impl Store {
    /// Serves the store and returns its address.
    pub(crate) async fn serve() -> (String, Self) {
        let store = Self::default();
        let mut builder = S3ServiceBuilder::new(store.clone());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = HandleError::new(builder.build(), async |error: HttpError| {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:?}"))
        });
        (serve(Router::new().fallback_service(service)).await, store)
    }

    /// Deletes the key as a versioned bucket does: adds a delete marker as the newest version.
    pub(crate) fn delete(&self, key: &str) {
        push(&mut self.lock(), key, None);
    }

    /// Removes all versions except delete markers, as the expiry of old versions does.
    pub(crate) fn purge(&self, key: &str) {
        self.lock().get_mut(key).unwrap().retain(|version| version.object.is_none());
    }

    /// Returns the number of versions at `key`, including delete markers.
    pub(crate) fn versions(&self, key: &str) -> usize {
        self.lock().get(key).map_or(0, Vec::len)
    }

    /// Returns all keys that were ever put.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    pub(crate) fn content_type(&self, key: &str) -> Option<String> {
        self.lock()[key].last()?.object.clone()?.content_type
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Version>>> {
        self.0.lock().unwrap()
    }
}

fn push(keys: &mut BTreeMap<String, Vec<Version>>, key: &str, object: Option<Object>) {
    let versions = keys.entry(key.to_owned()).or_default();
    let id = format!("v{:04}", versions.len());
    versions.push(Version { id, object });
}

fn in_our_bucket(bucket: &str) -> S3Result {
    if bucket == BUCKET { Ok(()) } else { Err(S3Error::new(S3ErrorCode::NoSuchBucket)) }
}

#[async_trait::async_trait]
impl S3 for Store {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        in_our_bucket(&input.bucket)?;
        let pieces: Vec<Bytes> = input.body.unwrap().try_collect().await.map_err(unreadable)?;
        let crc32 = input.checksum_crc32.ok_or_else(|| S3Error::new(S3ErrorCode::InvalidRequest))?;
        let object = Object { body: pieces.concat().into(), content_type: input.content_type, crc32 };
        let e_tag = Some(object.e_tag());
        let mut keys = self.lock();
        let current = keys.get(&input.key).and_then(|versions| versions.last()?.object.as_ref());
        if current.is_some() && matches!(input.if_none_match, Some(ETagCondition::Any)) {
            return Err(S3Error::new(S3ErrorCode::PreconditionFailed));
        }
        if let Some(ETagCondition::ETag(expected)) = &input.if_match {
            let current = current.ok_or_else(|| S3Error::new(S3ErrorCode::NoSuchKey))?;
            if current.e_tag() != *expected {
                return Err(S3Error::new(S3ErrorCode::PreconditionFailed));
            }
        }
        push(&mut keys, &input.key, Some(object));
        Ok(S3Response::new(PutObjectOutput { e_tag, ..PutObjectOutput::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        in_our_bucket(&input.bucket)?;
        let keys = self.lock();
        let versions = keys.get(&input.key).map(Vec::as_slice).unwrap_or_default();
        let version = match &input.version_id {
            Some(id) => versions.iter().find(|version| version.id == *id),
            None => versions.last(),
        };
        let Some(version) = version else { return Err(S3Error::new(S3ErrorCode::NoSuchKey)) };
        let Some(object) = &version.object else { return Err(delete_marker_error()) };
        Ok(S3Response::new(GetObjectOutput {
            body: Some(StreamingBlob::from(Body::from(object.body.clone()))),
            content_length: Some(i64::try_from(object.body.len()).unwrap()),
            e_tag: Some(object.e_tag()),
            checksum_crc32: input.checksum_mode.map(|_| object.crc32.clone()),
            ..GetObjectOutput::default()
        }))
    }

    async fn list_object_versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let input = request.input;
        in_our_bucket(&input.bucket)?;
        let prefix = input.prefix.unwrap_or_default();
        let keys = self.lock();
        let of_prefix = keys.iter().filter(|(key, _)| key.starts_with(&prefix));
        // The list is in the order of keys, and the newest version of a key comes first.
        let all: Vec<_> =
            of_prefix.flat_map(|(key, versions)| versions.iter().rev().map(move |version| (key, version))).collect();
        let marker = input.key_marker.zip(input.version_id_marker);
        let after = |(key, id): (String, String)| all.iter().position(|(k, v)| **k == key && v.id == id).unwrap() + 1;
        let start = marker.map_or(0, after);
        let size = input.max_keys.and_then(|keys| usize::try_from(keys).ok()).unwrap_or(VERSIONS_PER_PAGE);
        let page = &all[start..all.len().min(start + size.min(VERSIONS_PER_PAGE))];
        let more = start + page.len() < all.len();
        let objects = page.iter().filter(|(_, version)| version.object.is_some());
        let objects = objects.map(|(key, version)| ObjectVersion {
            key: Some((*key).clone()),
            version_id: Some(version.id.clone()),
            ..ObjectVersion::default()
        });
        let markers = page.iter().filter(|(_, version)| version.object.is_none());
        let markers = markers.map(|(key, version)| DeleteMarkerEntry {
            key: Some((*key).clone()),
            version_id: Some(version.id.clone()),
            ..DeleteMarkerEntry::default()
        });
        let last = page.last().filter(|_| more);
        Ok(S3Response::new(ListObjectVersionsOutput {
            versions: Some(objects.collect()),
            delete_markers: Some(markers.collect()),
            is_truncated: Some(more),
            next_key_marker: last.map(|(key, _)| (*key).clone()),
            next_version_id_marker: last.map(|(_, version)| version.id.clone()),
            ..ListObjectVersionsOutput::default()
        }))
    }
}

fn delete_marker_error() -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NoSuchKey);
    error.set_headers(HeaderMap::from_iter([(
        "x-amz-delete-marker".parse().unwrap(),
        HeaderValue::from_static("true"),
    )]));
    error
}

fn unreadable(error: s3s::StdError) -> S3Error {
    S3Error::with_source(S3ErrorCode::IncompleteBody, error)
}

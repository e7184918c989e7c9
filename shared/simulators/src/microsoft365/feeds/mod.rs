//! The feeds: each is the list of the blobs of one content type.

mod blob;
mod list;
mod paging;
mod text;
mod visible;

pub(super) use visible::Feeds;

//! The feeds: the listing of content, and the blobs.

mod blob;
mod list;
mod paging;
mod text;
mod visible;

pub(super) use visible::Feeds;

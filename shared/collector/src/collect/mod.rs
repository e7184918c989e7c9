//! Runs one tick of one stream: lists, fetches, normalises and delivers events, and tries pending work again.

pub(crate) mod blob_attempt;
pub(crate) mod blobs;
pub(crate) mod intake;
pub(crate) mod listing;
pub(crate) mod listing_run;
pub(crate) mod pages;
pub(crate) mod prefetch;
pub(crate) mod probe;
pub(crate) mod retry_pending;
pub(crate) mod run;
pub(crate) mod span_attempt;
pub(crate) mod span_run;
pub(crate) mod span_search;
pub(crate) mod stream;

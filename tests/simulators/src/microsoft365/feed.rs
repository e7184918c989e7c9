//! The feeds: what is listed, what is fetched, and what of it became visible when.

use std::collections::{HashMap, HashSet};
use std::io;

use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::behaviours::Behaviours;
use super::blobs::{self, Blob, Content};
use super::content_type::ContentType;
use super::listing::{self, Page};
use super::records::Recipe;
use super::request;
use super::subscriptions::{Subscription, Subscriptions};
use super::window::{self, Window};
use super::{Call, error};
use crate::dice::Dice;
use crate::http::{Reply, decoded_path};
use crate::ledger::{Entry, Ledger};
use crate::options::Options;

/// A tenant that is not this one.
const ANOTHER_TENANT: &str = "0a1b2c3d-0000-4000-8000-00000000000f";

/// All feeds of the tenant.
pub(super) struct Feeds {
    seed: u64,
    content: Content,
    recipe: Recipe,
    /// Where a content id is.
    places: HashMap<String, (ContentType, usize)>,
    /// How many blobs of each feed have become visible.
    visible: [usize; 5],
    pub(super) ledger: Ledger,
}

impl Feeds {
    pub(super) fn new(options: &Options, behaviours: &Behaviours, recipe: Recipe) -> io::Result<Self> {
        let content = blobs::content(options, behaviours)?;
        let mut places = HashMap::new();
        for (content_type, feed) in ContentType::ALL.into_iter().zip(&content.feeds) {
            places.extend(feed.iter().enumerate().map(|(place, blob)| (blob.id.clone(), (content_type, place))));
        }
        let ledger = Ledger::open("microsoft365", options.ledger.as_deref())?;
        Ok(Self { seed: options.seed, content, recipe, places, visible: [0; 5], ledger })
    }

    /// The record of that number.
    pub(super) fn raw(&self, record: usize) -> String {
        self.content.records[record].raw(&self.recipe)
    }

    /// When the last blob that shows it expires, by log type and record.
    pub(super) fn until(&self) -> HashMap<(&'static str, usize), Timestamp> {
        let mut until = HashMap::new();
        for (content_type, feed) in ContentType::ALL.into_iter().zip(&self.content.feeds) {
            for blob in feed.iter().filter(|blob| blob.is_shown) {
                for record in &blob.records {
                    let latest = until.entry((content_type.log_type(), *record)).or_insert(Timestamp::MIN);
                    *latest = blob.expires().max(*latest);
                }
            }
        }
        until
    }

    /// Where a content id is.
    pub(super) fn find(&self, id: &str) -> Option<(ContentType, usize)> {
        self.places.get(id).copied()
    }

    /// Distinct records that are yet to be shown.
    pub(super) fn pending(&self) -> usize {
        let feeds = ContentType::ALL.into_iter().zip(&self.content.feeds).zip(self.visible);
        let coming = feeds.flat_map(|((content_type, feed), visible)| {
            let records = feed[visible..].iter().flat_map(|blob| &blob.records);
            records.map(move |record| (content_type.log_type(), *record))
        });
        let coming: HashSet<_> = coming.filter(|(log_type, record)| !self.ledger.has(log_type, *record)).collect();
        coming.len()
    }

    /// Enters into the ledger what has become visible.
    pub(super) fn advance(&mut self, subscriptions: &Subscriptions, first_blob_seconds: i64, now: Timestamp) {
        for content_type in ContentType::ALL {
            let Some(subscription) = subscriptions.get(content_type).filter(|known| known.is_on) else { continue };
            if !is_ready(subscription, first_blob_seconds, now) {
                continue;
            }
            let feed = &mut self.content.feeds[content_type.place()];
            let visible = &mut self.visible[content_type.place()];
            while let Some(blob) = feed.get_mut(*visible).filter(|blob| blob.listed <= now) {
                *visible += 1;
                if !subscription.keeps(blob.created) || blob.expires() <= now {
                    continue;
                }
                blob.is_shown = true;
                for record in &blob.records {
                    let entry = Entry { log_type: content_type.log_type(), event: *record, at: now };
                    self.ledger.note(entry, || self.content.records[*record].raw(&self.recipe));
                }
            }
        }
    }

    /// One page of the list of content.
    pub(super) fn list(
        &self,
        content_type: ContentType,
        subscription: Option<&Subscription>,
        call: &Call<'_>,
        behaviours: &Behaviours,
        dice: &mut Dice,
    ) -> Result<Reply, Reply> {
        let parameters = &call.parameters;
        let (start, end) = (parameters.get("startTime"), parameters.get("endTime"));
        let window = window::window(start, end, call.now, behaviours.long_span_partial)?;
        let name = listing::list_name(content_type.name(), window.start, window.end);
        let from = match parameters.get("nextPage") {
            None => 0,
            Some(link) => listing::followed(self.seed, &name, link)
                .ok_or_else(|| error::refused("AF20031", &format!("Invalid nextPage Input: {link}.")))?,
        };
        if dice.chance(behaviours.error_in_ok) {
            return Ok(Reply { status: StatusCode::OK, ..error::server_error(StatusCode::OK) });
        }
        let feed = &self.content.feeds[content_type.place()];
        let is_ready = subscription.is_some_and(|known| is_ready(known, behaviours.first_blob_seconds, call.now));
        let lacks_some = dice.chance(behaviours.partial_boundary);
        let is_visible = |blob: &Blob| {
            is_ready
                && blob.listed <= call.now
                && call.now < blob.expires()
                && subscription.is_some_and(|known| known.keeps(blob.created))
                && !(lacks_some && blob.created == window.start)
        };
        let page = if dice.chance(behaviours.empty_pages) {
            Page { blobs: Vec::new(), next: Some(from) }
        } else {
            listing::page(feed, window, from, behaviours.page_size, is_visible)
        };
        Ok(self.page(content_type, &page, window, call, behaviours, dice))
    }

    fn page(
        &self,
        content_type: ContentType,
        page: &Page,
        window: Window,
        call: &Call<'_>,
        behaviours: &Behaviours,
        dice: &mut Dice,
    ) -> Reply {
        let origin = request::origin(call.request);
        let feed = &self.content.feeds[content_type.place()];
        let items: serde_json::Value = page
            .blobs
            .iter()
            .map(|place| {
                let blob = &feed[*place];
                json!({
                    "contentType": content_type.name(),
                    "contentId": blob.id,
                    "contentUri": uri(&origin, call.tenant, &blob.id, behaviours, dice),
                    "contentCreated": window::written(blob.created),
                    "contentExpiration": window::written(blob.expires()),
                })
            })
            .collect();
        let reply = Reply::new(StatusCode::OK, error::JSON, items.to_string());
        let Some(next) = page.next else { return reply };
        let name = listing::list_name(content_type.name(), window.start, window.end);
        let link = listing::link(self.seed, &name, next);
        let [content, start, end] =
            dice.pick(&[["contentType", "startTime", "endTime"], ["contenttype", "starttime", "endtime"]]);
        let header = if dice.chance(behaviours.next_page_url) { "nextpageurl" } else { "nextpageuri" };
        let query = format!(
            "{content}={}&{start}={}&{end}={}&nextPage={link}",
            content_type.name(),
            exact(window.start),
            exact(window.end)
        );
        reply.with(header, format!("{origin}/api/v1/{}/activity/feed/subscriptions/content?{query}", call.tenant))
    }

    /// A blob's records.
    pub(super) fn blob(
        &self,
        id: &str,
        call: &Call<'_>,
        behaviours: &Behaviours,
        dice: &mut Dice,
    ) -> Result<Reply, Reply> {
        let id = decoded_path(id);
        if !id.contains('$') || id.contains('/') {
            return Err(error::refused(
                "AF20052",
                &format!("Content ID {id} in the URL is invalid: the blob key in the url is invalid."),
            ));
        }
        let missing = || error::error(StatusCode::NOT_FOUND, "AF20050", "The specified content does not exist.");
        let (content_type, place) = self.find(&id).ok_or_else(missing)?;
        let blob = &self.content.feeds[content_type.place()][place];
        if blob.listed > call.now || dice.chance(behaviours.not_found_yet) {
            return Err(missing());
        }
        if blob.expires() <= call.now {
            return Err(error::refused(
                "AF20051",
                "Content requested with the specified ID has already expired. Content older than 7 days cannot be retrieved.",
            ));
        }
        if dice.chance(behaviours.error_in_ok) {
            return Ok(Reply { status: StatusCode::OK, ..error::server_error(StatusCode::OK) });
        }
        let mark = if dice.chance(behaviours.byte_order_mark) { "\u{feff}" } else { "" };
        let records: Vec<_> = blob.records.iter().map(|record| self.raw(*record)).collect();
        Ok(Reply::new(StatusCode::OK, error::JSON, format!("{mark}[{}]", records.join(","))))
    }
}

fn is_ready(subscription: &Subscription, first_blob_seconds: i64, now: Timestamp) -> bool {
    subscription.first_start.duration_until(now) >= SignedDuration::from_secs(first_blob_seconds)
}

/// A moment with all its digits: a link's window is the very one that was asked for.
fn exact(at: Timestamp) -> String {
    at.to_string()
}

/// Where a blob is to be fetched, as it is told.
fn uri(origin: &str, tenant: &str, id: &str, behaviours: &Behaviours, dice: &mut Dice) -> String {
    let elsewhere = dice.chance(behaviours.uri_elsewhere);
    match elsewhere.then(|| dice.below(3)) {
        Some(0) => format!("https://localhost/api/v1.0/{tenant}/activity/feed/audit/{id}"),
        Some(1) => format!("{origin}/api/v1.0/{ANOTHER_TENANT}/activity/feed/audit/{id}"),
        Some(_) => format!("{origin}/{tenant}/activity/feed/audit/{id}"),
        None => format!("{origin}/api/v1.0/{tenant}/activity/feed/audit/{id}"),
    }
}

//! The listing of content: a page of items, and the link to the next one.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::behaviours::Behaviours;
use super::super::call::Call;
use super::super::content_type::ContentType;
use super::super::kinds::Expiration;
use super::super::window::{self, Window};
use super::super::{error, request};
use super::paging::{Link, Page, list_name};
use super::visible::{Feeds, expires};
use crate::dice::{Dice, happens, mix};
use crate::http::Reply;
use crate::moment::after_seconds;

/// The id of another tenant.
const ANOTHER_TENANT: &str = "0a1b2c3d-0000-4000-8000-00000000000f";
/// The parameters of a link, in the usual spelling and in other ones.
const USUAL: [&str; 4] = ["contentType", "startTime", "endTime", "nextPage"];
const ODD: [[&str; 4]; 3] = [
    ["contentType", "starttime", "endtime", "nextPage"],
    ["contenttype", "starttime", "endtime", "nextpage"],
    ["ContentType", "StartTime", "EndTime", "NextPage"],
];

impl Feeds {
    /// Returns a page of the list of content.
    pub(in super::super) fn list(
        &self,
        content_type: ContentType,
        call: &Call<'_>,
        behaviours: &Behaviours,
        dice: &mut Dice,
    ) -> Result<Reply, Reply> {
        let window = window::requested(&call.parameters, call.now, behaviours)?;
        let span = behaviours.broken_spans.iter().find(|span| span.overlaps(content_type, &(window.start..window.end)));
        if let Some(span) = span {
            return Err(error::of_status(span.status, span.code.as_deref()));
        }
        let from = self.from(content_type, window, call, dice.chance(behaviours.links_lost))?;
        if dice.chance(behaviours.error_in_ok) {
            return Ok(error::server_error(StatusCode::OK));
        }
        let empty = dice.chance(behaviours.empty_pages).then(|| Page::empty(from)).flatten();
        let lacks_some = dice.chance(behaviours.partial_boundary);
        let page = empty.unwrap_or_else(|| {
            let length = self.content.feeds[content_type.place()].len();
            Page::new(length, window, from, behaviours.page_size, |place| {
                self.listed(content_type, place, call.now)
                    .filter(|_| !(lacks_some && self.is_lacking(content_type, place, window.start)))
            })
        });
        let reply = Reply::new(StatusCode::OK, error::JSON, self.items(content_type, &page, call, behaviours, dice));
        let Some(next) = page.next else { return Ok(reply) };
        let next = if happens(behaviours.links_stuck, dice) { from } else { next };
        let header = if dice.chance(behaviours.next_page_url) { "NextPageUrl" } else { "NextPageUri" };
        Ok(reply.with(header, self.link(content_type, window, next, call, behaviours, dice)))
    }

    /// Returns the position at which the requested page begins.
    fn from(&self, content_type: ContentType, window: Window, call: &Call<'_>, is_lost: bool) -> Result<Link, Reply> {
        let Some(link) = call.parameters.get("nextPage") else { return Ok(Link::default()) };
        Link::read(link, self.seed, &list_name(content_type.name(), window))
            .filter(|_| !is_lost)
            .ok_or_else(|| error::refused("AF20031", &format!("Invalid nextPage Input: {link}.")))
    }

    /// Returns when the blob at that place became available, if it is visible.
    fn listed(&self, content_type: ContentType, place: usize, now: Timestamp) -> Option<Timestamp> {
        let blob = self.content.feeds[content_type.place()].get(place)?;
        self.is_visible(content_type, place, now).then(|| self.created(content_type, blob))
    }

    /// Returns `true` if a blob of the window's first instant is left out: the first such blob is, and half of the
    /// others.
    fn is_lacking(&self, content_type: ContentType, place: usize, start: Timestamp) -> bool {
        let feed = &self.content.feeds[content_type.place()];
        let is_of_start = |place: usize| self.created(content_type, &feed[place]) == start;
        let is_first = !place.checked_sub(1).is_some_and(is_of_start);
        is_of_start(place) && (is_first || mix(self.seed ^ mix(place as u64)).is_multiple_of(2))
    }

    fn items(
        &self,
        content_type: ContentType,
        page: &Page,
        call: &Call<'_>,
        behaviours: &Behaviours,
        dice: &mut Dice,
    ) -> String {
        let origin = request::origin(call.request);
        let item = |place: &usize| {
            let created = self.created(content_type, &self.content.feeds[content_type.place()][*place]);
            let id = self.content.id(content_type, *place);
            json!({
                "contentType": content_type.name(),
                "contentUri": uri(&origin, call.tenant, &id, behaviours, dice),
                "contentId": id,
                "contentCreated": window::format_time(created),
                "contentExpiration": expiration(created, behaviours.expiration),
            })
        };
        page.blobs.iter().map(item).collect::<Value>().to_string()
    }

    /// Returns the link to the next page, with the requested window.
    fn link(
        &self,
        content_type: ContentType,
        window: Window,
        next: Link,
        call: &Call<'_>,
        behaviours: &Behaviours,
        dice: &mut Dice,
    ) -> String {
        let [content, start, end, page] = if dice.chance(behaviours.odd_casing) { dice.pick(&ODD) } else { USUAL };
        let (origin, tenant, name) = (request::origin(call.request), call.tenant, content_type.name());
        let next = next.to_text(self.seed, &list_name(name, window));
        format!(
            "{origin}/api/v1/{tenant}/activity/feed/subscriptions/content?{content}={name}&{start}={}&{end}={}&{page}={next}",
            window.start, window.end
        )
    }
}

/// Returns the expiry that the listing shows.
fn expiration(created: Timestamp, said: Expiration) -> String {
    match said {
        Expiration::SevenDays => window::format_time(expires(created)),
        Expiration::Past => window::format_time(after_seconds(created, -24 * 3_600)),
        Expiration::YearOne => "0001-01-01T00:00:00.000Z".to_owned(),
    }
}

/// Returns the URL of a blob that the listing shows.
fn uri(origin: &str, tenant: &str, id: &str, behaviours: &Behaviours, dice: &mut Dice) -> String {
    let elsewhere = dice.chance(behaviours.uri_elsewhere);
    match elsewhere.then(|| dice.below(4)) {
        Some(0) => format!("https://localhost/api/v1.0/{tenant}/activity/feed/audit/{id}"),
        Some(1) => format!("{origin}/api/v1.0/{ANOTHER_TENANT}/activity/feed/audit/{id}"),
        Some(2) => format!("{origin}/{tenant}/activity/feed/audit/{id}"),
        Some(_) => format!("https://localhost/{ANOTHER_TENANT}/activity/feed/audit/{id}"),
        None => format!("{origin}/api/v1.0/{tenant}/activity/feed/audit/{id}"),
    }
}

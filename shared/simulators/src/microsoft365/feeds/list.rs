//! Answers requests for a page of the list of blobs.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::behaviours::Behaviours;
use super::super::call::Call;
use super::super::content_type::ContentType;
use super::super::kinds::Expiration;
use super::super::window::{self, Window};
use super::super::{error, request};
use super::paging::{Page, PagePosition, list_name};
use super::visible::{Feeds, expires};
use crate::http::Reply;
use crate::moment::after_seconds;
use crate::seeded_rng::{SeededRng, happens, mix};

/// The id of a tenant that does not exist, for links to blobs that lead to the wrong tenant.
const NONEXISTENT_TENANT: &str = "0a1b2c3d-0000-4000-8000-00000000000f";
/// The query parameters of a link to the next page, as Microsoft documents them.
const USUAL_PARAMETERS: [&str; 4] = ["contentType", "startTime", "endTime", "nextPage"];
const UNUSUAL_PARAMETERS: [[&str; 4]; 3] = [
    ["contentType", "starttime", "endtime", "nextPage"],
    ["contenttype", "starttime", "endtime", "nextpage"],
    ["ContentType", "StartTime", "EndTime", "NextPage"],
];

impl Feeds {
    /// Returns the answer with the requested page of the list of blobs.
    ///
    /// # Errors
    /// The API's answer to an invalid window or link, or the answer of a fault that the behaviours choose.
    pub(in super::super) fn list(
        &self,
        content_type: ContentType,
        call: &Call<'_>,
        behaviours: &Behaviours,
        rng: &mut SeededRng,
    ) -> Result<Reply, Reply> {
        let window = window::requested_window(&call.parameters, call.now, behaviours)?;
        let span = behaviours.broken_spans.iter().find(|span| span.overlaps(content_type, &(window.start..window.end)));
        if let Some(span) = span {
            return Err(error::with_status(span.status, span.code.as_deref()));
        }
        let from = self.page_start(content_type, window, call, rng.chance(behaviours.links_lost))?;
        if rng.chance(behaviours.error_in_ok) {
            return Ok(error::server_error(StatusCode::OK));
        }
        let empty = rng.chance(behaviours.empty_pages).then(|| Page::empty(from)).flatten();
        let is_partial = rng.chance(behaviours.partial_boundary);
        let page = empty.unwrap_or_else(|| {
            let length = self.content.feeds[content_type.index()].len();
            Page::new(length, window, from, behaviours.page_size, |index| {
                self.visible_created(content_type, index, call.now)
                    .filter(|_| !(is_partial && self.is_left_out(content_type, index, window.start)))
            })
        });
        let reply =
            Reply::new(StatusCode::OK, error::JSON, self.items_json(content_type, &page, call, behaviours, rng));
        let Some(next) = page.next_position else { return Ok(reply) };
        let next = if happens(behaviours.links_stuck, rng) { from } else { next };
        let header = if rng.chance(behaviours.next_page_url) { "NextPageUrl" } else { "NextPageUri" };
        Ok(reply.with_header(header, self.next_page_url(content_type, window, next, call, behaviours, rng)))
    }

    /// Returns the position at which the requested page begins. With `is_lost`, a valid link is refused, too.
    ///
    /// # Errors
    /// The API's answer to an invalid link.
    fn page_start(
        &self,
        content_type: ContentType,
        window: Window,
        call: &Call<'_>,
        is_lost: bool,
    ) -> Result<PagePosition, Reply> {
        let Some(position) = call.parameters.get("nextPage") else { return Ok(PagePosition::default()) };
        PagePosition::parse(position, self.seed, &list_name(content_type.name(), window))
            .filter(|_| !is_lost)
            .ok_or_else(|| error::bad_request("AF20031", &format!("Invalid nextPage Input: {position}.")))
    }

    /// Returns the time at which the blob with this index became available; `None` if it is not visible.
    fn visible_created(&self, content_type: ContentType, index: usize, now: Timestamp) -> Option<Timestamp> {
        let blob = self.content.feeds[content_type.index()].get(index)?;
        self.is_visible(content_type, index, now).then(|| self.created(content_type, blob))
    }

    /// Returns `true` for some of the blobs that became available exactly at `start`, the start of the window: for the
    /// first of them, and for half of the others. A listing with a partial boundary leaves them out.
    fn is_left_out(&self, content_type: ContentType, index: usize, start: Timestamp) -> bool {
        let feed = &self.content.feeds[content_type.index()];
        let is_of_start = |index: usize| self.created(content_type, &feed[index]) == start;
        let is_first = !index.checked_sub(1).is_some_and(is_of_start);
        is_of_start(index) && (is_first || mix(self.seed ^ mix(index as u64)).is_multiple_of(2))
    }

    fn items_json(
        &self,
        content_type: ContentType,
        page: &Page,
        call: &Call<'_>,
        behaviours: &Behaviours,
        rng: &mut SeededRng,
    ) -> String {
        let origin = request::origin(call.request);
        let item = |index: &usize| {
            let created = self.created(content_type, &self.content.feeds[content_type.index()][*index]);
            let id = self.content.id(content_type, *index);
            json!({
                "contentType": content_type.name(),
                "contentUri": content_uri(&origin, call.tenant, &id, behaviours, rng),
                "contentId": id,
                "contentCreated": window::format_time(created),
                "contentExpiration": expiration(created, behaviours.expiration),
            })
        };
        page.blobs.iter().map(item).collect::<Value>().to_string()
    }

    /// Returns the URL of the page that begins at `next`.
    fn next_page_url(
        &self,
        content_type: ContentType,
        window: Window,
        next: PagePosition,
        call: &Call<'_>,
        behaviours: &Behaviours,
        rng: &mut SeededRng,
    ) -> String {
        let [content, start, end, page] =
            if rng.chance(behaviours.odd_casing) { rng.pick(&UNUSUAL_PARAMETERS) } else { USUAL_PARAMETERS };
        let (origin, tenant, name) = (request::origin(call.request), call.tenant, content_type.name());
        let next = next.to_text(self.seed, &list_name(name, window));
        format!(
            "{origin}/api/v1/{tenant}/activity/feed/subscriptions/content?{content}={name}&{start}={}&{end}={}&{page}={next}",
            window.start, window.end
        )
    }
}

/// Returns the `contentExpiration` of a blob that became available at `created`.
fn expiration(created: Timestamp, kind: Expiration) -> String {
    match kind {
        Expiration::SevenDays => window::format_time(expires(created)),
        Expiration::Past => window::format_time(after_seconds(created, -24 * 3_600)),
        Expiration::YearOne => "0001-01-01T00:00:00.000Z".to_owned(),
    }
}

/// Returns the `contentUri` of a blob. For a share of [`Behaviours::uri_elsewhere`], its host, tenant or path is wrong.
fn content_uri(origin: &str, tenant: &str, id: &str, behaviours: &Behaviours, rng: &mut SeededRng) -> String {
    let is_wrong = rng.chance(behaviours.uri_elsewhere);
    match is_wrong.then(|| rng.below(4)) {
        Some(0) => format!("https://localhost/api/v1.0/{tenant}/activity/feed/audit/{id}"),
        Some(1) => format!("{origin}/api/v1.0/{NONEXISTENT_TENANT}/activity/feed/audit/{id}"),
        Some(2) => format!("{origin}/{tenant}/activity/feed/audit/{id}"),
        Some(_) => format!("https://localhost/{NONEXISTENT_TENANT}/activity/feed/audit/{id}"),
        None => format!("{origin}/api/v1.0/{tenant}/activity/feed/audit/{id}"),
    }
}

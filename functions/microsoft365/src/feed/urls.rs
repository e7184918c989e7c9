//! The API's URLs, and the check that a URL of somebody else's making is one of them.

use adapters::http::{Url, endpoint};
use collector::{UnixSeconds, Window};
use jiff::Timestamp;
use uuid::Uuid;

use crate::config::Config;
use crate::content_type::ContentType;

/// Whose request quota a call uses. The vendor counts callers without it together.
const PUBLISHER: &str = "PublisherIdentifier";
/// What continues a listing in a next-page link.
const NEXT_PAGE: &str = "nextPage";

/// One tenant's URLs.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    base: Url,
    tenant: Uuid,
    publisher: String,
}

impl Urls {
    pub(crate) fn new(config: &Config) -> Self {
        Self { base: config.endpoints.api.clone(), tenant: config.tenant, publisher: config.publisher.to_string() }
    }

    pub(crate) fn subscriptions(&self) -> Url {
        self.with_publisher(self.feed("/subscriptions/list"))
    }

    pub(crate) fn start(&self, content_type: ContentType) -> Url {
        let mut url = self.feed("/subscriptions/start");
        url.query_pairs_mut().append_pair("contentType", content_type.name());
        self.with_publisher(url)
    }

    pub(crate) fn content(&self, content_type: ContentType, window: Window) -> Url {
        let mut url = self.feed("/subscriptions/content");
        url.query_pairs_mut()
            .append_pair("contentType", content_type.name())
            .append_pair("startTime", &vendor_time(window.from))
            .append_pair("endTime", &vendor_time(window.to));
        self.with_publisher(url)
    }

    /// The next page: the vendor's link as it is if it stays within this tenant's feed, else our own
    /// with the link's place in the listing. `None` when the link holds no place either.
    pub(crate) fn next_page(&self, link: &str, content_type: ContentType, window: Window) -> Option<Url> {
        let link = Url::parse(link).ok()?;
        if self.owns(&link) {
            return Some(self.with_publisher(link));
        }
        let (_, place) = link.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case(NEXT_PAGE))?;
        let mut url = self.content(content_type, window);
        url.query_pairs_mut().append_pair(NEXT_PAGE, &place);
        Some(url)
    }

    /// The blob's URL: the vendor's own if it is one of this tenant's feed, else made of its id.
    /// The vendor has handed out links to `localhost` and to other tenants.
    pub(crate) fn blob(&self, uri: &str, id: &str) -> Url {
        match Url::parse(uri) {
            Ok(url) if self.in_feed(&url).is_some_and(|path| path.starts_with("audit/")) => self.with_publisher(url),
            _ => self.blob_by_id(id),
        }
    }

    pub(crate) fn blob_by_id(&self, id: &str) -> Url {
        let mut url = self.feed("/audit");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(id);
        }
        self.with_publisher(url)
    }

    /// Whether the URL is within this tenant's feed on the configured host: the only place a token goes.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        self.in_feed(url).is_some_and(|path| !path.is_empty())
    }

    /// The URL's path within this tenant's feed; `None` where it is elsewhere.
    fn in_feed<'a>(&self, url: &'a Url) -> Option<&'a str> {
        let same_host = url.origin() == self.base.origin() && url.username().is_empty() && url.password().is_none();
        let path = url.path().strip_prefix(self.base.path().trim_end_matches('/'))?;
        // The vendor's links say v1 where its documentation says v1.0.
        let (version, path) = path.strip_prefix("/api/")?.split_once('/')?;
        let (tenant, path) = path.split_once('/')?;
        let is_ours = same_host && version.starts_with("v1") && Uuid::try_parse(tenant) == Ok(self.tenant);
        path.strip_prefix("activity/feed/").filter(|_| is_ours)
    }

    fn feed(&self, path: &str) -> Url {
        endpoint(&self.base, &format!("/api/v1.0/{}/activity/feed{path}", self.tenant))
    }

    fn with_publisher(&self, mut url: Url) -> Url {
        if !url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case(PUBLISHER)) {
            url.query_pairs_mut().append_pair(PUBLISHER, &self.publisher);
        }
        url
    }
}

/// A time as the API takes it: UTC, whole seconds, no zone letter.
fn vendor_time(seconds: UnixSeconds) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const WINDOW: Window = Window { from: 1_787_301_845, to: 1_787_388_245 };
    const FEED: &str = "http://127.0.0.1:9/m365/api/v1.0/0f3c9a52-7b1e-4d8a-9c60-5e2f4b7a1d93/activity/feed";
    const PUBLISHED: &str = "PublisherIdentifier=0f3c9a52-7b1e-4d8a-9c60-5e2f4b7a1d93";

    fn urls() -> Urls {
        Urls::new(&testing::config("http://127.0.0.1:9/m365", "http://127.0.0.1:9/login"))
    }

    #[test]
    fn own_urls() {
        let urls = urls();
        assert_eq!(urls.subscriptions().as_str(), format!("{FEED}/subscriptions/list?{PUBLISHED}"));
        assert_eq!(
            urls.start(ContentType::Dlp).as_str(),
            format!("{FEED}/subscriptions/start?contentType=DLP.All&{PUBLISHED}")
        );
        assert_eq!(
            urls.content(ContentType::General, WINDOW).as_str(),
            format!(
                "{FEED}/subscriptions/content?contentType=Audit.General&startTime=2026-08-21T08%3A44%3A05\
                 &endTime=2026-08-22T08%3A44%3A05&{PUBLISHED}"
            )
        );
    }

    #[track_caller]
    fn check_blob(uri: &str, id: &str, path: &str) {
        assert_eq!(urls().blob(uri, id).as_str(), format!("{FEED}/audit/{path}?{PUBLISHED}"), "{uri}");
    }

    #[test]
    fn ok_blob_as_listed() {
        check_blob(&format!("{FEED}/audit/1$2$audit_x"), "other", "1$2$audit_x");
        check_blob(&format!("{FEED}/audit/1%242"), "other", "1%242");
    }

    #[test]
    fn foreign_blobs_are_rebuilt() {
        let tenant = "0f3c9a52-7b1e-4d8a-9c60-5e2f4b7a1d93";
        for uri in [
            "",
            "not a url",
            &format!("http://127.0.0.1:8/m365/api/v1.0/{tenant}/activity/feed/audit/1"),
            &format!("https://127.0.0.1:9/m365/api/v1.0/{tenant}/activity/feed/audit/1"),
            &format!("http://127.0.0.1:9/api/v1.0/{tenant}/activity/feed/audit/1"),
            &format!("http://evil@127.0.0.1:9/m365/api/v1.0/{tenant}/activity/feed/audit/1"),
            &format!("http://127.0.0.1:9.example.com/m365/api/v1.0/{tenant}/activity/feed/audit/1"),
            "http://127.0.0.1:9/m365/api/v1.0/11111111-7b1e-4d8a-9c60-5e2f4b7a1d93/activity/feed/audit/1",
            &format!("{FEED}/../../elsewhere"),
            &format!("{FEED}/%2e%2e/%2e%2e/elsewhere"),
            &format!("{FEED}/subscriptions/list"),
            &format!("{FEED}/audit/../subscriptions/stop"),
            FEED,
            "http://127.0.0.1:9/m365/activity/feed/audit/1",
        ] {
            check_blob(uri, "1$2", "1$2");
        }
    }

    #[test]
    fn odd_ids_stay_one_segment() {
        check_blob("", "../a?b#c/d", "..%2Fa%3Fb%23c%2Fd");
    }

    #[test]
    fn next_pages() {
        let next = |link: &str| urls().next_page(link, ContentType::Exchange, WINDOW).map(String::from);
        let verbatim = FEED.replace("v1.0", "v1") + "/subscriptions/content?contenttype=Audit.Exchange&nextpage=a%2Bb";
        assert_eq!(next(&verbatim).unwrap(), format!("{verbatim}&{PUBLISHED}"));
        let published = format!("{verbatim}&publisheridentifier=x");
        assert_eq!(next(&published).unwrap(), published);
        let rebuilt = next("https://manage.office.com/api/v1/x/subscriptions/content?NextPage=a%2Bb").unwrap();
        assert!(rebuilt.starts_with(&format!("{FEED}/subscriptions/content?contentType=Audit.Exchange&startTime=")));
        assert!(rebuilt.ends_with("&nextPage=a%2Bb"), "{rebuilt}");
        assert_eq!(next("https://manage.office.com/api/v1/x/subscriptions/content"), None);
        assert_eq!(next("/relative"), None);
    }
}

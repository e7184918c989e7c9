//! The API's URLs, and the check whether a URL from an answer belongs to the tenant's feed.

use adapters::http::{Url, endpoint};
use collector::{UnixSeconds, Window};
use jiff::Timestamp;
use uuid::Uuid;

use crate::config::SourceSecret;
use crate::config::content_type::ContentType;

/// Parameter that names the publisher, whose request quota the call uses. All callers without it share one quota.
const PUBLISHER_PARAMETER: &str = "PublisherIdentifier";
/// Parameter of a next-page link that holds the position in the listing.
const NEXT_PAGE_PARAMETER: &str = "nextPage";

/// The URLs of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    base: Url,
    tenant: Uuid,
    publisher: String,
}

impl Urls {
    pub(crate) fn new(secret: &SourceSecret) -> Self {
        Self {
            base: secret.endpoints.api_url.clone(),
            tenant: secret.tenant_id,
            publisher: secret.publisher_id.to_string(),
        }
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
            .append_pair("startTime", &format_time(window.from))
            .append_pair("endTime", &format_time(window.to));
        self.with_publisher(url)
    }

    /// Returns the URL of the next page. A link outside of this tenant's feed is rebuilt from its position in the listing.
    ///
    /// `None` if such a link holds no position.
    pub(crate) fn next_page(&self, link: &str, content_type: ContentType, window: Window) -> Option<Url> {
        let link = Url::parse(link).ok()?;
        if self.contains(&link) {
            return Some(self.with_publisher(link));
        }
        let (_, position) = link.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case(NEXT_PAGE_PARAMETER))?;
        let mut url = self.content(content_type, window);
        url.query_pairs_mut().append_pair(NEXT_PAGE_PARAMETER, &position);
        Some(url)
    }

    /// Returns the blob's URL: `uri` if it belongs to this tenant's feed, else one made from the blob's id.
    ///
    /// The vendor has sent links to `localhost` and to other tenants.
    pub(crate) fn blob(&self, uri: &str, id: &str) -> Url {
        match Url::parse(uri) {
            Ok(url) if self.path_in_feed(&url).is_some_and(|path| path.starts_with("audit/")) => {
                self.with_publisher(url)
            }
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

    /// Returns `true` if the URL is within this tenant's feed on the configured host. Tokens are sent only to such
    /// URLs.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        self.path_in_feed(url).is_some_and(|path| !path.is_empty())
    }

    /// Returns the URL's path within this tenant's feed; `None` for a URL elsewhere.
    fn path_in_feed<'a>(&self, url: &'a Url) -> Option<&'a str> {
        let is_same_host = url.origin() == self.base.origin() && url.username().is_empty() && url.password().is_none();
        let path = url.path().strip_prefix(self.base.path().trim_end_matches('/'))?;
        // The links in answers have `v1` where the documentation has `v1.0`.
        let (version, path) = path.strip_prefix("/api/")?.split_once('/')?;
        let (tenant, path) = path.split_once('/')?;
        let is_ours = is_same_host && version.starts_with("v1") && Uuid::try_parse(tenant) == Ok(self.tenant);
        path.strip_prefix("activity/feed/").filter(|_| is_ours)
    }

    fn feed(&self, path: &str) -> Url {
        endpoint(&self.base, &format!("/api/v1.0/{}/activity/feed{path}", self.tenant))
    }

    fn with_publisher(&self, mut url: Url) -> Url {
        if !url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case(PUBLISHER_PARAMETER)) {
            url.query_pairs_mut().append_pair(PUBLISHER_PARAMETER, &self.publisher);
        }
        url
    }
}

/// Formats a time as the API expects it: UTC, whole seconds, no zone letter.
fn format_time(seconds: UnixSeconds) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fakes;

    const WINDOW: Window = Window { from: 1_787_301_845, to: 1_787_388_245 };
    const FEED: &str = "http://127.0.0.1:9/m365/api/v1.0/0f3c9a52-7b1e-4d8a-9c60-5e2f4b7a1d93/activity/feed";
    const PUBLISHED: &str = "PublisherIdentifier=0f3c9a52-7b1e-4d8a-9c60-5e2f4b7a1d93";

    fn urls() -> Urls {
        Urls::new(&fakes::secret_at("http://127.0.0.1:9/m365", "http://127.0.0.1:9/login"))
    }

    #[test]
    fn each_url_names_the_publisher() {
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
    fn ok_a_blob_of_the_feed_keeps_its_url() {
        check_blob(&format!("{FEED}/audit/1$2$audit_x"), "other", "1$2$audit_x");
        check_blob(&format!("{FEED}/audit/1%242"), "other", "1%242");
    }

    #[test]
    fn a_blob_outside_of_the_feed_gets_a_url_from_its_id() {
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
    fn a_blobs_id_stays_one_segment() {
        check_blob("", "../a?b#c/d", "..%2Fa%3Fb%23c%2Fd");
    }

    #[test]
    fn a_next_page_outside_of_the_feed_is_rebuilt() {
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

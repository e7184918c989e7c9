//! The host that a browser opens for a link. Browsers read more than the reference does, and phishing links make use of
//! it: a raw `%` in the path, `\` for `/`, tabs and line feeds in the scheme, addresses as one number.

use std::borrow::Cow;

use url::{Host, Url};

use super::address::is_ip;
use super::scan::to_unicode;

/// The longest link that browsers open, in bytes.
const MAX_LINK_BYTES: usize = 2 << 20;

/// The host that a browser opens for a link, when it is another than the one that was `read`.
pub(super) fn other_host(link: &str, read: &str) -> Option<String> {
    // Most links have a host that every reader understands alike.
    if is_ip(read) || is_common(read) {
        return None;
    }
    let opened = host(link)?;
    (opened != read.to_lowercase()).then_some(opened)
}

/// A host name of letters, digits, `.`, `-` and `_` that is no number.
fn is_common(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    last.starts_with(|char: char| char.is_ascii_alphabetic())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// The host in Unicode, or the address, for the schemes that a browser opens.
fn host(link: &str) -> Option<String> {
    let link = with_scheme(link);
    // Most links without a host are relative to their site: they have no scheme.
    if link.len() > MAX_LINK_BYTES || !link.contains(':') {
        return None;
    }
    let link = Url::parse(&link).ok()?;
    if !matches!(link.scheme(), "http" | "https" | "ws" | "wss" | "ftp") {
        return None;
    }
    match link.host()? {
        Host::Domain(name) => Some(to_unicode(name).into_owned()),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

/// A link that begins with two slashes of either kind is opened with the scheme of its page.
fn with_scheme(link: &str) -> Cow<'_, str> {
    let is_without = link.bytes().take(2).all(|byte| matches!(byte, b'/' | b'\\')) && link.len() >= 2;
    if is_without { Cow::Owned(format!("https:{link}")) } else { Cow::Borrowed(link) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::scan::url_host;

    fn check(link: &str, expected: Option<&str>) {
        let read = url_host(link).unwrap_or_default();
        assert_eq!(other_host(link, &read).as_deref(), expected, "{link:?}");
    }

    #[test]
    fn c7_links_that_only_a_browser_understands_give_their_host() {
        for link in [
            "https://evil.example/100%",
            "https://evil.example/x#50%",
            "https://evil.example/%zz",
            "https:\\\\evil.example\\x",
            "https:/\\evil.example",
            "https:evil.example/x",
            "https:///evil.example/x",
            "ht\ttps://evil.example/x",
            "https://ev\nil.example/x",
            "https://evil.example\\@good.example/",
            "https://us er:%@evil.example/",
            "https://evil%2eexample/",
            "https://ｅｖｉｌ.example/",
            "https://evil。example/",
            "//evil.example\t/x%",
            "\\\\evil.example/x",
            "HTTPS://EVIL.example/%",
            "http://evil.example:80%/",
        ] {
            let expected = if link.contains("80%") { None } else { Some("evil.example") };
            check(link, expected);
        }
        check("http://0x7f.1/", Some("127.0.0.1"));
        check("http://3232235777/", Some("192.168.1.1"));
        check("https://bücher.example/%", Some("bücher.example"));
        check("https://www.xn--bcher-kva.example/%", Some("www.bücher.example"));
    }

    #[test]
    fn c7_a_host_that_is_read_alike_is_not_given_again() {
        for link in [
            "https://good.example/a?b#c",
            "https://Good.Example/",
            "https://bücher.example/",
            "https://Bücher.example/",
            "https://192.0.2.1/",
            "https://[2001:db8::1]/",
            "https://user:x@good.example:8443/",
            "Documents/x.docx",
            "mailto:a@good.example",
            "javascript:alert(1)//%",
            "C:\\Users\\x%",
            "https://ho st/",
            "https://",
            "",
            "/",
            "100%",
        ] {
            check(link, None);
        }
    }

    #[test]
    fn c7_a_very_long_link_takes_no_long_time() {
        let long = "a%".repeat(MAX_LINK_BYTES / 2 - 20);
        assert_eq!(host(&format!("https://evil.example/{long}")).as_deref(), Some("evil.example"));
        assert_eq!(host(&format!("https://{}/%", "ü".repeat(MAX_LINK_BYTES / 2 - 20))), None);
    }
}

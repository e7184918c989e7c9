//! Finds the host that a browser opens for a link. Browsers accept links that Panther's parser does not, and phishing
//! links exploit that: with a raw `%` in the path, `\` for `/`, tabs and line feeds in the scheme, or an address as one
//! number.

use std::borrow::Cow;

use url::{Host, Url};

use super::address::is_ip;
use super::scan::to_unicode;

/// The longest link that browsers open, in bytes.
const MAX_LINK_BYTES: usize = 2 << 20;

/// Returns the host that a browser opens for a link, if it differs from the host that Panther reads.
pub(super) fn browser_host(link: &str, panther_host: &str) -> Option<String> {
    // All parsers read an address or a plain host name alike, and most links have one.
    if is_ip(panther_host) || is_plain_host_name(panther_host) {
        return None;
    }
    let opened = opened_host(link)?;
    (opened != panther_host.to_lowercase()).then_some(opened)
}

/// Returns `true` for a host name that all parsers read alike: of letters, digits, `.`, `-` and `_`, and not a number.
fn is_plain_host_name(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    last.starts_with(|char: char| char.is_ascii_alphabetic())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// Returns the host name in Unicode, or the address, of a link that a browser opens; `None` for any other text.
fn opened_host(link: &str) -> Option<String> {
    if link.len() > MAX_LINK_BYTES {
        return None;
    }
    let link = without_ignored_chars(link);
    if is_file_share(&link) {
        return None;
    }
    let link = with_scheme(link);
    // Most links without a host have no scheme, because they are relative to their site.
    link.split_once(':').filter(|(_, rest)| !is_port(rest))?;
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

/// Removes the characters that a browser ignores: control characters and spaces around the link, tabs and line ends
/// anywhere in it.
fn without_ignored_chars(link: &str) -> Cow<'_, str> {
    const IGNORED_CHARS: [char; 3] = ['\t', '\n', '\r'];
    let link = link.trim_matches(|char: char| char <= ' ');
    if link.contains(IGNORED_CHARS) { Cow::Owned(link.replace(IGNORED_CHARS, "")) } else { Cow::Borrowed(link) }
}

/// Returns `true` for a path on a file server (`\\server\share`) or of a device. A browser would read it as a link, but
/// in events such texts are file paths. A text that contains a `/` is taken for a link.
fn is_file_share(link: &str) -> bool {
    let path = link.strip_prefix("\\\\");
    path.is_some_and(|path| !path.contains('/') && path.trim_end_matches('\\').contains('\\'))
}

/// Returns `true` if the text after a scheme and its colon is a port, as in `http:80`. Read as a host, the number would
/// be an address that begins with 0, which no browser reaches.
fn is_port(rest: &str) -> bool {
    let number = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    number.parse::<u16>().is_ok()
}

/// Adds a scheme to a link that begins with two slashes or backslashes. A browser uses the scheme of the page for such
/// a link.
fn with_scheme(link: Cow<'_, str>) -> Cow<'_, str> {
    let has_no_scheme = link.len() >= 2 && link.bytes().take(2).all(|byte| matches!(byte, b'/' | b'\\'));
    if has_no_scheme { Cow::Owned(format!("https:{link}")) } else { link }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::indicator::scan::url_host;

    fn check(link: &str, expected: Option<&str>) {
        let panther_host = url_host(link).unwrap_or_default();
        assert_eq!(browser_host(link, &panther_host).as_deref(), expected, "{link:?}");
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
            "\\\\evil.example",
            "\\\\evil.example\\",
            "/\t/evil.example/x",
            "/\n\\evil.example/x",
            "\r\n/\t/\nevil.example",
            "\u{1} \t//evil.example/%",
            "\u{1f}https://evil.example/%\u{0}",
            "\\\t\\evil.example/a",
            "/\\evil.example",
            "\\/evil.example\\x",
            "////evil.example/%",
            "https\n:\t/\r/evil.example/x",
            "https:\t\\\\evil.example:443\\x",
            "HTTPS://EVIL.example/%",
            "http://evil.example:80%/",
        ] {
            let expected = if link.contains("80%") { None } else { Some("evil.example") };
            check(link, expected);
        }
        check("http://0x7f.1/", Some("127.0.0.1"));
        check("http://3232235777/", Some("192.168.1.1"));
        check("http:3232235777/", Some("192.168.1.1"));
        check("https://bücher.example/%", Some("bücher.example"));
        check("https://www.xn--bcher-kva.example/%", Some("www.bücher.example"));
    }

    #[test]
    fn c7_a_host_on_which_panther_and_browsers_agree_is_not_returned() {
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
            "C:\\dir",
            "C:/dir",
            "c:dir",
            "C:\\\\server\\share",
            "\\\\server\\share",
            "\\\\server\\share\\a%b.docx",
            "\\\\files.corp.example\\share\\x.docx",
            "\\\\server@SSL@443\\DavWWWRoot\\x",
            "\\\\?\\C:\\dir\\x",
            "\\\\.\\pipe\\x",
            "\\dir\\x",
            "http:80",
            "https:443",
            "HTTP:8080/x%",
            "ws:0080",
            "ftp:21\\x",
            "localhost:80",
            "good.example:443/x%",
            "/ /good.example",
            "/\ta/good.example",
            "// good.example/x%",
            "/.//good.example/%",
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
    fn c7_a_very_long_link_is_read_quickly() {
        let long = "a%".repeat(MAX_LINK_BYTES / 2 - 20);
        assert_eq!(opened_host(&format!("https://evil.example/{long}")).as_deref(), Some("evil.example"));
        assert_eq!(opened_host(&format!("https://{}/%", "ü".repeat(MAX_LINK_BYTES / 2 - 20))), None);
    }
}

//! Reads hosts, international host names and ARNs in texts, as Panther does.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// Returns the host of `host:port`, and any other text unchanged.
pub(super) fn net_host(text: &str) -> &str {
    split_host_port(text).unwrap_or(text)
}

/// Returns the host of `host:port`, without brackets; `None` for any other text.
fn split_host_port(text: &str) -> Option<&str> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!bare.contains(['[', ']']) && !port.contains(['[', ']'])).then_some(bare)
}

/// Returns the host of a URL as Go's package `net/url` reads it; `None` if the text has none.
pub(super) fn url_host(text: &str) -> Option<String> {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return None;
    }
    let rest = after_scheme(text)?.strip_prefix("//")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split('?').next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    (is_userinfo(user) && has_valid_percent_escapes(path) && has_valid_percent_escapes(fragment)).then_some(())?;
    host_without_port(host)
}

/// Returns the text after `scheme:`, and a text without a scheme unchanged. Returns `None` if the scheme is empty.
fn after_scheme(text: &str) -> Option<&str> {
    let end = text.find(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.')));
    match end.map(|at| text.split_at(at)) {
        Some(("", rest)) if rest.starts_with(':') => None,
        Some((scheme, rest))
            if rest.starts_with(':') && scheme.starts_with(|char: char| char.is_ascii_alphabetic()) =>
        {
            rest.strip_prefix(':')
        }
        _ => Some(text),
    }
}

fn is_userinfo(text: &str) -> bool {
    text.chars().all(|char| char.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(char))
        && has_valid_percent_escapes(text)
}

fn has_valid_percent_escapes(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|after| matches!(after.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns the decoded host of the part `host` or `host:port` of a URL.
fn host_without_port(host: &str) -> Option<String> {
    if host.rfind('[').is_some_and(|at| at > 0) {
        return None;
    }
    if let Some(rest) = host.strip_prefix('[') {
        let (inner, after) = rest.rsplit_once(']')?;
        return is_port(after).then(|| bracketed_host(inner)).flatten();
    }
    match host.rfind(':') {
        Some(at) if is_port(&host[at..]) => decoded_host(&host[..at]),
        Some(_) => None,
        None => decoded_host(host),
    }
}

/// Returns the decoded IPv6 address, with or without a zone, between the brackets of a URL.
fn bracketed_host(inner: &str) -> Option<String> {
    let (address, zone) = inner.split_once("%25").map_or((inner, None), |(address, zone)| (address, Some(zone)));
    let address = decoded_host(address)?;
    address.parse::<Ipv6Addr>().ok()?;
    match zone {
        None => Some(address),
        Some("") => None,
        Some(zone) => zone.chars().all(is_host_char).then_some(format!("{address}%{}", percent_decoded(zone)?)),
    }
}

/// Decodes the percent escapes of a host. Returns `None` if it has a character that hosts may not have, or an escape of
/// anything but `%` and bytes beyond ASCII.
fn decoded_host(host: &str) -> Option<String> {
    let is_allowed_escape = |after: &str| {
        after.starts_with("25") || after.starts_with(|digit: char| matches!(digit, '8' | '9' | 'a'..='f' | 'A'..='F'))
    };
    if host.chars().all(is_host_char) && host.split('%').skip(1).all(is_allowed_escape) {
        percent_decoded(host)
    } else {
        None
    }
}

fn is_host_char(char: char) -> bool {
    !char.is_ascii() || char.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:[]<>\"%".contains(char)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The longest label that is decoded, in bytes. DNS allows 63. The limit is needed because the decoding time grows with
/// the square of the length.
const MAX_LABEL_BYTES: usize = 1024;

/// Returns a host name in Unicode. The name stays as it is if one of its labels is too long or not valid punycode.
pub(super) fn to_unicode(name: &str) -> Cow<'_, str> {
    let decoded = |label: &str| match label.strip_prefix("xn--") {
        Some(encoded) if encoded.len() > MAX_LABEL_BYTES => None,
        Some(encoded) => punycode(encoded),
        None => Some(label.to_owned()),
    };
    let labels: Option<Vec<String>> = name.split('.').map(decoded).collect();
    labels.map_or(Cow::Borrowed(name), |labels| Cow::Owned(labels.join(".")))
}

/// Decodes punycode by RFC 3492; `None` if it is not valid. A label that encodes only ASCII characters is valid, too.
fn punycode(encoded: &str) -> Option<String> {
    let (basic, digits) = match encoded.rsplit_once('-') {
        Some(("", _)) => return None,
        Some(parts) => parts,
        None => ("", encoded),
    };
    let mut text: Vec<char> = basic.chars().collect();
    let (mut code, mut position, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = digits.bytes();
    while digits.len() > 0 {
        let start = position;
        position = decode_integer(&mut digits, position, bias)?;
        let length = u32::try_from(text.len()).ok()? + 1;
        bias = adapted_bias(position - start, length, start == 0);
        code = code.checked_add(position / length)?;
        position %= length;
        text.insert(position as usize, char::from_u32(code)?);
        position += 1;
    }
    Some(text.into_iter().collect())
}

/// Decodes one variable-length integer by RFC 3492 and adds it to the position.
fn decode_integer(digits: &mut impl Iterator<Item = u8>, mut position: u32, bias: u32) -> Option<u32> {
    let mut weight = 1_u32;
    for k in (36_u32..).step_by(36) {
        let digit = match digits.next()? {
            letter @ (b'a'..=b'z' | b'A'..=b'Z') => u32::from(letter.to_ascii_lowercase() - b'a'),
            number @ b'0'..=b'9' => u32::from(number - b'0') + 26,
            _ => return None,
        };
        position = position.checked_add(digit.checked_mul(weight)?)?;
        let threshold = k.saturating_sub(bias).clamp(1, 26);
        if digit < threshold {
            break;
        }
        weight = weight.checked_mul(36 - threshold)?;
    }
    Some(position)
}

/// Adapts the bias by RFC 3492, section 6.1.
fn adapted_bias(delta: u32, length: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / length;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

/// The parts of an ARN that are indicators of their own.
pub(super) struct Arn<'a> {
    pub(super) account: &'a str,
    pub(super) instance: Option<&'a str>,
}

/// Splits an ARN into its parts.
pub(super) fn arn(text: &str) -> Option<Arn<'_>> {
    let mut parts = text.splitn(6, ':');
    (parts.next()? == "arn").then_some(())?;
    let account = parts.nth(3)?;
    let resource = parts.next()?;
    let instance = resource.rsplit_once('/').map(|(_, id)| id).filter(|_| resource.starts_with("instance/"));
    Some(Arn { account, instance })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_read_as_panther_reads_it() {
        for (text, expected) in [
            ("https://Example.com:8443/a b?c#d", Some("Example.com")),
            ("//host/x", Some("host")),
            ("https://user:pw@[2001:db8::1]:443/", Some("2001:db8::1")),
            ("https://[fe80::1%25eth0]/", Some("fe80::1%eth0")),
            ("https://b%C3%BCcher.example/#%41", Some("b\u{fc}cher.example")),
            ("https://100%25.example/", Some("100%.example")),
            ("https://[::ffff:1.2.3.4]/", Some("::ffff:1.2.3.4")),
            ("https://[1.2.3.4]/", None),
            ("https://[host]/", None),
            ("https://[fe80::1%25]/", None),
            ("https://[fe80::1%25a\\b]/", None),
            ("https://ho[st/", None),
            ("https://[::1]]/", None),
            ("https://host%41/", None),
            ("https://host/#%zz", None),
            ("example.com/path", None),
            ("mailto:a@b", None),
            ("Documents/x.docx", None),
            ("https://ho st/", None),
            ("https://host/%zz", None),
            ("https://[::1/", None),
            ("https://host:port/", None),
        ] {
            assert_eq!(url_host(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn punycode_names_become_unicode() {
        for (name, expected) in [
            ("xn--bcher-kva.example", "bücher.example"),
            ("xn--fiqs8s", "中国"),
            ("xn--fa-hia.xn--bcher-kva", "faß.bücher"),
            ("xn--a-.b", "a.b"),
            ("xn--", ""),
            ("xn--.com", ".com"),
            ("xn---", "xn---"),
            ("xn--a-\u{fc}", "xn--a-\u{fc}"),
            ("xn--\u{fc}-", "\u{fc}"),
            ("xn--\u{e9}a-e2p.ru", "\u{19b5}\u{e9}a.ru"),
            ("xn--99999999999", "xn--99999999999"),
            ("xn--fa-hia.xn--!", "xn--fa-hia.xn--!"),
        ] {
            assert_eq!(to_unicode(name), expected, "{name}");
        }
    }

    #[test]
    fn an_arn_has_an_account_and_maybe_an_instance() {
        let parts = |text| arn(text).map(|arn| (arn.account, arn.instance));
        assert_eq!(parts("arn:aws:ec2:us-east-1:123456789012:instance/i-1"), Some(("123456789012", Some("i-1"))));
        assert_eq!(parts("arn:aws:s3:::bucket"), Some(("", None)));
        assert_eq!(parts("arn:aws:s3"), None);
        assert_eq!(parts(" arn:aws:s3:::b"), None);
    }

    #[test]
    fn a_label_over_the_limit_stays_as_it_is() {
        let long = format!("xn--{}-{}", "a".repeat(1_000_000), "a".repeat(1_000_000));
        assert_eq!(to_unicode(&long), long);
        assert_eq!(to_unicode("xn--mnchen-3ya.de"), "münchen.de");
    }
}

//! IP addresses in the forms in which vendors and gateways write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IP address in full, without zone, port, brackets or prefix length.
pub(super) fn is_ip(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok() || text.parse::<Ipv6Addr>().is_ok()
}

/// The IPv4 address inside an IPv4-mapped IPv6 address (`::ffff:a.b.c.d`).
pub(super) fn mapped(text: &str) -> Option<Ipv4Addr> {
    // The parser is only asked about texts that can be such an address: most are IPv4 addresses.
    text.contains(':').then(|| text.parse::<Ipv6Addr>().ok()?.to_ipv4_mapped())?
}

/// The bare addresses in a text that holds one address or a list of addresses, as a proxy's `X-Forwarded-For` does.
/// Elements of a list that are no addresses are passed over.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';']).filter_map(|element| address(element.trim()))
}

/// The bare address of a text with one address: `address`, `address:port`, `address-port`, `[address]` and
/// `[address]:port`, each also with a zone (`%eth0`) after the address.
///
/// An IPv6 address without brackets keeps what may be its own last group: `2001:db8::1:443` is one address.
pub(super) fn address(text: &str) -> Option<&str> {
    if is_ip(text) {
        return Some(text);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) = rest.split_once(']')?;
        return (after.is_empty() || is_port_suffix(after)).then(|| zoned(inner)).flatten();
    }
    zoned(text).or_else(|| {
        let end = text.rfind([':', '-'])?;
        let (host, suffix) = text.split_at_checked(end)?;
        is_port_suffix(suffix).then(|| zoned(host)).flatten()
    })
}

/// The address before an optional zone. Only letters, digits and `.`, `_`, `-` stand in a zone.
fn zoned(text: &str) -> Option<&str> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let is_zone_char = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-');
    let is_zone = zone.is_none_or(|zone| !zone.is_empty() && zone.chars().all(is_zone_char));
    (is_zone && address.parse::<IpAddr>().is_ok()).then_some(address)
}

/// A port and the `:` or `-` before it.
fn is_port_suffix(text: &str) -> bool {
    let port = text.strip_prefix([':', '-']);
    port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(addresses(text).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn c1_zones_ports_brackets_and_lists_give_bare_addresses() {
        for (text, expected) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4:10736", "1.2.3.4"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]-443", "2001:db8::1"),
            ("[1.2.3.4]", "1.2.3.4"),
            ("2603:10b6:208:1ab::20%7", "2603:10b6:208:1ab::20"),
            ("203.0.113.7%11:443", "203.0.113.7"),
            ("203.0.113.7%11", "203.0.113.7"),
            ("203.0.113.7-443", "203.0.113.7"),
            ("203.0.113.7%11-443", "203.0.113.7"),
            ("2001:db8::1-443", "2001:db8::1"),
            ("::ffff:203.0.113.7:443", "::ffff:203.0.113.7"),
            ("[::ffff:203.0.113.7%3]:443", "::ffff:203.0.113.7"),
            ("[fe80::1%16]:443", "fe80::1"),
            ("[fe80::1%eth0.1]", "fe80::1"),
            ("fe80::1%en-0", "fe80::1"),
            ("2001:db8:1:2:3:4:5:6:443", "2001:db8:1:2:3:4:5:6"),
            ("2001:db8::1:65535", "2001:db8::1"),
            ("2001:db8::1:443", "2001:db8::1:443"),
        ] {
            check(text, &[expected]);
        }
        check("20.92.177.18, 162.158.2.18", &["20.92.177.18", "162.158.2.18"]);
        check("[fe80::1%2]:1;unknown,1.2.3.4:5,", &["fe80::1", "1.2.3.4"]);
    }

    #[test]
    fn c1_other_texts_give_no_address() {
        for text in [
            "",
            "1.2.3",
            "01.2.3.4",
            "1.2.3.4/24",
            "HOST (10.9000.0.1)",
            "localhost",
            "host:80",
            "1.2.3.4:",
            "1.2.3.4:x",
            "1.2.3.4:+5",
            "1.2.3.4:65536",
            "1.2.3.4:1:2",
            "[::1",
            "[::1]x",
            "[::1]]",
            "fe80::1%",
            "fe80::1%a b",
            "a-1.2.3.4",
            "1.2.3.4-1.2.3.9",
            "%1.2.3.4",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn c2_only_mapped_addresses_have_an_ipv4_form() {
        for text in ["::ffff:198.51.100.7", "::FFFF:c633:6407", "0:0:0:0:0:ffff:198.51.100.7"] {
            assert_eq!(mapped(text), Some(Ipv4Addr::new(198, 51, 100, 7)), "{text}");
        }
        for text in ["198.51.100.7", "::198.51.100.7", "2001:db8::1", "::1", "host:80", ""] {
            assert_eq!(mapped(text), None, "{text}");
        }
    }
}

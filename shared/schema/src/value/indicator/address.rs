//! Reads IP addresses in the forms in which vendors and gateways write them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Returns `true` for an IP address without zone, port, brackets or prefix length.
pub(crate) fn is_ip(text: &str) -> bool {
    // A general parser tries all forms of an address before it fails. So only the parser of the form that can succeed
    // is called.
    match text.bytes().filter(|byte| *byte == b':').count() {
        0 => text.parse::<Ipv4Addr>().is_ok(),
        1 => false,
        _ => text.parse::<Ipv6Addr>().is_ok(),
    }
}

/// Returns the IPv4 address inside an IPv4-mapped IPv6 address (`::ffff:a.b.c.d`).
pub(super) fn mapped_ipv4(text: &str) -> Option<Ipv4Addr> {
    // Most texts are IPv4 addresses. They have no colon, and need not be parsed.
    text.contains(':').then(|| text.parse::<Ipv6Addr>().ok()?.to_ipv4_mapped())?
}

/// Returns the bare addresses in a text that holds one address or a list of addresses, as in a proxy's
/// `X-Forwarded-For`. Commas, semicolons and white space separate them. Other elements of a list are skipped.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = &str> {
    addresses_and_ports(text).map(|(address, _)| address)
}

/// Like [`addresses`], but with the port that follows each address, if there is one.
pub(crate) fn addresses_and_ports(text: &str) -> impl Iterator<Item = (&str, Option<u16>)> {
    text.split(|char: char| matches!(char, ',' | ';') || char.is_whitespace()).filter_map(address_and_port)
}

/// Returns the bare address of a text with one address: `address`, `address:port`, `address-port`, `[address]`,
/// `[address]:port` and `[address]-port`. A zone (`%7`, `%eth0`) may follow the address, before or after the closing
/// bracket.
///
/// A number that may be the last group of an IPv6 address is not a port: `2001:db8::1:443` is one address.
pub(super) fn address(text: &str) -> Option<&str> {
    address_and_port(text).map(|(address, _)| address)
}

/// Like [`address`], but with the port. A number that may be a part of a zone's name is not a port:
/// `203.0.113.7%11-443` has none.
fn address_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    if is_ip(text) {
        return Some((text, None));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) = rest.split_once(']')?;
        return Some((without_zone(inner)?, port_after_brackets(after)?));
    }
    if let Some(address) = without_zone(text) {
        return Some((address, None));
    }
    let (host, suffix) = text.split_at_checked(text.rfind([':', '-'])?)?;
    let port = port_suffix(suffix)?;
    Some((without_zone(host)?, Some(port)))
}

/// Returns the IP address in `text` without its zone, such as `%eth0`; `None` if the text is not an IP address.
fn without_zone(text: &str) -> Option<&str> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    (zone.is_none_or(is_zone) && is_ip(address)).then_some(address)
}

/// Returns `true` for the number or name of a network interface. Systems allow almost any name, but here it must not
/// contain white space or a character that separates the parts of an address.
fn is_zone(text: &str) -> bool {
    let is_separator = |char: char| matches!(char, '[' | ']' | '%' | ':' | '/' | '\\' | '"');
    !text.is_empty() && !text.chars().any(|char| is_separator(char) || char.is_whitespace() || char.is_control())
}

/// Reads the text that follows an address in brackets: a zone, a port, both or nothing. Returns the port, if there is
/// one. The outer `None` stands for any other text.
fn port_after_brackets(text: &str) -> Option<Option<u16>> {
    let Some(after) = text.strip_prefix('%') else {
        return if text.is_empty() { Some(None) } else { port_suffix(text).map(Some) };
    };
    if is_zone(after) {
        return Some(None);
    }
    let (zone, port) = after.rsplit_once(':')?;
    is_zone(zone).then(|| self::port(port).map(Some))?
}

/// Reads a port after its `:` or `-`.
fn port_suffix(text: &str) -> Option<u16> {
    text.strip_prefix([':', '-']).and_then(port)
}

fn port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
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
    fn c1_every_combination_of_brackets_zone_and_port_gives_the_bare_address() {
        const ADDRESSES: [&str; 7] = [
            "203.0.113.7",
            "2001:db8::1",
            "2001:db8:1:2:3:4:5:6",
            "fe80::1",
            "::ffff:203.0.113.7",
            "0:0:0:0:0:FFFF:203.0.113.7",
            "2603:10b6:208:1ab::20",
        ];
        const ZONES: [&str; 8] = ["", "%7", "%eth0", "%en-0", "%eth0.100", "%veth1@if2", "%{4D36-E972}", "%lan_\u{fc}"];
        const PORTS: [&str; 5] = ["", ":0", ":443", "-443", ":65535"];
        let mut all = Vec::new();
        for (address, (zone, port)) in ADDRESSES
            .iter()
            .flat_map(|it| ZONES.iter().flat_map(|zone| PORTS.map(|port| (zone, port))).map(move |rest| (it, rest)))
        {
            all.push((format!("[{address}{zone}]{port}"), *address));
            all.push((format!("[{address}]{zone}{port}"), *address));
            // Digits after a short IPv6 address without a zone may be its last group.
            let may_be_group =
                port.starts_with(':') && zone.is_empty() && address.contains("::") && !address.contains('.');
            if !may_be_group || port == ":65535" {
                all.push((format!("{address}{zone}{port}"), *address));
            }
        }
        for (text, address) in &all {
            check(text, &[address]);
        }
        for (one, other) in all.iter().zip(all.iter().rev()) {
            for separator in [" ", ", ", ",", ";", "; ", "\t", "\r\n", "\u{a0}"] {
                check(&format!(" {}{separator}{} ", one.0, other.0), &[one.1, other.1]);
            }
        }
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
            "fe80::1%a[b",
            "[fe80::1%a]b]",
            "[fe80::1]%",
            "[fe80::1]%7:x",
            "[fe80::1]%7%8",
            "[fe80::1]7:443",
            "a-1.2.3.4",
            "1.2.3.4-1.2.3.9",
            "%1.2.3.4",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn a_port_follows_the_address_and_its_zone() {
        for (text, expected) in [
            ("1.2.3.4", None),
            ("1.2.3.4:10736", Some(10736)),
            ("1.2.3.4-0443", Some(443)),
            ("[1.2.3.4]", None),
            ("[2001:db8::1]:443", Some(443)),
            ("[2001:db8::1%7]-443", Some(443)),
            ("[2001:db8::1]%7:443", Some(443)),
            ("[2001:db8::1]%7-443", None),
            ("2001:db8::1:443", None),
            ("2001:db8::1:65535", Some(65535)),
            ("203.0.113.7%11:443", Some(443)),
            ("203.0.113.7%11-443", None),
        ] {
            let ports: Vec<_> = addresses_and_ports(text).map(|(_, port)| port).collect();
            assert_eq!(ports, [expected], "{text}");
        }
    }

    #[test]
    fn c2_only_mapped_addresses_have_an_ipv4_form() {
        for text in ["::ffff:198.51.100.7", "::FFFF:c633:6407", "0:0:0:0:0:ffff:198.51.100.7"] {
            assert_eq!(mapped_ipv4(text), Some(Ipv4Addr::new(198, 51, 100, 7)), "{text}");
        }
        for text in ["198.51.100.7", "::198.51.100.7", "2001:db8::1", "::1", "host:80", ""] {
            assert_eq!(mapped_ipv4(text), None, "{text}");
        }
    }
}

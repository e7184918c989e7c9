//! The conditions that a schema sets for the text of a string.

use std::net::IpAddr;

use crate::language::definition::Validation;

/// The conditions for one string field.
#[derive(Debug, Clone)]
pub(crate) struct Validator {
    allow: Vec<String>,
    deny: Vec<String>,
    ip: Option<IpFamily>,
    cidr: Option<IpFamily>,
}

/// The versions of IP that a condition allows.
#[derive(Debug, Clone, Copy)]
enum IpFamily {
    V4,
    V6,
    Any,
}

impl IpFamily {
    fn new(name: &str) -> Result<Self, String> {
        match name {
            "ipv4" => Ok(Self::V4),
            "ipv6" => Ok(Self::V6),
            "any" => Ok(Self::Any),
            other => Err(format!("validate: {other} is not ipv4, ipv6 or any")),
        }
    }

    /// Returns `true` for an address of the family. As in Go, an IPv4 address written as IPv6 is IPv4.
    fn accepts(self, text: &str) -> bool {
        let Ok(address) = text.parse::<IpAddr>() else { return false };
        let is_v4 = address.to_canonical().is_ipv4();
        match self {
            Self::V4 => is_v4,
            Self::V6 => !is_v4,
            Self::Any => true,
        }
    }

    /// Returns `true` for a network of the family, as an address and a prefix length.
    fn accepts_network(self, text: &str) -> bool {
        let Some((address, length)) = text.split_once('/') else { return false };
        let max_length = if address.contains(':') { 128 } else { 32 };
        let has_no_sign = !length.starts_with('+');
        self.accepts(address) && has_no_sign && length.parse::<u8>().is_ok_and(|length| length <= max_length)
    }
}

impl Validator {
    pub(crate) fn new(definition: &Validation) -> Result<Self, String> {
        let family = |name: &Option<String>| name.as_deref().map(IpFamily::new).transpose();
        let list = |list: &Option<Vec<String>>, name| match list.as_deref() {
            Some([]) => Err(format!("validate: {name} is empty")),
            list => Ok(list.unwrap_or_default().to_vec()),
        };
        let rules = Self {
            allow: list(&definition.allow, "allow")?,
            deny: list(&definition.deny, "deny")?,
            ip: family(&definition.ip)?,
            cidr: family(&definition.cidr)?,
        };
        let has_rule = !rules.allow.is_empty() || !rules.deny.is_empty() || rules.ip.is_some() || rules.cidr.is_some();
        if has_rule { Ok(rules) } else { Err("validate needs allow, deny, ip or cidr".to_owned()) }
    }

    /// Returns the reason why a text is refused; `None` for an allowed text. If there is an allow list, it alone
    /// decides.
    pub(crate) fn refusal_reason(&self, text: &str) -> Option<&'static str> {
        if !self.allow.is_empty() {
            return (!self.allow.iter().any(|allowed| allowed == text)).then_some("is none of the allowed values");
        }
        let denied = self.deny.iter().any(|denied| denied == text);
        let no_ip = self.ip.is_some_and(|family| !family.accepts(text));
        let no_cidr = self.cidr.is_some_and(|family| !family.accepts_network(text));
        match (denied, no_ip, no_cidr) {
            (true, _, _) => Some("is one of the denied values"),
            (_, true, _) => Some("is not the IP address it has to be"),
            (_, _, true) => Some("is not the IP network it has to be"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: Validation, good: &[&str], bad: &[&str]) {
        let rule = Validator::new(&rule).unwrap();
        good.iter().for_each(|text| assert_eq!(rule.refusal_reason(text), None, "{text}"));
        bad.iter().for_each(|text| assert!(rule.refusal_reason(text).is_some(), "{text}"));
    }

    #[test]
    fn texts_are_accepted_and_refused_by_each_rule() {
        let list = |items: &[&str]| Some(items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>());
        let name = |name: &str| Some(name.to_owned());
        let none = Validation::default;
        check(Validation { allow: list(&["a"]), deny: list(&["a", "b"]), ..none() }, &["a"], &["b", "c", ""]);
        check(Validation { deny: list(&["b"]), ..none() }, &["a", ""], &["b"]);
        let mapped = "::ffff:1.2.3.4";
        check(
            Validation { ip: name("ipv4"), ..none() },
            &["1.2.3.4", mapped],
            &["::1", "1.2.3.4/8", "01.2.3.4", "x", ""],
        );
        check(Validation { ip: name("ipv6"), ..none() }, &["::1", "2001:DB8::1"], &["1.2.3.4", mapped, "fe80::1%eth0"]);
        check(Validation { ip: name("any"), ..none() }, &["::1", mapped, "1.2.3.4"], &["1.2.3.4:80", " 1.2.3.4", "h"]);
        check(
            Validation { cidr: name("any"), ..none() },
            &["10.0.0.0/8", "::/0", "1.2.3.4/08"],
            &["10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "h/8"],
        );
        check(Validation { cidr: name("ipv4"), ..none() }, &["10.0.0.1/8", "::ffff:1.2.3.4/120"], &["::1/64"]);
        check(Validation { cidr: name("ipv6"), ..none() }, &["2001:db8::/32"], &["10.0.0.0/8"]);
        assert!(Validator::new(&none()).is_err());
        assert!(Validator::new(&Validation { allow: Some(Vec::new()), ip: name("any"), ..none() }).is_err());
        assert!(Validator::new(&Validation { ip: name("ipv5"), ..none() }).is_err());
    }
}

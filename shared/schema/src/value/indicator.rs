//! Finds indicators: values such as IP addresses, which are worth searching for in all log types, whichever field holds
//! them.

pub(crate) mod address;
mod browser;
mod scan;

use crate::event::json::write_string;

/// The kind of indicator that a schema declares for a string field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Indicator {
    Ip,
    Domain,
    Hostname,
    Url,
    NetAddr,
    Email,
    Md5,
    Sha1,
    Sha256,
    AwsArn,
    AwsArnOnly,
    AwsAccountId,
    AwsInstanceId,
    /// Any text that is not empty. It goes to this field. The flag is `true` if white space around the text is removed.
    Text(AnyField, bool),
}

/// A `p_any_*` field of a line. The variants are in the order of the fields' names, which is their order in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AnyField {
    ActorIds,
    AwsAccountIds,
    AwsArns,
    AwsInstanceIds,
    AwsTags,
    DomainNames,
    Emails,
    IpAddresses,
    MacAddresses,
    Md5Hashes,
    SerialNumbers,
    Sha1Hashes,
    Sha256Hashes,
    TraceIds,
    Usernames,
}

impl AnyField {
    /// Returns the name of the field in a line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ActorIds => "p_any_actor_ids",
            Self::AwsAccountIds => "p_any_aws_account_ids",
            Self::AwsArns => "p_any_aws_arns",
            Self::AwsInstanceIds => "p_any_aws_instance_ids",
            Self::AwsTags => "p_any_aws_tags",
            Self::DomainNames => "p_any_domain_names",
            Self::Emails => "p_any_emails",
            Self::IpAddresses => "p_any_ip_addresses",
            Self::MacAddresses => "p_any_mac_addresses",
            Self::Md5Hashes => "p_any_md5_hashes",
            Self::SerialNumbers => "p_any_serial_numbers",
            Self::Sha1Hashes => "p_any_sha1_hashes",
            Self::Sha256Hashes => "p_any_sha256_hashes",
            Self::TraceIds => "p_any_trace_ids",
            Self::Usernames => "p_any_usernames",
        }
    }
}

impl Indicator {
    /// Returns the indicator that has this name in the schema language.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "ip" => Self::Ip,
            "domain" => Self::Domain,
            "hostname" => Self::Hostname,
            "url" => Self::Url,
            "net_addr" => Self::NetAddr,
            "email" => Self::Email,
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "aws_arn" => Self::AwsArn,
            "aws_arn_only" => Self::AwsArnOnly,
            "aws_account_id" => Self::AwsAccountId,
            "aws_instance_id" => Self::AwsInstanceId,
            "aws_tag" => Self::Text(AnyField::AwsTags, false),
            "username" => Self::Text(AnyField::Usernames, true),
            "trace_id" => Self::Text(AnyField::TraceIds, true),
            "actor_id" => Self::Text(AnyField::ActorIds, true),
            "mac" => Self::Text(AnyField::MacAddresses, true),
            "serial_number" => Self::Text(AnyField::SerialNumbers, true),
            _ => return None,
        })
    }

    /// Returns the fields that may get a value from this indicator.
    pub(crate) fn fields(self) -> Vec<AnyField> {
        match self {
            Self::Ip => vec![AnyField::IpAddresses],
            Self::Domain => vec![AnyField::DomainNames],
            Self::Hostname | Self::Url | Self::NetAddr => vec![AnyField::DomainNames, AnyField::IpAddresses],
            Self::Email => vec![AnyField::Emails],
            Self::Md5 => vec![AnyField::Md5Hashes],
            Self::Sha1 => vec![AnyField::Sha1Hashes],
            Self::Sha256 => vec![AnyField::Sha256Hashes],
            Self::AwsArn => vec![AnyField::AwsAccountIds, AnyField::AwsArns, AnyField::AwsInstanceIds],
            Self::AwsArnOnly => vec![AnyField::AwsArns],
            Self::AwsAccountId => vec![AnyField::AwsAccountIds],
            Self::AwsInstanceId => vec![AnyField::AwsInstanceIds],
            Self::Text(any, _) => vec![any],
        }
    }
}

/// The indicators that were found for one line.
#[derive(Debug, Default)]
pub(crate) struct FoundIndicators {
    /// The texts of all values, concatenated.
    text: String,
    /// The field of each value, with the beginning and end of its text.
    values: Vec<(AnyField, usize, usize)>,
}

impl FoundIndicators {
    /// Adds the indicators of this kind in a field's text. `is_lenient` adds values that Panther does not find:
    /// addresses in unusual forms, the IPv4 form of an IPv4-mapped address, and the host that a browser opens for a
    /// link.
    pub(crate) fn scan(&mut self, indicator: Indicator, text: &str, is_lenient: bool) {
        match indicator {
            Indicator::Ip if is_lenient => self.addresses(trim(text)),
            Indicator::Ip => {
                self.ip(trim(text), is_lenient);
            }
            Indicator::Domain => self.domain(text),
            Indicator::Hostname => self.hostname(text, is_lenient),
            Indicator::Url => self.url(trim(text), is_lenient),
            Indicator::NetAddr => self.hostname(scan::net_host(text), is_lenient),
            Indicator::Email if text.contains('@') => self.add(AnyField::Emails, trim(text)),
            Indicator::Email => {}
            Indicator::Md5 => self.hash(AnyField::Md5Hashes, trim(text), 32),
            Indicator::Sha1 => self.hash(AnyField::Sha1Hashes, trim(text), 40),
            Indicator::Sha256 => self.hash(AnyField::Sha256Hashes, trim(text), 64),
            Indicator::AwsArn => self.arn(text),
            Indicator::AwsArnOnly => scan::arn(text).into_iter().for_each(|_| self.add(AnyField::AwsArns, text)),
            Indicator::AwsAccountId => self.account(text),
            Indicator::AwsInstanceId => self.instance(text),
            Indicator::Text(any, is_trimmed) => self.add(any, if is_trimmed { trim(text) } else { text }),
        }
    }

    fn add(&mut self, any: AnyField, text: &str) {
        if !text.is_empty() {
            let start = self.text.len();
            self.text.push_str(text);
            self.values.push((any, start, self.text.len()));
        }
    }

    /// Adds a text that is exactly one address, without port or zone. Returns `false` for any other text.
    fn ip(&mut self, text: &str, is_lenient: bool) -> bool {
        if !address::is_ip(text) {
            return false;
        }
        self.add(AnyField::IpAddresses, text);
        if let Some(ipv4) = address::mapped_ipv4(text).filter(|_| is_lenient) {
            self.add(AnyField::IpAddresses, &ipv4.to_string());
        }
        true
    }

    /// Adds all addresses in a text, also in a list, or with ports, zones and brackets.
    fn addresses(&mut self, text: &str) {
        if !self.ip(text, true) {
            for address in address::addresses(text) {
                self.ip(address, true);
            }
        }
    }

    fn domain(&mut self, text: &str) {
        let text = trim(text);
        match text.starts_with("xn--") {
            true => self.add(AnyField::DomainNames, &scan::to_unicode(text)),
            false => self.add(AnyField::DomainNames, text),
        }
    }

    fn hostname(&mut self, text: &str, is_lenient: bool) {
        let text = trim(text);
        if self.ip(text, is_lenient) {
            return;
        }
        // Most host names do not look like an address, and skip the full check.
        let may_be_address =
            is_lenient && (text.contains(':') || text.starts_with(|char: char| char.is_ascii_digit() || char == '['));
        let is_address = may_be_address && address::address(text).is_some_and(|address| self.ip(address, true));
        if !is_address {
            self.domain(text);
        }
    }

    /// Adds the host of a link as Panther reads it. `is_lenient` adds the host that a browser opens, if it differs.
    fn url(&mut self, text: &str, is_lenient: bool) {
        let host = scan::url_host(text);
        if let Some(host) = &host {
            self.hostname(host, is_lenient);
        }
        if is_lenient && let Some(opened) = browser::browser_host(text, host.as_deref().unwrap_or_default()) {
            self.hostname(&opened, true);
        }
    }

    fn hash(&mut self, any: AnyField, text: &str, digits: usize) {
        if text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.add(any, &text.to_ascii_lowercase());
        }
    }

    fn account(&mut self, text: &str) {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.add(AnyField::AwsAccountIds, text);
        }
    }

    fn arn(&mut self, text: &str) {
        let Some(arn) = scan::arn(text) else { return };
        self.add(AnyField::AwsArns, text);
        self.account(arn.account);
        arn.instance.into_iter().for_each(|id| self.instance(id));
    }

    fn instance(&mut self, text: &str) {
        if text.starts_with("i-") {
            self.add(AnyField::AwsInstanceIds, text);
        }
    }

    /// Removes all indicators.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.values.clear();
    }

    /// Returns the size of the buffers in bytes.
    pub(crate) fn size(&self) -> usize {
        self.text.capacity() + self.values.capacity() * size_of::<(AnyField, usize, usize)>()
    }

    /// Writes the `p_any_*` members, with a comma before each. The values are sorted and distinct.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>) {
        let text = &self.text;
        let value = |(any, start, end): &(AnyField, usize, usize)| (*any, &text[*start..*end]);
        self.values.sort_unstable_by(|a, b| value(a).cmp(&value(b)));
        self.values.dedup_by(|a, b| value(a) == value(b));
        let mut last = None;
        for (any, text) in self.values.iter().map(value) {
            if last == Some(any) {
                out.push(b',');
            } else {
                out.extend_from_slice(if last.is_some() { b"],\"" } else { b",\"" });
                out.extend_from_slice(any.name().as_bytes());
                out.extend_from_slice(b"\":[");
                last = Some(any);
            }
            write_string(text, out);
        }
        if last.is_some() {
            out.push(b']');
        }
    }
}

/// Removes the white space around a text.
fn trim(text: &str) -> &str {
    // This check is faster than `str::trim`, and most texts pass it.
    let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    if is_plain(bytes.first()) && is_plain(bytes.last()) { text } else { text.trim() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(indicator: &str, texts: &[&str], expected: &str) {
        let mut found = FoundIndicators::default();
        for text in texts {
            found.scan(Indicator::from_name(indicator).unwrap(), text, false);
        }
        let mut out = Vec::new();
        found.write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{indicator} {texts:?}");
    }

    #[test]
    fn values_are_sorted_and_distinct() {
        check("username", &["b", " a ", "B", "", "b"], r#","p_any_usernames":["B","a","b"]"#);
        check(
            "hostname",
            &["2001:DB8::1", "h", "1.2.3.4"],
            r#","p_any_domain_names":["h"],"p_any_ip_addresses":["1.2.3.4","2001:DB8::1"]"#,
        );
        check("email", &["nobody"], "");
    }

    #[test]
    fn a_domain_that_is_not_valid_punycode_stays_as_it_is() {
        let domains = |text: &str| format!(r#","p_any_domain_names":["{text}"]"#);
        check("domain", &["xn--bcher-kva"], &domains("bücher"));
        check("domain", &["xn--zz"], &domains("xn--zz"));
        check("domain", &["xn--"], "");
    }

    #[test]
    fn a_network_address_loses_its_port() {
        check("net_addr", &["[::1]:80 ", " 1.2.3.4:80"], r#","p_any_ip_addresses":["1.2.3.4","::1"]"#);
        check("net_addr", &[" [::1]:80"], r#","p_any_domain_names":["[::1]:80"]"#);
    }

    #[test]
    fn an_instance_id_in_an_arn_begins_like_an_instance_id() {
        let arns = |text: &str| format!(r#","p_any_aws_arns":["arn:aws:ec2:::instance/{text}"]"#);
        let with = |text: &str, id: &str| format!(r#"{},"p_any_aws_instance_ids":["{id}"]"#, arns(text));
        for (text, id) in [("i-1", Some("i-1")), ("a/i-1", Some("i-1")), ("i-1/x", None), ("x", None), ("", None)] {
            let expected = id.map_or_else(|| arns(text), |id| with(text, id));
            check("aws_arn", &[&format!("arn:aws:ec2:::instance/{text}")], &expected);
        }
    }

    #[test]
    fn each_indicator_fills_only_its_own_fields() {
        let digits = ["a".repeat(32), "a".repeat(40), "a".repeat(64), "1".repeat(12)];
        let texts =
            ["1.2.3.4", "http://h/", "http://1.2.3.4/", "a@b", "i-1", "arn:aws:ec2:r:111111111111:instance/i-2"];
        for name in NAMES {
            let indicator = Indicator::from_name(name).unwrap();
            let mut found = FoundIndicators::default();
            let texts = texts.into_iter().chain(digits.iter().map(String::as_str));
            texts.for_each(|text| found.scan(indicator, text, true));
            let mut filled: Vec<AnyField> = found.values.into_iter().map(|(any, _, _)| any).collect();
            filled.sort_unstable();
            filled.dedup();
            assert_eq!(filled, indicator.fields(), "{name}");
        }
    }

    const NAMES: [&str; 19] = [
        "ip",
        "domain",
        "hostname",
        "url",
        "net_addr",
        "email",
        "username",
        "trace_id",
        "md5",
        "sha1",
        "sha256",
        "aws_arn",
        "aws_arn_only",
        "aws_account_id",
        "aws_instance_id",
        "aws_tag",
        "actor_id",
        "mac",
        "serial_number",
    ];

    #[test]
    fn every_name_is_known_and_the_fields_are_sorted_by_name() {
        assert!(NAMES.iter().all(|name| Indicator::from_name(name).is_some()));
        assert_eq!(Indicator::from_name("nosuch"), None);
        let order = [
            AnyField::ActorIds,
            AnyField::AwsAccountIds,
            AnyField::AwsArns,
            AnyField::AwsInstanceIds,
            AnyField::AwsTags,
            AnyField::DomainNames,
            AnyField::Emails,
            AnyField::IpAddresses,
            AnyField::MacAddresses,
            AnyField::Md5Hashes,
            AnyField::SerialNumbers,
            AnyField::Sha1Hashes,
            AnyField::Sha256Hashes,
            AnyField::TraceIds,
            AnyField::Usernames,
        ];
        assert!(order.windows(2).all(|pair| pair[0] < pair[1] && pair[0].name() < pair[1].name()));
    }
}

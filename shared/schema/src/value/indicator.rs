//! Indicators: values worth searching for, whatever field they stand in.

pub(crate) mod address;
mod browser;
mod scan;

use crate::event::json::write_string;

/// What a string field holds.
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
    /// Any text that is not empty, trimmed or as it is.
    Text(Any, bool),
}

/// A `p_any_*` field. In the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Any {
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

impl Any {
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
    /// The indicator a schema names.
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
            "aws_tag" => Self::Text(Any::AwsTags, false),
            "username" => Self::Text(Any::Usernames, true),
            "trace_id" => Self::Text(Any::TraceIds, true),
            "actor_id" => Self::Text(Any::ActorIds, true),
            "mac" => Self::Text(Any::MacAddresses, true),
            "serial_number" => Self::Text(Any::SerialNumbers, true),
            _ => return None,
        })
    }
}

impl Indicator {
    /// The fields that it may put a value in.
    pub(crate) fn feeds(self) -> Vec<Any> {
        match self {
            Self::Ip => vec![Any::IpAddresses],
            Self::Domain => vec![Any::DomainNames],
            Self::Hostname | Self::Url | Self::NetAddr => vec![Any::DomainNames, Any::IpAddresses],
            Self::Email => vec![Any::Emails],
            Self::Md5 => vec![Any::Md5Hashes],
            Self::Sha1 => vec![Any::Sha1Hashes],
            Self::Sha256 => vec![Any::Sha256Hashes],
            Self::AwsArn => vec![Any::AwsAccountIds, Any::AwsArns, Any::AwsInstanceIds],
            Self::AwsArnOnly => vec![Any::AwsArns],
            Self::AwsAccountId => vec![Any::AwsAccountIds],
            Self::AwsInstanceId => vec![Any::AwsInstanceIds],
            Self::Text(any, _) => vec![any],
        }
    }
}

/// The indicators of one line.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The values, end to end.
    text: String,
    /// Where each begins and ends.
    values: Vec<(Any, usize, usize)>,
}

impl Found {
    /// Takes what a field's text holds. `lenient` adds what the reference does not find: addresses in other forms than
    /// their own, and the IPv4 form of an IPv4-mapped address.
    pub(crate) fn scan(&mut self, indicator: Indicator, text: &str, lenient: bool) {
        match indicator {
            Indicator::Ip if lenient => self.addresses(trim(text)),
            Indicator::Ip => {
                self.ip(trim(text), lenient);
            }
            Indicator::Domain => self.domain(text),
            Indicator::Hostname => self.hostname(text, lenient),
            Indicator::Url => self.url(trim(text), lenient),
            Indicator::NetAddr => self.hostname(scan::net_host(text), lenient),
            Indicator::Email if text.contains('@') => self.add(Any::Emails, trim(text)),
            Indicator::Email => {}
            Indicator::Md5 => self.hash(Any::Md5Hashes, trim(text), 32),
            Indicator::Sha1 => self.hash(Any::Sha1Hashes, trim(text), 40),
            Indicator::Sha256 => self.hash(Any::Sha256Hashes, trim(text), 64),
            Indicator::AwsArn => self.arn(text),
            Indicator::AwsArnOnly => scan::arn(text).into_iter().for_each(|_| self.add(Any::AwsArns, text)),
            Indicator::AwsAccountId => self.account(text),
            Indicator::AwsInstanceId => self.instance(text),
            Indicator::Text(any, trimmed) => self.add(any, if trimmed { trim(text) } else { text }),
        }
    }

    fn add(&mut self, any: Any, text: &str) {
        if !text.is_empty() {
            let start = self.text.len();
            self.text.push_str(text);
            self.values.push((any, start, self.text.len()));
        }
    }

    /// Takes a text that is one address and nothing else; returns `false` for any other text.
    fn ip(&mut self, text: &str, lenient: bool) -> bool {
        if !address::is_ip(text) {
            return false;
        }
        self.add(Any::IpAddresses, text);
        if let Some(ipv4) = address::mapped(text).filter(|_| lenient) {
            self.add(Any::IpAddresses, &ipv4.to_string());
        }
        true
    }

    /// Takes the addresses of a text in any form.
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
            true => self.add(Any::DomainNames, &scan::to_unicode(text)),
            false => self.add(Any::DomainNames, text),
        }
    }

    fn hostname(&mut self, text: &str, lenient: bool) {
        let text = trim(text);
        if self.ip(text, lenient) {
            return;
        }
        // Most names can be told from an address in another form at once.
        let may_be_address =
            lenient && (text.contains(':') || text.starts_with(|char: char| char.is_ascii_digit() || char == '['));
        let is_address = may_be_address && address::address(text).is_some_and(|address| self.ip(address, true));
        if !is_address {
            self.domain(text);
        }
    }

    /// Takes the host of a link as the reference reads it; `lenient` adds the host that a browser opens, where it is
    /// another.
    fn url(&mut self, text: &str, lenient: bool) {
        let host = scan::url_host(text);
        if let Some(host) = &host {
            self.hostname(host, lenient);
        }
        if lenient && let Some(opened) = browser::other_host(text, host.as_deref().unwrap_or_default()) {
            self.hostname(&opened, true);
        }
    }

    fn hash(&mut self, any: Any, text: &str, digits: usize) {
        if text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.add(any, &text.to_ascii_lowercase());
        }
    }

    fn account(&mut self, text: &str) {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.add(Any::AwsAccountIds, text);
        }
    }

    fn arn(&mut self, text: &str) {
        let Some(arn) = scan::arn(text) else { return };
        self.add(Any::AwsArns, text);
        self.account(arn.account);
        arn.instance.into_iter().for_each(|id| self.instance(id));
    }

    fn instance(&mut self, text: &str) {
        if text.starts_with("i-") {
            self.add(Any::AwsInstanceIds, text);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.values.clear();
    }

    /// Bytes of memory it keeps.
    pub(crate) fn size(&self) -> usize {
        self.text.capacity() + self.values.capacity() * size_of::<(Any, usize, usize)>()
    }

    /// Writes the `p_any_*` members, each after a comma: sorted, each value once.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>) {
        let text = &self.text;
        let value = |(any, start, end): &(Any, usize, usize)| (*any, &text[*start..*end]);
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

/// Without white space around it.
fn trim(text: &str) -> &str {
    // Most texts begin and end with a letter or digit, and that is seen at once.
    let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    if is_plain(bytes.first()) && is_plain(bytes.last()) { text } else { text.trim() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(indicator: &str, texts: &[&str], expected: &str) {
        let mut found = Found::default();
        for text in texts {
            found.scan(Indicator::from_name(indicator).unwrap(), text, false);
        }
        let mut out = Vec::new();
        found.write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{indicator} {texts:?}");
    }

    #[test]
    fn sorted_and_each_once() {
        check("username", &["b", " a ", "B", "", "b"], r#","p_any_usernames":["B","a","b"]"#);
        check(
            "hostname",
            &["2001:DB8::1", "h", "1.2.3.4"],
            r#","p_any_domain_names":["h"],"p_any_ip_addresses":["1.2.3.4","2001:DB8::1"]"#,
        );
        check("email", &["nobody"], "");
    }

    #[test]
    fn domains_that_are_no_punycode_stay_as_they_are() {
        let domains = |text: &str| format!(r#","p_any_domain_names":["{text}"]"#);
        check("domain", &["xn--bcher-kva"], &domains("bücher"));
        check("domain", &["xn--zz"], &domains("xn--zz"));
        check("domain", &["xn--"], "");
    }

    #[test]
    fn addresses_of_the_net_are_split_as_they_are_written() {
        check("net_addr", &["[::1]:80 ", " 1.2.3.4:80"], r#","p_any_ip_addresses":["1.2.3.4","::1"]"#);
        check("net_addr", &[" [::1]:80"], r#","p_any_domain_names":["[::1]:80"]"#);
    }

    #[test]
    fn instances_in_arns_begin_like_instances() {
        let arns = |text: &str| format!(r#","p_any_aws_arns":["arn:aws:ec2:::instance/{text}"]"#);
        let with = |text: &str, id: &str| format!(r#"{},"p_any_aws_instance_ids":["{id}"]"#, arns(text));
        for (text, id) in [("i-1", Some("i-1")), ("a/i-1", Some("i-1")), ("i-1/x", None), ("x", None), ("", None)] {
            let expected = id.map_or_else(|| arns(text), |id| with(text, id));
            check("aws_arn", &[&format!("arn:aws:ec2:::instance/{text}")], &expected);
        }
    }

    #[test]
    fn what_is_found_is_what_an_indicator_feeds() {
        let digits = ["a".repeat(32), "a".repeat(40), "a".repeat(64), "1".repeat(12)];
        let texts =
            ["1.2.3.4", "http://h/", "http://1.2.3.4/", "a@b", "i-1", "arn:aws:ec2:r:111111111111:instance/i-2"];
        for name in NAMES {
            let indicator = Indicator::from_name(name).unwrap();
            let mut found = Found::default();
            let texts = texts.into_iter().chain(digits.iter().map(String::as_str));
            texts.for_each(|text| found.scan(indicator, text, true));
            let mut fed: Vec<Any> = found.values.into_iter().map(|(any, _, _)| any).collect();
            fed.sort_unstable();
            fed.dedup();
            assert_eq!(fed, indicator.feeds(), "{name}");
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
    fn every_name_sorts_like_its_field() {
        assert!(NAMES.iter().all(|name| Indicator::from_name(name).is_some()));
        assert_eq!(Indicator::from_name("nosuch"), None);
        let order = [
            Any::ActorIds,
            Any::AwsAccountIds,
            Any::AwsArns,
            Any::AwsInstanceIds,
            Any::AwsTags,
            Any::DomainNames,
            Any::Emails,
            Any::IpAddresses,
            Any::MacAddresses,
            Any::Md5Hashes,
            Any::SerialNumbers,
            Any::Sha1Hashes,
            Any::Sha256Hashes,
            Any::TraceIds,
            Any::Usernames,
        ];
        assert!(order.windows(2).all(|pair| pair[0] < pair[1] && pair[0].name() < pair[1].name()));
    }
}

//! Irregular addresses: values that are no IP address, and IP addresses with a port or brackets.

use serde_json::{Value, json};

use crate::fields::Fields;
use crate::seeded_rng::SeededRng;

/// Replaces `ClientIP` by an address that is hard to parse: with a zone, with a port after a hyphen, IPv4-mapped with a
/// port, or as a list.
pub(super) fn replace_client_ip(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    let address = rng.pick(&[
        "2603:10b6:208:1ab::20%7",
        "203.0.113.7%11:443",
        "203.0.113.7-443",
        "::ffff:203.0.113.7:443",
        "[fe80::1%16]:443",
        "20.92.177.18, 162.158.2.18",
        "::ffff:198.51.100.7",
    ]);
    fields.replace("ClientIP", address);
}

pub(super) fn make_irregular(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    let name = rng.pick(&["ClientIP", "ClientIPAddress", "ActorIpAddress"]);
    if rng.chance(0.1) {
        return fields.replace(name, Value::Null);
    }
    let address = rng.pick(&[
        "",
        "[203.0.113.7]",
        "[203.0.113.7]:4711",
        "2001:db8::7",
        "[2001:db8::7]",
        "[2001:db8::7]:4711",
        "::ffff:203.0.113.7",
        "[::ffff:203.0.113.7]:4711",
        "localhost",
        "localhost:25",
        "mail.example.com",
        "mail.example.com:25",
        "HOST01 (10.9000.0.1)",
        "[HOST01 (10.9000.0.1)]",
    ]);
    fields.replace(name, json!(address));
}

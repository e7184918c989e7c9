//! Irregular addresses: values that are no address, and addresses with a port, brackets or a name.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::fields::Fields;

/// Replaces an address by one with a zone, one with a port after a hyphen, an address within an address, or a list.
pub(super) fn odd(fields: &mut Fields<'_>, dice: &mut Dice) {
    let odd = dice.pick(&[
        "2603:10b6:208:1ab::20%7",
        "203.0.113.7%11:443",
        "203.0.113.7-443",
        "::ffff:203.0.113.7:443",
        "[fe80::1%16]:443",
        "20.92.177.18, 162.158.2.18",
        "::ffff:198.51.100.7",
    ]);
    fields.replace("ClientIP", odd);
}

pub(super) fn make(fields: &mut Fields<'_>, dice: &mut Dice) {
    let name = dice.pick(&["ClientIP", "ClientIPAddress", "ActorIpAddress"]);
    if dice.chance(0.1) {
        return fields.replace(name, Value::Null);
    }
    let odd = dice.pick(&[
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
    fields.replace(name, json!(odd));
}

//! Gives fields the irregular forms that were seen in production.

mod addresses;
mod lists;
mod names;
mod numbers;
mod value;

use serde_json::Value;

use crate::fields::Fields;
use crate::seeded_rng::SeededRng;
use value::field_value;

/// Replaces `ClientIP` by an address that is hard to parse.
pub(super) fn replace_client_ip(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    addresses::replace_client_ip(fields, rng);
}

/// Gives one or two fields an irregular form. A field that the record does not have is skipped.
pub(super) fn make_irregular(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    for _ in 0..1 + rng.below(2) {
        match rng.below(8) {
            0 => numbers::write_number_as_text(fields, rng),
            1 => numbers::make_sizes_irregular(fields, rng),
            2 => addresses::make_irregular(fields, rng),
            3 => make_time_irregular(fields, rng),
            4 => lists::make_properties_irregular(fields, rng),
            5 => lists::make_people_irregular(fields, rng),
            6 => names::make_irregular(fields, rng),
            _ => fields.remove(rng.pick(&["ResultStatus", "ExternalAccess", "UserKey", "Workload", "ClientIP"])),
        }
    }
}

/// Adds a zone, a fraction or both to `CreationTime`.
fn make_time_irregular(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    if let Some(Value::String(time)) = field_value(fields, "CreationTime") {
        let ending = rng.pick(&["Z", ".1234567", ".0000000Z"]);
        fields.replace("CreationTime", format!("{time}{ending}"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;

    /// Returns the JSON values that the field `name` gets in three thousand records; `absent` if the field is removed.
    fn forms(fields: &Fields<'static>, name: &str) -> HashSet<String> {
        let mut rng = SeededRng::new(1, "irregular", 0);
        let mut forms = HashSet::new();
        for _ in 0..3_000 {
            let mut fields = fields.clone();
            make_irregular(&mut fields, &mut rng);
            forms.insert(field_value(&fields, name).map_or("absent".to_owned(), |value| value.to_string()));
        }
        forms
    }

    fn check(name: &'static str, regular: Value, expected: &[&str]) {
        let forms = forms(&Fields(Vec::new()).with("RecordType", 15).with(name, regular), name);
        for form in expected {
            assert!(forms.contains(*form), "{name} is never {form}: {forms:?}");
        }
    }

    #[test]
    fn b66_irregular_numbers_have_every_form() {
        check("RecordType", json!(15), &["15", "\"15\""]);
        check("UserType", json!(2), &["\"2\"", "\"x\""]);
        check("LogonType", json!(0), &["\"0\""]);
        check("FileSizeBytes", json!(7), &["\"75096\"", "1156492.0", "\"1e9\"", "\"1000.0\""]);
        check("ErrorNumber", json!("0"), &["\"0\"", "50126"]);
        check("ExternalAccess", json!(false), &["\"True\"", "\"False\"", "absent"]);
        check("Item", json!({"SizeInBytes": 9}), &[r#"{"SizeInBytes":"75096"}"#]);
    }

    #[test]
    fn b66_irregular_addresses_have_every_form() {
        let expected = [
            r#""""#,
            "null",
            "absent",
            r#""[203.0.113.7]""#,
            r#""[203.0.113.7]:4711""#,
            r#""[2001:db8::7]:4711""#,
            r#""::ffff:203.0.113.7""#,
            r#""[::ffff:203.0.113.7]:4711""#,
            r#""localhost""#,
            r#""mail.example.com:25""#,
        ];
        check("ClientIP", json!("203.0.113.7"), &expected);
        check("ClientIPAddress", json!("::1"), &[r#""HOST01 (10.9000.0.1)""#, r#""[HOST01 (10.9000.0.1)]""#]);
    }

    #[test]
    fn b66_irregular_times_and_names_have_every_form() {
        let time = json!("2026-11-22T09:00:00");
        check("CreationTime", time, &[r#""2026-11-22T09:00:00Z""#, r#""2026-11-22T09:00:00.0000000Z""#]);
        check(
            "UserId",
            json!("a@example.com"),
            &[r#""""#, r#""Not Available""#, r#""NT AUTHORITY\\SYSTEM (Microsoft.Exchange)""#],
        );
        check("UserKey", json!("k"), &[r#""""#, r#""i:0h.f|membership|10033fff@live.com""#, "absent"]);
        check("ResultStatus", json!("Success"), &[r#""success""#, r#""TRUE""#, r#""PartiallySucceeded""#, "absent"]);
        check("Id", json!("0af5-1c"), &[r#""0AF5-1C""#, r#""0af5-1c_1""#]);
        check("Operation", json!("Update user."), &[r#""update user.""#]);
    }

    #[test]
    fn b66_irregular_lists_have_every_form() {
        let list = json!([{"Name": "a", "Value": "b"}]);
        let text = Value::from(list.to_string()).to_string();
        for name in ["ModifiedProperties", "ExtendedProperties", "Parameters", "OperationProperties", "AdditionalInfo"]
        {
            check(name, list.clone(), &[&text, r#"["DisplayName","IsRead"]"#, "null", "[]"]);
        }
        check("Parameters", list, &[r#""-Identity \"mina\" -DeliverToMailboxAndForward \"False\"""#]);
        let actor = json!([{"ID": "a", "Type": 5}]);
        check("Actor", actor, &[r#"[{"ID":"a","Type":"5"}]"#, r#"[{"ID":"Unknown","Type":5}]"#]);
        check("Sender", json!("a"), &[r#"{"DisplayName":"Mina Okafor","UPN":"mina.okafor@example.com"}"#]);
    }
}

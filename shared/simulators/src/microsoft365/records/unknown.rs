//! Unpublished record types and new fields, which no schema knows.

use serde_json::json;

use crate::dice::Dice;
use crate::fields::Fields;

/// Gives a record an unpublished type, new fields, or both.
pub(super) fn make(fields: &mut Fields<'_>, dice: &mut Dice) {
    let what = dice.below(3);
    if what != 0 {
        let record_type = match dice.below(4) {
            0 => -1,
            // The numbers in the gaps of the published types, and those beyond the highest.
            1 => dice.pick(&[5, 12, 26, 27, 74, 77, 80, 81, 104, 108]),
            _ => dice.between(464, 99_999),
        };
        fields.replace("RecordType", record_type);
    }
    if what != 1 {
        let new = json!({"a": [1, {"b.c": null}], "Dotted.Name": true, "Großbuchstabe": dice.guid()});
        fields.0.push(("NewSince2027", new));
        fields.0.push(("lower.case new-field", json!(dice.between(0, 9))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b67_unknown_records_have_unpublished_types_and_new_fields() {
        let mut dice = Dice::new(1, "unknown", 0);
        let mut types = Vec::new();
        let mut new = 0;
        for _ in 0..300 {
            let mut fields = Fields(Vec::new()).with("RecordType", 15);
            make(&mut fields, &mut dice);
            types.extend(fields.0[0].1.as_i64().filter(|number| *number != 15));
            new += fields.0.iter().filter(|(name, _)| *name == "NewSince2027").count();
            assert_ne!(fields.to_json(), r#"{"RecordType":15}"#);
        }
        assert!(types.contains(&-1) && types.contains(&104) && types.iter().any(|number| *number > 463));
        assert!((150..250).contains(&new) && (150..250).contains(&types.len()), "{new} {}", types.len());
    }
}

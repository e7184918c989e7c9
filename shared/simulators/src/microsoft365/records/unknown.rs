//! Record types and fields that Microsoft has not published, so that no schema knows them.

use serde_json::json;

use crate::fields::Fields;
use crate::seeded_rng::SeededRng;

/// Gives the record an unpublished type, unpublished fields, or both.
pub(super) fn make_unknown(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    let choice = rng.below(3);
    if choice != 0 {
        let record_type = match rng.below(4) {
            0 => -1,
            // These numbers lie between published types. The numbers of the next branch are above the highest published
            // type.
            1 => rng.pick(&[5, 12, 26, 27, 74, 77, 80, 81, 104, 108]),
            _ => rng.between(464, 99_999),
        };
        fields.replace("RecordType", record_type);
    }
    if choice != 1 {
        let new = json!({"a": [1, {"b.c": null}], "Dotted.Name": true, "Großbuchstabe": rng.guid()});
        fields.0.push(("NewSince2027", new));
        fields.0.push(("lower.case new-field", json!(rng.between(0, 9))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b67_unknown_records_have_unpublished_types_and_new_fields() {
        let mut rng = SeededRng::new(1, "unknown", 0);
        let mut types = Vec::new();
        let mut new = 0;
        for _ in 0..300 {
            let mut fields = Fields(Vec::new()).with("RecordType", 15);
            make_unknown(&mut fields, &mut rng);
            types.extend(fields.0[0].1.as_i64().filter(|number| *number != 15));
            new += fields.0.iter().filter(|(name, _)| *name == "NewSince2027").count();
            assert_ne!(fields.to_json(), r#"{"RecordType":15}"#);
        }
        assert!(types.contains(&-1) && types.contains(&104) && types.iter().any(|number| *number > 463));
        assert!((150..250).contains(&new) && (150..250).contains(&types.len()), "{new} {}", types.len());
    }
}

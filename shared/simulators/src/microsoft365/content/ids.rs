//! The ids of blobs, in the three forms that were seen in production. An id contains the index of its blob in the feed,
//! so that the simulator needs no table of ids.

use jiff::Timestamp;

use super::super::content_type::ContentType;
use crate::moment::after_milliseconds;
use crate::seeded_rng::SeededRng;

/// Number of digits of the time in an id, such as `20261122085959123`.
const TIME_DIGITS: usize = 17;
/// Number of digits of the time in an id of another form, which has seconds since 1970, such as `1795337999`.
const SECONDS_DIGITS: usize = 10;

/// Returns the id of the blob with this index in its feed. `created` is the time at which the blob became
/// available.
pub(super) fn id(seed: u64, tenant: &str, content_type: ContentType, created: Timestamp, index: usize) -> String {
    let mut rng = SeededRng::new(seed, content_type.name(), index as u64);
    let name = content_type.name().replace('.', "_");
    let lower_name = name.to_ascii_lowercase();
    let format_stamp = |at: Timestamp| at.strftime("%Y%m%d%H%M%S%3f").to_string();
    let first = format!("{}{index:06}", format_stamp(created));
    match rng.below(3) {
        0 => format!("{first}${first}${lower_name}${name}$emea{:04}", rng.below(100)),
        1 => {
            let region = format!("na{:04}", rng.below(100));
            let last = format_stamp(after_milliseconds(created, rng.between(500, 90_000)));
            format!("{first}${last}{:06}${lower_name}${name}${region}${region}", rng.below(1_000_000))
        }
        _ => {
            let number = format!("{}{index:05}", created.as_second());
            format!("{number}${number}${}{lower_name}${}$04", rng.hex(32), tenant.replace('-', ""))
        }
    }
}

/// Returns the indices that an id may contain. The forms of ids have the index in two different places, and an id does
/// not show its form, so there are two candidates.
pub(super) fn index_candidates(id: &str) -> [Option<usize>; 2] {
    let first = id.split('$').next().unwrap_or_default();
    [TIME_DIGITS, SECONDS_DIGITS].map(|digits| first.get(digits..)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::super::super::behaviours::TENANT_ID;
    use super::*;

    #[test]
    fn b52_ids_in_all_three_forms_contain_the_index_of_their_blob() {
        let created: Timestamp = "2026-11-22T08:59:59.123Z".parse().unwrap();
        let mut forms = [0; 3];
        for index in (0..200).chain(1_234_560..1_234_600) {
            let id = id(1, TENANT_ID, ContentType::SharePoint, created, index);
            let parts: Vec<_> = id.split('$').collect();
            let form = match parts[..] {
                [.., tenant, "04"] => {
                    assert!(tenant == "3f6c1d528b0e4c1a9d7e2a5b9c4e7f10" && parts[0] == parts[1], "{id}");
                    2
                }
                [first, last, lower_name, name, region] => {
                    assert!((first, lower_name, name) == (last, "audit_sharepoint", "Audit_SharePoint"), "{id}");
                    assert!(first.starts_with("20261122085959123") && region.starts_with("emea"), "{id}");
                    0
                }
                [first, last, _, _, region, repeated] => {
                    assert!(first != last && region == repeated, "{id}");
                    1
                }
                _ => panic!("{id}"),
            };
            forms[form] += 1;
            assert!(index_candidates(&id).contains(&Some(index)), "{id}");
        }
        assert!(forms.iter().all(|count| *count > 40), "{forms:?}");
    }

    #[test]
    fn a_malformed_id_has_at_most_one_index_candidate() {
        for id in ["", "$", "nothing$here", "20261122$nothing$here", "2026112208595912३$x", "+++++++++++++++++++"] {
            assert!(index_candidates(id).iter().flatten().count() <= 1, "{id}");
        }
    }
}

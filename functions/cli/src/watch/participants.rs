//! The vendors that take part in a watch: those whose secret is configured.

use std::path::PathBuf;

use crate::exit::Failed;
use crate::place::secrets::SourceSecrets;
use crate::vendor::VendorSpec;
use crate::vendors::VENDORS;

/// A value of an option for one vendor: `VENDOR=VALUE`.
#[derive(Debug, Clone)]
pub(super) struct ForVendor<T> {
    pub(super) vendor: &'static VendorSpec,
    pub(super) value: T,
}

/// A vendor that takes part, with its secret.
#[derive(Debug)]
pub(super) struct Participant {
    pub(super) vendor: &'static VendorSpec,
    pub(super) secrets: SourceSecrets,
}

/// Parses `VENDOR=FILE`.
pub(super) fn file_for_vendor(text: &str) -> Result<ForVendor<PathBuf>, String> {
    let (vendor, file) = split(text)?;
    if file.is_empty() { Err("names no file".to_owned()) } else { Ok(ForVendor { vendor, value: file.into() }) }
}

/// Parses `VENDOR=SECONDS`, with 1 to 86,400 seconds.
pub(super) fn seconds_for_vendor(text: &str) -> Result<ForVendor<u32>, String> {
    let (vendor, seconds) = split(text)?;
    let value = seconds.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
    value.map(|value| ForVendor { vendor, value }).ok_or_else(|| "the seconds must be 1 to 86400".to_owned())
}

fn split(text: &str) -> Result<(&'static VendorSpec, &str), String> {
    let names = || VENDORS.map(|vendor| vendor.name).join(" or ");
    let (name, value) = text.split_once('=').ok_or_else(|| format!("must begin with {} and =", names()))?;
    let vendor = VENDORS.into_iter().find(|vendor| vendor.name == name);
    Ok((vendor.ok_or_else(|| format!("the vendor must be {}", names()))?, value))
}

/// Returns the last value that is given for the vendor.
pub(super) fn value_for<T: Clone>(values: &[ForVendor<T>], vendor: &VendorSpec) -> Option<T> {
    values.iter().rev().find(|given| given.vendor.name == vendor.name).map(|given| given.value.clone())
}

/// Returns the vendors that take part, and a message for each one that does not. All vendors with a secret take part
/// unless `named` has some; each of those must have one.
///
/// # Errors
/// A named vendor has no secret, or no vendor has one.
pub(super) fn participants(
    named: &[&'static VendorSpec],
    files: &[ForVendor<PathBuf>],
) -> Result<(Vec<Participant>, Vec<String>), Failed> {
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    let is_named = |vendor: &VendorSpec| named.iter().any(|known| known.name == vendor.name);
    for vendor in VENDORS.into_iter().filter(|vendor| named.is_empty() || is_named(vendor)) {
        let file = value_for(files, vendor);
        match SourceSecrets::local(vendor, file) {
            Ok(secrets) => found.push(Participant { vendor, secrets }),
            Err(failed) if is_named(vendor) => return Err(failed),
            Err(failed) => absent.push(format!("{} takes no part: {failed}", vendor.name)),
        }
    }
    if found.is_empty() { Err(Failed::usage(absent.join("; "))) } else { Ok((found, absent)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_given_for_one_vendor() {
        let parsed = file_for_vendor("openai=a=b.json").unwrap();
        assert_eq!((parsed.vendor.name, parsed.value), ("openai", PathBuf::from("a=b.json")));
        for text in ["openai", "openai=", "nobody=file", "=file"] {
            assert!(file_for_vendor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_is_between_a_second_and_a_day() {
        assert_eq!(seconds_for_vendor("microsoft365=300").unwrap().value, 300);
        for text in ["openai=0", "openai=86401", "openai=-1", "openai=1s", "60"] {
            assert!(seconds_for_vendor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn vendors_with_a_secret_take_part_and_the_last_file_counts() {
        let files = ["openai=a", "openai=b"].map(|text| file_for_vendor(text).unwrap());
        let openai: &'static VendorSpec = VENDORS[0];
        let (found, absent) = participants(&[openai], &files).unwrap();
        assert_eq!((found.len(), absent.len(), found[0].secrets.names[0].as_str()), (1, 0, "b"));
        assert!(value_for(&files, VENDORS[1]).is_none());
    }
}

//! The table of all vendors. Each vendor has a module of its own.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::vendor::VendorSpec;

/// Declares the module of each vendor, and [`VENDORS`]. `cargo fmt` does not find modules that a macro declares, so the
/// gate formats their files by name.
macro_rules! vendors {
    ($($vendor:ident)+) => {
        $(mod $vendor;)+

        /// All vendors, in the order in which `--help` lists them.
        pub(crate) static VENDORS: [&VendorSpec; [$(stringify!($vendor)),+].len()] = [$(&$vendor::SPEC),+];
    };
}

vendors! {
    openai
    microsoft365
}

/// Returns the parser for an argument that names a vendor.
pub(crate) fn parser() -> impl TypedValueParser<Value = &'static VendorSpec> {
    let names = VENDORS.map(|vendor| PossibleValue::new(vendor.name).help(vendor.about));
    let unknown = "the parser lets known names pass only";
    PossibleValuesParser::new(names)
        .try_map(move |name| VENDORS.into_iter().find(|vendor| vendor.name == name).ok_or(unknown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn check(vendor: &str, variables: &[(&str, &str)], expected: Result<&str, &str>) {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let vendor = VENDORS.into_iter().find(|known| known.name == vendor).unwrap();
        match ((vendor.secret)(&variable), expected) {
            (Ok(text), Ok(expected)) => assert_eq!(text, expected),
            (Err(failed), Err(part)) => {
                assert_eq!(failed.exit, Exit::Usage);
                assert!(failed.message.contains(part), "{failed}");
                assert!(!failed.message.contains("canary"), "{failed}");
            }
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn the_variables_of_a_vendor_make_its_secret() {
        check("openai", &[("OPENAI_ADMIN_KEY", "sk-admin-canary")], Ok("sk-admin-canary"));
        let all = [
            ("MICROSOFT365_TENANT_ID", "t"),
            ("MICROSOFT365_CLIENT_ID", "c"),
            ("MICROSOFT365_CLIENT_SECRET", "quoted \" canary"),
        ];
        let expected = r#"{"client_id":"c","client_secret":"quoted \" canary","tenant_id":"t"}"#;
        check("microsoft365", &all, Ok(expected));
    }

    #[test]
    fn missing_variables_are_named() {
        check("openai", &[], Err("OPENAI_ADMIN_KEY not set"));
        let only = [("MICROSOFT365_CLIENT_SECRET", "canary")];
        check("microsoft365", &only, Err("MICROSOFT365_TENANT_ID, MICROSOFT365_CLIENT_ID not set"));
    }

    #[test]
    fn each_vendor_has_a_name_of_its_own() {
        let mut names = VENDORS.map(|vendor| vendor.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}

//! The API's own error codes (`AF` and a number), their causes and cures.

use collector::Recovery;

/// The app registration lacks a permission.
pub(crate) const NO_PERMISSION: u32 = 10_001;
/// The subscription was never started.
pub(crate) const NOT_SUBSCRIBED: u32 = 20_022;
/// The subscription is disabled.
pub(crate) const DISABLED: u32 = 20_023;
/// The subscription is already enabled, so a start that gets this code has succeeded. The code is not documented.
pub(crate) const ALREADY_ENABLED: u32 = 20_024;
/// The window is longer than 24 hours, begins more than 7 days ago, or is not a valid window.
pub(crate) const TIME_RULES: [u32; 2] = [20_030, 20_055];
/// The next-page link is not valid, or no longer valid.
pub(crate) const BAD_NEXT_PAGE: u32 = 20_031;
/// The blob does not exist.
pub(crate) const NO_SUCH_CONTENT: u32 = 20_050;
/// The blob has expired.
pub(crate) const CONTENT_EXPIRED: u32 = 20_051;
/// The blob's id is malformed.
pub(crate) const BAD_CONTENT_ID: u32 = 20_052;
/// Too many requests.
pub(crate) const THROTTLED: u32 = 429;

/// Returns the recovery and the advice for a code.
///
/// The callers handle some codes themselves, for example by starting a subscription. For such a code, this advice is
/// used only if that has failed.
pub(crate) fn recovery_and_advice(code: u32) -> (Recovery, &'static str) {
    let person = |advice| (Recovery::Person, advice);
    let next_tick = |advice| (Recovery::NextTick, advice);
    match code {
        20_001 | 20_002 => {
            person("the API misses a parameter or its type; this version no longer speaks the API, please report it")
        }
        20_053 | 20_054 => person("the API misreads a header; this version no longer speaks the API, please report it"),
        20_003 | 20_021 => person("the API speaks of a webhook, though none is asked for; please report it"),
        20_010 => person("the token is of another tenant; check tenant_id in the source's secret"),
        20_011 => person("the tenant is unknown or deleted; check tenant_id and cloud in the source's secret"),
        20_012 => person("the tenant is misconfigured at Microsoft; open a support request there"),
        20_013 => person("tenant_id in the source's secret is not a GUID"),
        20_020 => person("the tenant's cloud does not offer this content type; take it out of content_types"),
        NOT_SUBSCRIBED => next_tick(
            "there is no subscription, although it was started within the last 15 minutes; it is started again after \
             that, meanwhile check that unified audit logging is on",
        ),
        DISABLED => person(
            "the subscription is disabled, although it was started within the last 15 minutes; nothing is recorded \
             until whoever or whatever disables it stops doing so",
        ),
        20_030 | 20_055 => next_tick("the window is outside of what the API keeps; check this machine's clock"),
        BAD_NEXT_PAGE => next_tick("the place in the listing is no longer known"),
        NO_SUCH_CONTENT => next_tick("the content does not exist, or not yet"),
        CONTENT_EXPIRED => next_tick("the content has expired"),
        BAD_CONTENT_ID => next_tick("the content's id is not valid"),
        50_000..=59_999 => (Recovery::Again { after: None }, "an error inside the vendor's service"),
        _ => next_tick("the request is refused with a code this version does not know"),
    }
}

/// Returns the first code in a text.
pub(crate) fn first_code(text: &str) -> Option<u32> {
    codes(text).next()
}

/// Returns the codes in a text: each word that consists of `AF` and a number. An `AF` within an id or a hash does not
/// count.
pub(crate) fn codes(text: &str) -> impl Iterator<Item = u32> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| word.strip_prefix("AF").or_else(|| word.strip_prefix("af")))
        .filter_map(|digits| (3..=5).contains(&digits.len()).then(|| digits.parse().ok()).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_whole_words() {
        let check = |text: &str, expected: &[u32]| assert_eq!(codes(text).collect::<Vec<_>>(), expected, "{text}");
        check("AF20022", &[20_022]);
        check("{'error':{'code':'AF429','message':'x (AF10001)'}}", &[429, 10_001]);
        check("CorrId=9af4291c-af12-AF20, AFX429 xAF429 AF4290000", &[]);
        assert_eq!(first_code("AF1 af20055: AF429"), Some(20_055));
    }
}

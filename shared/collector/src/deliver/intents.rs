//! The intents that one tick has found or set, and the rule for which of them it may seal with an empty object.

use jiff::Timestamp;

use super::key;

/// Maximum number of stale intents that one tick seals with an empty object. Two ticks whose clocks disagree about the
/// hour could otherwise seal each other's intents without end.
const MAX_SEALED_INTENTS: u32 = 1;

/// The intents that one tick has found or set.
#[derive(Debug, Default)]
pub(crate) struct Intents {
    /// The intent that the tick found at its start, if that intent had no object: an earlier tick left it.
    pub(crate) inherited: Option<String>,
    /// The last intent that this tick set.
    pub(crate) own: Option<String>,
    /// The number of stale intents that this tick has sealed, or tried to seal.
    pub(crate) sealed: u32,
}

impl Intents {
    /// Returns `true` if the intent is of an earlier hour than `now`, another tick set it, and this tick has not sealed
    /// its maximum number of intents.
    pub(crate) fn is_to_be_sealed(&self, intent: &str, now: Timestamp) -> bool {
        let is_own = self.own.as_deref() == Some(intent);
        self.sealed < MAX_SEALED_INTENTS && !is_own && key::is_stale(intent, now)
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::base::policy::Settings;
    use crate::testing::stream;

    #[test]
    fn ok_one_stale_intent_of_another_tick_is_sealed() {
        let (settings, then): (_, Timestamp) = (Settings::default(), "2026-11-30T11:59:59Z".parse().unwrap());
        let stream = stream("acme");
        let intent = key::object_key(&settings.prefix, &stream, 7, then, settings.compression);
        let later: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let mut intents = Intents::default();
        assert!(!intents.is_to_be_sealed(&intent, then) && intents.is_to_be_sealed(&intent, later));
        intents.own = Some(intent.clone());
        assert!(!intents.is_to_be_sealed(&intent, later));
        intents = Intents { sealed: 1, ..Intents::default() };
        assert!(!intents.is_to_be_sealed(&intent, later));
    }
}

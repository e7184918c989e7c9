//! The action that an invocation's event asks for.

use collector::PortError;
use serde_json::Value;

use super::source_message::{Record, records};

/// The field that names an action.
const FIELD: &str = "action";
/// Fields that every event of EventBridge has.
const FIELDS_OF_SCHEDULE: [&str; 2] = ["detail-type", "source"];

/// The action of one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Collect the events of all sources. A planner has others do it.
    Tick,
    /// Collect the events of the sources that these messages of a fan-out name.
    Messages(Vec<Record>),
    /// Check the connection of every source and the stores.
    Doctor,
}

impl Action {
    /// Reads the action of an event: `{"action":"doctor"}` asks for a check, and an event of a queue has messages. An
    /// event of EventBridge, and any event without an action, is a tick.
    ///
    /// # Errors
    /// The event names an action that does not exist, has other fields besides the action, or comes from a queue and
    /// cannot be read.
    pub(super) fn of(event: &Value) -> Result<Self, PortError> {
        if let Some(records) = records(event)? {
            return Ok(Self::Messages(records));
        }
        let Some(fields) = event.as_object() else { return Ok(Self::Tick) };
        let is_scheduled = FIELDS_OF_SCHEDULE.iter().all(|name| fields.contains_key(*name));
        let Some(action) = fields.get(FIELD).filter(|_| !is_scheduled) else { return Ok(Self::Tick) };
        if action == "doctor" && fields.len() == 1 {
            return Ok(Self::Doctor);
        }
        Err(PortError::person(
            "the event has a field \"action\", but is not {\"action\":\"doctor\"}, the only one known; leave the field out \
             for a tick",
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_doctor_event_asks_for_a_check() {
        let scheduled = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        let mut with_action = scheduled.clone();
        with_action[FIELD] = json!("doctor");
        for tick in [
            Value::Null,
            json!([]),
            json!("by hand"),
            json!({}),
            json!({"detail": {"action": "doctor"}}),
            scheduled,
            with_action,
        ] {
            assert_eq!(Action::of(&tick), Ok(Action::Tick), "{tick}");
        }
        assert_eq!(Action::of(&json!({"action": "doctor"})), Ok(Action::Doctor));
        let message = json!({"messageId": "1", "body": "b", "eventSource": "aws:sqs"});
        assert!(
            matches!(Action::of(&json!({"Records": [message]})), Ok(Action::Messages(records)) if records.len() == 1)
        );
        for unknown in [json!({"action": "Doctor"}), json!({"action": 1}), json!({"action": "doctor", "x": 1})] {
            assert!(Action::of(&unknown).is_err(), "{unknown}");
        }
    }
}

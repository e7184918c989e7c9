//! The common part of all records.

use serde_json::json;

use super::form::Form;
use super::record_settings::RecordSettings;
use crate::dice::Dice;
use crate::fields::Fields;

/// The people of the simulated tenant.
pub(super) const PEOPLE: [&str; 7] = [
    "mina.okafor@example.com",
    "jens.aaberg@example.com",
    "li.wei@example.com",
    "anneke.de.vries@example.org",
    "tom.o'brien@example.com",
    "ravi.kumar@example.net",
    "kiosk-07_example.com#EXT#@example.onmicrosoft.com",
];

/// The state from which one record is made.
pub(super) struct RecordBuilder<'a> {
    pub(super) dice: Dice,
    pub(super) id: String,
    pub(super) time: String,
    pub(super) record_settings: &'a RecordSettings,
    pub(super) number: usize,
    pub(super) form: Form,
}

impl RecordBuilder<'_> {
    /// Returns the fields that every record has.
    pub(super) fn common(
        &mut self,
        record_type: i64,
        operation: &'static str,
        workload: &'static str,
    ) -> Fields<'static> {
        let user = self.user();
        let mut fields = Fields(Vec::with_capacity(32))
            .with("CreationTime", self.time.as_str())
            .with("Id", self.id.as_str())
            .with("Operation", operation)
            .with("OrganizationId", self.record_settings.tenant.as_str())
            .with("RecordType", record_type);
        if self.dice.chance(0.8) {
            fields = fields.with("ResultStatus", self.dice.pick(&["Success", "Succeeded", "True", "Failed"]));
        }
        let user_type = if user.contains('@') { self.dice.pick(&[0, 0, 0, 2, 10]) } else { self.dice.pick(&[4, 5, 6]) };
        fields
            .with("UserKey", self.user_key(user))
            .with("UserType", user_type)
            .with("Version", 1)
            .with("Workload", workload)
            .with("UserId", user)
    }

    /// Returns a person, or sometimes a system account, a service principal or an unknown user.
    fn user(&mut self) -> &'static str {
        match self.dice.below(12) {
            0 => self.dice.pick(&["NT AUTHORITY\\SYSTEM", "S-1-5-18", "Not Available", "app@sharepoint"]),
            1 => "ServicePrincipal_5d1f0c7e-9b22-4b0e-8a35-1f6d0e2c4b9a",
            _ => self.dice.pick(&PEOPLE),
        }
    }

    fn user_key(&mut self, user: &str) -> String {
        match self.dice.below(4) {
            0 => format!("i:0h.f|membership|{}@live.com", self.dice.hex(16)),
            1 => user.to_owned(),
            2 => self.dice.guid(),
            _ => format!("1003{}@example.com", self.dice.hex(12).to_uppercase()),
        }
    }

    /// Returns an address in one of the usual forms.
    pub(super) fn address(&mut self) -> String {
        let last = self.dice.below(256);
        match self.dice.below(6) {
            0 => format!("203.0.113.{last}:{}", 1_024 + self.dice.below(60_000)),
            1 => format!("2001:db8:{}::{}", self.dice.hex(3), self.dice.hex(2)),
            2 => format!("[2001:db8::{}]:{}", self.dice.hex(4), 1_024 + self.dice.below(60_000)),
            3 => format!("198.51.100.{last}"),
            _ => format!("203.0.113.{last}"),
        }
    }

    /// Adds `ClientIP`, with an address, with null or not at all.
    pub(super) fn with_client_ip(&mut self, fields: Fields<'static>) -> Fields<'static> {
        match self.dice.below(10) {
            0 => fields,
            1 => fields.with("ClientIP", serde_json::Value::Null),
            _ => {
                let address = self.address();
                fields.with("ClientIP", address)
            }
        }
    }

    pub(super) fn app_access_context(&mut self) -> serde_json::Value {
        match self.dice.below(5) {
            0 => json!({}),
            1 => json!({"DeviceId": self.dice.guid()}),
            2 => json!({"ClientAppName": "Microsoft Teams", "CorrelationId": self.dice.guid()}),
            _ => json!({
                "AADSessionId": self.dice.guid(), "CorrelationId": self.dice.guid(), "UniqueTokenId": self.dice.alphanumeric(22),
                "IssuedAtTime": self.time, "ClientAppId": self.dice.guid(), "APIId": "00000003-0000-0ff1-ce00-000000000000",
            }),
        }
    }
}

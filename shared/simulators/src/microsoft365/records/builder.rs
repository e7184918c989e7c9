//! Makes the parts that all records have in common.

use serde_json::json;

use super::record_form::RecordForm;
use super::record_settings::RecordSettings;
use crate::fields::Fields;
use crate::seeded_rng::SeededRng;

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

/// Makes one record from its number, its time and random values.
pub(super) struct RecordBuilder<'a> {
    pub(super) rng: SeededRng,
    pub(super) id: String,
    pub(super) time: String,
    pub(super) record_settings: &'a RecordSettings,
    pub(super) number: usize,
    pub(super) form: RecordForm,
}

impl RecordBuilder<'_> {
    /// Returns a record with the fields that all records have.
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
        if self.rng.chance(0.8) {
            fields = fields.with("ResultStatus", self.rng.pick(&["Success", "Succeeded", "True", "Failed"]));
        }
        let user_type = if user.contains('@') { self.rng.pick(&[0, 0, 0, 2, 10]) } else { self.rng.pick(&[4, 5, 6]) };
        fields
            .with("UserKey", self.user_key(user))
            .with("UserType", user_type)
            .with("Version", 1)
            .with("Workload", workload)
            .with("UserId", user)
    }

    /// Returns the `UserId` of a person, or sometimes that of a system account or a service principal, or `Not
    /// Available`.
    fn user(&mut self) -> &'static str {
        match self.rng.below(12) {
            0 => self.rng.pick(&["NT AUTHORITY\\SYSTEM", "S-1-5-18", "Not Available", "app@sharepoint"]),
            1 => "ServicePrincipal_5d1f0c7e-9b22-4b0e-8a35-1f6d0e2c4b9a",
            _ => self.rng.pick(&PEOPLE),
        }
    }

    fn user_key(&mut self, user: &str) -> String {
        match self.rng.below(4) {
            0 => format!("i:0h.f|membership|{}@live.com", self.rng.hex(16)),
            1 => user.to_owned(),
            2 => self.rng.guid(),
            _ => format!("1003{}@example.com", self.rng.hex(12).to_uppercase()),
        }
    }

    /// Returns an IP address in one of the usual forms: IPv4 or IPv6, with or without a port.
    pub(super) fn address(&mut self) -> String {
        let last = self.rng.below(256);
        match self.rng.below(6) {
            0 => format!("203.0.113.{last}:{}", 1_024 + self.rng.below(60_000)),
            1 => format!("2001:db8:{}::{}", self.rng.hex(3), self.rng.hex(2)),
            2 => format!("[2001:db8::{}]:{}", self.rng.hex(4), 1_024 + self.rng.below(60_000)),
            3 => format!("198.51.100.{last}"),
            _ => format!("203.0.113.{last}"),
        }
    }

    /// Usually adds the field `ClientIP` with an address, sometimes with `null`, and sometimes adds nothing.
    pub(super) fn with_client_ip(&mut self, fields: Fields<'static>) -> Fields<'static> {
        match self.rng.below(10) {
            0 => fields,
            1 => fields.with("ClientIP", serde_json::Value::Null),
            _ => {
                let address = self.address();
                fields.with("ClientIP", address)
            }
        }
    }

    pub(super) fn app_access_context(&mut self) -> serde_json::Value {
        match self.rng.below(5) {
            0 => json!({}),
            1 => json!({"DeviceId": self.rng.guid()}),
            2 => json!({"ClientAppName": "Microsoft Teams", "CorrelationId": self.rng.guid()}),
            _ => json!({
                "AADSessionId": self.rng.guid(), "CorrelationId": self.rng.guid(), "UniqueTokenId": self.rng.alphanumeric(22),
                "IssuedAtTime": self.time, "ClientAppId": self.rng.guid(), "APIId": "00000003-0000-0ff1-ce00-000000000000",
            }),
        }
    }
}

//! Records, made when they are asked for: the same number always gives the same record.

mod dlp;
mod entra;
mod exchange;
mod general;
mod irregular;
mod sharepoint;

use jiff::Timestamp;
use serde_json::json;

use super::behaviours::{Behaviours, READ_DLP};
use super::content_type::ContentType;
use crate::dice::Dice;
use crate::fields::Fields;
use crate::options::Options;

/// People of the simulated tenant.
pub(super) const PEOPLE: [&str; 7] = [
    "mina.okafor@example.com",
    "jens.aaberg@example.com",
    "li.wei@example.com",
    "anneke.de.vries@example.org",
    "tom.o'brien@example.com",
    "ravi.kumar@example.net",
    "kiosk-07_example.com#EXT#@example.onmicrosoft.com",
];

/// A record that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Made {
    pub(super) content_type: ContentType,
    pub(super) number: usize,
    /// The number of the record whose `Id` it bears; its own, as a rule.
    pub(super) named_as: usize,
    /// Seconds since 1970.
    pub(super) happened: i64,
}

/// What records are made by. Settled at the start: a record never changes.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    seed: u64,
    tenant: String,
    irregular: f64,
    large: f64,
    with_detections: bool,
}

impl Recipe {
    pub(super) fn new(options: &Options, behaviours: &Behaviours) -> Self {
        Self {
            seed: options.seed,
            tenant: behaviours.tenant_id.clone(),
            irregular: behaviours.irregular,
            large: behaviours.large,
            with_detections: behaviours.roles.iter().any(|role| role == READ_DLP),
        }
    }

    /// The record's text.
    pub(super) fn record(&self, made: &Made) -> String {
        let kind = made.content_type.name();
        let id = Dice::new(self.seed ^ 1, kind, made.named_as as u64).guid();
        let mut maker = Maker {
            dice: Dice::new(self.seed ^ 2, kind, made.number as u64),
            id,
            time: moment(made.happened),
            recipe: self,
            number: made.number,
        };
        let mut fields = match made.content_type {
            ContentType::Entra => entra::record(&mut maker),
            ContentType::Exchange => exchange::record(&mut maker),
            ContentType::SharePoint => sharepoint::record(&mut maker),
            ContentType::General => general::record(&mut maker),
            ContentType::Dlp => dlp::record(&mut maker),
        };
        if maker.dice.chance(self.large) {
            fields = fields.with("ExtendedData", "…".repeat(8_000));
        }
        if maker.dice.chance(self.irregular) {
            irregular::make(&mut fields, &mut maker.dice);
        }
        fields.to_json()
    }
}

/// A moment as records write it: seconds, no zone.
fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// What goes into one record.
struct Maker<'a> {
    dice: Dice,
    id: String,
    time: String,
    recipe: &'a Recipe,
    number: usize,
}

impl Maker<'_> {
    /// The fields that every record has.
    fn common(&mut self, record_type: i64, operation: &'static str, workload: &'static str) -> Fields<'static> {
        let user = self.user();
        let mut fields = Fields(Vec::with_capacity(32))
            .with("CreationTime", self.time.as_str())
            .with("Id", self.id.as_str())
            .with("Operation", operation)
            .with("OrganizationId", self.recipe.tenant.as_str())
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

    /// A person as a rule; a system account, a service principal or nobody in particular at times.
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

    /// An address in one of the forms that are usual.
    fn address(&mut self) -> String {
        let last = self.dice.below(256);
        match self.dice.below(6) {
            0 => format!("203.0.113.{last}:{}", 1_024 + self.dice.below(60_000)),
            1 => format!("2001:db8:{}::{}", self.dice.hex(3), self.dice.hex(2)),
            2 => format!("[2001:db8::{}]:{}", self.dice.hex(4), 1_024 + self.dice.below(60_000)),
            3 => format!("198.51.100.{last}"),
            _ => format!("203.0.113.{last}"),
        }
    }

    /// `ClientIP`: there, null or not there at all.
    fn with_client_ip(&mut self, fields: Fields<'static>) -> Fields<'static> {
        match self.dice.below(10) {
            0 => fields,
            1 => fields.with("ClientIP", serde_json::Value::Null),
            _ => {
                let address = self.address();
                fields.with("ClientIP", address)
            }
        }
    }

    fn app_access_context(&mut self) -> serde_json::Value {
        match self.dice.below(4) {
            0 => json!({}),
            1 => json!({"ClientAppName": "Microsoft Teams", "CorrelationId": self.dice.guid()}),
            _ => json!({
                "AADSessionId": self.dice.guid(), "CorrelationId": self.dice.guid(), "UniqueTokenId": self.dice.alphanumeric(22),
                "IssuedAtTime": self.time, "ClientAppId": self.dice.guid(), "APIId": "00000003-0000-0ff1-ce00-000000000000",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn records(content_type: ContentType, irregular: f64) -> Vec<Value> {
        let behaviours = Behaviours { irregular, large: 0.01, ..Behaviours::default() };
        let recipe = Recipe::new(&Options::new(Timestamp::UNIX_EPOCH), &behaviours);
        let made = |number| Made { content_type, number, named_as: number, happened: 1_795_338_000 };
        let texts: Vec<_> = (1..=300).map(|number| recipe.record(&made(number))).collect();
        assert!(texts.iter().enumerate().all(|(place, text)| *text == recipe.record(&made(place + 1))));
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
        texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    #[test]
    fn every_record_has_what_records_must_have() {
        for content_type in ContentType::ALL {
            for record in records(content_type, 0.0) {
                for name in ["Id", "Operation", "OrganizationId", "UserId"] {
                    assert!(record[name].is_string(), "{name} of {record}");
                }
                assert!(record["RecordType"].is_i64() && record["UserType"].is_i64(), "{record}");
                assert_eq!(record["CreationTime"], "2026-11-22T09:00:00");
            }
        }
    }

    #[test]
    fn what_a_content_type_is_known_by() {
        let check = |content_type, names: &[&str]| {
            let records = records(content_type, 0.0);
            for name in names {
                assert!(records.iter().any(|record| !record[name].is_null()), "no {content_type:?} has {name}");
            }
        };
        check(
            ContentType::Entra,
            &["Actor", "Target", "ExtendedProperties", "ModifiedProperties", "AzureActiveDirectoryEventType"],
        );
        check(ContentType::Exchange, &["Parameters", "ExternalAccess", "MailboxOwnerUPN", "Item", "AffectedItems"]);
        check(ContentType::SharePoint, &["SiteUrl", "SourceFileName", "SharingType", "EventData"]);
        check(ContentType::General, &["CopilotEventData", "TeamName", "WorkSpaceName", "RecordNumber", "Data"]);
        check(
            ContentType::Dlp,
            &["PolicyDetails", "SharePointMetaData", "ExchangeMetaData", "EndpointMetaData", "IncidentId"],
        );
    }

    #[test]
    fn irregular_ones_still_are_objects() {
        for content_type in ContentType::ALL {
            assert!(records(content_type, 1.0).iter().all(Value::is_object));
        }
    }
}

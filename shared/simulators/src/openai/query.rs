//! The query parameters of a list request.

use std::ops::Range;

use jiff::Timestamp;

use super::behaviours::Behaviours;
use super::types;
use crate::http;

/// The highest accepted `limit`.
const MAX_LIMIT: usize = 100;

/// An invalid query parameter: its name, and a message that says what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) param: String,
    pub(super) message: String,
}

/// The parsed query parameters of a list request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) limit: usize,
    pub(super) after: Option<String>,
    pub(super) before: Option<String>,
    pub(super) tenant_only: bool,
    /// The first second of the requested window, in seconds since 1970.
    pub(super) from: i64,
    /// The last second of the requested window, inclusive, in seconds since 1970.
    pub(super) to: i64,
    pub(super) filters: Vec<(Filter, Vec<String>)>,
}

/// A field of events by which a list request can filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Projects,
    EventTypes,
    Actors,
    ActorEmails,
    Resources,
}

impl Filter {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "project_ids" => Self::Projects,
            "event_types" => Self::EventTypes,
            "actor_ids" => Self::Actors,
            "actor_emails" => Self::ActorEmails,
            "resource_ids" => Self::Resources,
            _ => return None,
        })
    }
}

impl Query {
    /// Parses a query string. The brackets of `event_types[]` and the like may be percent-encoded.
    ///
    /// # Errors
    /// A parameter has an invalid value, or a filter lacks its brackets.
    pub(super) fn parse(text: &str, behaviours: &Behaviours) -> Result<Self, Refused> {
        let mut query = Self {
            limit: 20,
            after: None,
            before: None,
            tenant_only: false,
            from: i64::MIN,
            to: i64::MAX,
            filters: Vec::new(),
        };
        for (name, value) in http::decode_parameters(text.as_bytes()) {
            query.add_parameter(&name, value, behaviours)?;
        }
        query.check_types()?;
        Ok(query)
    }

    fn add_parameter(&mut self, name: &str, value: String, behaviours: &Behaviours) -> Result<(), Refused> {
        match name {
            "limit" => self.limit = parse_limit(&value, behaviours.limit_clamped)?,
            "after" => self.after = Some(value),
            "before" => self.before = Some(value),
            "tenant_only" => self.tenant_only = value.parse().map_err(|_| refused(name, "must be true or false"))?,
            "effective_at[gt]" => self.from = self.from.max(parse_seconds(name, &value)?.saturating_add(1)),
            "effective_at[gte]" => self.from = self.from.max(parse_seconds(name, &value)?),
            "effective_at[lt]" => self.to = self.to.min(parse_seconds(name, &value)?.saturating_sub(1)),
            "effective_at[lte]" => self.to = self.to.min(parse_seconds(name, &value)?),
            _ => return self.add_filter(name, value, behaviours.unbracketed_ignored),
        }
        Ok(())
    }

    fn add_filter(&mut self, name: &str, value: String, unbracketed_ignored: bool) -> Result<(), Refused> {
        let Some(filter) = Filter::named(name.trim_end_matches("[]")) else {
            return Ok(()); // Unknown parameters are ignored.
        };
        if !name.ends_with("[]") {
            return if unbracketed_ignored { Ok(()) } else { Err(refused(name, "is a list: write it with []")) };
        }
        match self.filters.iter_mut().find(|(known, _)| *known == filter) {
            Some((_, values)) => values.push(value),
            None => self.filters.push((filter, vec![value])),
        }
        Ok(())
    }

    /// Returns the requested window. Its end is exclusive.
    pub(super) fn window(&self) -> Range<Timestamp> {
        let moment = |second: i64, end| Timestamp::from_second(second).unwrap_or(end);
        moment(self.from, Timestamp::MIN)..moment(self.to.saturating_add(1), Timestamp::MAX)
    }

    fn check_types(&self) -> Result<(), Refused> {
        let requested_types =
            self.filters.iter().filter(|(filter, _)| *filter == Filter::EventTypes).flat_map(|(_, types)| types);
        for event_type in requested_types {
            if !types::is_known(event_type) {
                return Err(refused("event_types", &format!("has no value {event_type:?}")));
            }
            if self.tenant_only && !types::is_tenant_scoped(event_type) {
                return Err(refused("event_types", &format!("{event_type:?} is not of the tenant")));
            }
        }
        Ok(())
    }
}

fn parse_limit(value: &str, is_clamped: bool) -> Result<usize, Refused> {
    let max = i64::try_from(MAX_LIMIT).unwrap_or(i64::MAX);
    match value.parse::<i64>() {
        Ok(limit) if is_clamped || (1..=max).contains(&limit) => {
            Ok(usize::try_from(limit.max(1)).unwrap_or(MAX_LIMIT).min(MAX_LIMIT))
        }
        _ => Err(refused("limit", "must be an integer from 1 to 100")),
    }
}

fn parse_seconds(name: &str, value: &str) -> Result<i64, Refused> {
    value.parse().map_err(|_| refused(name, "must be an integer, seconds since 1970"))
}

fn refused(param: &str, problem: &str) -> Refused {
    Refused { param: param.to_owned(), message: format!("Invalid '{param}': {problem}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Query, Refused> {
        Query::parse(text, &Behaviours::default())
    }

    #[test]
    fn b12_bounds_are_whole_seconds_and_combine() {
        let query =
            parse("effective_at[gte]=10&effective_at%5Bgt%5D=10&effective_at[lt]=20&effective_at[lte]=25").unwrap();
        assert_eq!((query.from, query.to), (11, 19));
        assert_eq!(parse("").map(|query| (query.limit, query.tenant_only)), Ok((20, false)));
    }

    #[test]
    fn b13_lists_are_repeated_with_brackets() {
        let query = parse("event_types[]=login.failed&event_types%5B%5D=user.added&project_ids[]=p").unwrap();
        assert_eq!(query.filters.len(), 2);
        assert_eq!(query.filters[0].1, ["login.failed", "user.added"]);
    }

    #[test]
    fn err_b07_b12_b13_b14_b15_the_message_names_the_parameter() {
        let check = |text: &str, param: &str| assert_eq!(parse(text).unwrap_err().param, param, "{text}");
        check("limit=0", "limit");
        check("limit=101", "limit");
        check("limit=ten", "limit");
        check("effective_at[gt]=2026-11-22", "effective_at[gt]");
        check("effective_at[lte]=1.5", "effective_at[lte]");
        check("event_types=login.failed", "event_types");
        check("event_types[]=login.failed,user.added", "event_types");
        check("event_types[]=no.such", "event_types");
        check("tenant_only=true&event_types[]=login.failed", "event_types");
        check("tenant_only=1", "tenant_only");
    }

    #[test]
    fn b07_a_limit_out_of_range_may_be_replaced_by_the_nearest_valid_one() {
        let clamped = Behaviours { limit_clamped: true, ..Behaviours::default() };
        for (text, limit) in [("limit=0", 1), ("limit=-3", 1), ("limit=101", 100), ("limit=7", 7)] {
            assert_eq!(Query::parse(text, &clamped).unwrap().limit, limit);
        }
        assert!(Query::parse("limit=ten", &clamped).is_err());
    }

    #[test]
    fn b13_a_list_without_brackets_may_be_ignored() {
        let lenient = Behaviours { unbracketed_ignored: true, ..Behaviours::default() };
        let query = Query::parse("event_types=login.failed&project_ids=p&limit=3", &lenient).unwrap();
        assert!(query.filters.is_empty() && query.limit == 3);
    }
}

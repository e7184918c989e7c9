//! The list of events: finds the page that a request asks for.

use std::collections::HashMap;

use super::behaviours::Behaviours;
use super::event::Event;
use super::query::{Filter, Query};
use crate::canonical::text_at;

/// A page of the list of events.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The indices of the page's events in [`List::events`].
    pub(super) events: Vec<usize>,
    pub(super) has_more: bool,
}

/// The error for a cursor that names no known event. The value is the name of the parameter: `after` or `before`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownId(pub(super) &'static str);

/// All events, and which of them can be listed at one moment.
pub(super) struct List<'a> {
    /// All events, newest first, visible or not.
    pub(super) events: &'a [Event],
    /// The index in `events` of the event that a cursor names.
    pub(super) index_by_cursor: &'a HashMap<String, usize>,
    /// For each event of `events`, `true` if it is visible.
    pub(super) visible: &'a [bool],
    /// Events that happened before this second are no longer kept. In seconds since 1970.
    pub(super) kept_from: i64,
    pub(super) behaviours: &'a Behaviours,
}

impl List<'_> {
    /// Returns the page that `query` asks for.
    pub(super) fn page(&self, query: &Query) -> Result<Page, UnknownId> {
        let (after, before) =
            (self.cursor_index(query, &query.after, "after")?, self.cursor_index(query, &query.before, "before")?);
        let (start, end) = self.window(query);
        let ascending = self.behaviours.ascending;
        let (above, below) = if ascending { (after, before) } else { (before, after) };
        let start = below.map_or(start, |index| start.max(index + 1));
        let end = above.map_or(end, |index| end.min(index)).max(start);
        let matching = (start..end).filter(|index| self.is_listed(*index, query));
        // With `before` alone, the page has the events nearest to the cursor, so it is read backwards from there.
        let is_backwards = before.is_some() && after.is_none();
        Ok(if ascending == is_backwards {
            self.take_page(matching, query.limit)
        } else {
            self.take_page(matching.rev(), query.limit)
        })
    }

    /// Returns the page that ends with the `after` cursor of `query`, as if the API repeated it. Without that cursor,
    /// returns the requested page.
    pub(super) fn repeated_page(&self, query: &Query) -> Result<Page, UnknownId> {
        let next = self.page(query)?;
        let Some(cursor) = self.cursor_index(query, &query.after, "after")? else { return Ok(next) };
        let (start, end) = self.window(query);
        let is_listed = |index: &usize| self.is_listed(*index, query);
        let page = if self.behaviours.ascending {
            self.take_page((cursor.max(start)..end).filter(is_listed), query.limit)
        } else {
            self.take_page((start..end.min(cursor + 1)).filter(is_listed).rev(), query.limit)
        };
        Ok(Page { has_more: !next.events.is_empty(), ..page })
    }

    /// Returns the first index and the index after the last one of the events that happened in the requested seconds.
    fn window(&self, query: &Query) -> (usize, usize) {
        let start = self.events.partition_point(|event| event.effective_at > query.to);
        (start, self.events.partition_point(|event| event.effective_at >= query.from).max(start))
    }

    /// Returns the index of the event that the cursor `id` names; `None` if the request has no such cursor.
    ///
    /// # Errors
    /// The cursor names no known event.
    fn cursor_index(
        &self,
        query: &Query,
        id: &Option<String>,
        param: &'static str,
    ) -> Result<Option<usize>, UnknownId> {
        let Some(id) = id else { return Ok(None) };
        let is_known = |index: &usize| {
            self.visible[*index]
                && (self.behaviours.vanished_cursor_kept || self.is_kept(*index))
                && (!self.behaviours.filtered_cursor_unknown || self.matches_query(*index, query))
        };
        self.index_by_cursor.get(id).copied().filter(is_known).map(Some).ok_or(UnknownId(param))
    }

    fn is_kept(&self, index: usize) -> bool {
        self.events[index].effective_at >= self.kept_from
    }

    fn matches_query(&self, index: usize, query: &Query) -> bool {
        let event = &self.events[index];
        event.is_tenant_scoped == query.tenant_only
            && (query.from..=query.to).contains(&event.effective_at)
            && matches_filters(event, &query.filters)
    }

    fn is_listed(&self, index: usize, query: &Query) -> bool {
        self.visible[index] && self.is_kept(index) && self.matches_query(index, query)
    }

    /// Takes the first `limit` indices of `matching` and sorts them in the order of the list.
    fn take_page(&self, mut matching: impl Iterator<Item = usize>, limit: usize) -> Page {
        let mut events: Vec<_> = matching.by_ref().take(limit).collect();
        let has_more = matching.next().is_some();
        events.sort_unstable_by_key(|index| if self.behaviours.ascending { usize::MAX - index } else { *index });
        Page { events, has_more }
    }
}

/// Returns `true` if the event matches all filters. It matches a filter if it has at least one of the filter's values.
fn matches_filters(event: &Event, filters: &[(Filter, Vec<String>)]) -> bool {
    filters.iter().all(|(filter, values)| filter_values(&event.raw, *filter).iter().any(|value| values.contains(value)))
}

/// Returns the values of the event that `filter` compares with the requested ones. An actor, for example, has several
/// ids.
fn filter_values(raw: &str, filter: Filter) -> Vec<String> {
    let paths: &[&[&str]] = match filter {
        Filter::Projects => &[&["project", "id"]],
        Filter::EventTypes => &[&["type"]],
        Filter::Actors => &[
            &["actor", "session", "user", "id"],
            &["actor", "api_key", "id"],
            &["actor", "api_key", "user", "id"],
            &["actor", "api_key", "service_account", "id"],
        ],
        Filter::ActorEmails => &[&["actor", "session", "user", "email"], &["actor", "api_key", "user", "email"]],
        Filter::Resources => {
            let event_type = text_at(raw, &["type"]);
            return event_type.and_then(|event_type| text_at(raw, &[&event_type, "id"])).into_iter().collect();
        }
    };
    paths.iter().filter_map(|path| text_at(raw, path)).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    /// Returns seven events, newest first: a to g at the seconds 9, 8, 8, 8, 5, 5 and 1. Event d is listed under
    /// `tenant_only=true`, the others are not.
    fn events() -> Vec<Event> {
        let event = |(id, second): (&str, i64)| {
            let event_type = if id == "d" { "tenant.user.added" } else { "user.added" };
            let raw = json!({
                "id": id, "type": event_type, "effective_at": second, "project": {"id": format!("p{second}")},
                "actor": {"session": {"user": {"id": "u", "email": format!("{id}@example.com")}}},
                event_type: {"id": format!("r-{id}")},
            });
            Event {
                id: Some(id.to_owned()),
                cursor: id.to_owned(),
                effective_at: second,
                visible_at: Timestamp::UNIX_EPOCH,
                is_tenant_scoped: id == "d",
                raw: raw.to_string(),
            }
        };
        [("a", 9), ("b", 8), ("c", 8), ("d", 8), ("e", 5), ("f", 5), ("g", 1)].map(event).into()
    }

    /// Returns the ids of the page that `query` asks for, and its `has_more`. With `is_g_dropped`, the oldest event, g,
    /// is no longer kept. With `is_repeat`, the API repeats the page before the requested one.
    fn requested(
        query: &str,
        behaviours: &Behaviours,
        is_g_dropped: bool,
        is_repeat: bool,
    ) -> Result<(String, bool), UnknownId> {
        let events = events();
        let index_by_cursor = events.iter().enumerate().map(|(index, event)| (event.cursor.clone(), index)).collect();
        let visible = vec![true; events.len()];
        let kept_from = if is_g_dropped { 2 } else { i64::MIN };
        let list =
            List { events: &events, index_by_cursor: &index_by_cursor, visible: &visible, kept_from, behaviours };
        let query = Query::parse(query, behaviours).unwrap();
        let page = if is_repeat { list.repeated_page(&query)? } else { list.page(&query)? };
        Ok((page.events.iter().map(|index| events[*index].cursor.as_str()).collect(), page.has_more))
    }

    fn requested_page(query: &str, ascending: bool) -> Result<(String, bool), UnknownId> {
        requested(query, &Behaviours { ascending, ..Behaviours::default() }, false, false)
    }

    fn check(query: &str, ids: &str, has_more: bool) {
        assert_eq!(requested_page(query, false), Ok((ids.to_owned(), has_more)), "{query}");
    }

    #[test]
    fn b06_b10_the_newest_event_is_first_and_has_more_is_correct() {
        check("", "abcefg", false);
        check("limit=2", "ab", true);
        check("limit=6", "abcefg", false);
    }

    #[test]
    fn b08_after_leads_to_older_events_and_before_to_newer_ones() {
        check("after=b&limit=2", "ce", true);
        check("after=f&limit=2", "g", false);
        check("after=g", "", false);
        check("before=e&limit=2", "bc", true);
        check("before=c", "ab", false);
        check("after=a&before=f", "bce", false);
        // Event d is not in this list, but its id is still a valid cursor.
        check("after=d&limit=1", "e", true);
    }

    #[test]
    fn b12_bounds_are_seconds() {
        check("effective_at[gte]=5&effective_at[lt]=9", "bcef", false);
        check("effective_at[gt]=5&effective_at[lte]=9", "abc", false);
        check("effective_at[gte]=8&effective_at[lte]=8&limit=1&after=b", "c", false);
        check("effective_at[gte]=10", "", false);
    }

    #[test]
    fn b14_b15_a_list_can_be_filtered_and_restricted_to_the_tenant() {
        check("tenant_only=true", "d", false);
        check("project_ids[]=p5&project_ids[]=p1", "efg", false);
        check("project_ids[]=p5&actor_emails[]=f@example.com", "f", false);
        check("actor_ids[]=u&event_types[]=user.added&limit=1", "a", true);
        check("resource_ids[]=r-b", "b", false);
    }

    #[test]
    fn b06_ascending_order_is_the_reverse() {
        let check = |query, ids: &str, has_more| {
            assert_eq!(requested_page(query, true), Ok((ids.to_owned(), has_more)), "{query}")
        };
        check("limit=2", "gf", true);
        check("after=f&limit=2", "ec", true);
        check("before=f", "g", false);
        check("before=c&limit=1", "e", true);
    }

    #[test]
    fn b08_the_cursor_of_a_dropped_event_is_unknown() {
        let check = |vanished_cursor_kept, query, expected: Result<&str, UnknownId>| {
            let behaviours = Behaviours { vanished_cursor_kept, ..Behaviours::default() };
            let page = requested(query, &behaviours, true, false).map(|(ids, _)| ids);
            assert_eq!(page, expected.map(str::to_owned), "{query}");
        };
        check(false, "after=f", Ok(""));
        check(false, "before=g", Err(UnknownId("before")));
        check(true, "before=g", Ok("abcef"));
        check(true, "after=g", Ok(""));
    }

    #[test]
    fn b08_the_cursor_of_an_excluded_event_may_be_unknown() {
        let check = |query, expected: Result<&str, UnknownId>| {
            let behaviours = Behaviours { filtered_cursor_unknown: true, ..Behaviours::default() };
            let page = requested(query, &behaviours, false, false).map(|(ids, _)| ids);
            assert_eq!(page, expected.map(str::to_owned), "{query}");
        };
        check("after=e", Ok("fg"));
        check("after=d", Err(UnknownId("after")));
        check("after=a&effective_at[lt]=9", Err(UnknownId("after")));
        check("after=b&project_ids[]=p5", Err(UnknownId("after")));
        check("tenant_only=true&before=d", Ok(""));
    }

    #[test]
    fn a_repeated_page_ends_with_the_cursor() {
        let check = |query, ascending, ids: &str, has_more| {
            let behaviours = Behaviours { ascending, ..Behaviours::default() };
            assert_eq!(requested(query, &behaviours, false, true), Ok((ids.to_owned(), has_more)), "{query}");
        };
        check("limit=2&after=e", false, "ce", true);
        check("limit=2&after=g", false, "fg", false);
        check("limit=2", false, "ab", true);
        check("limit=2&after=e", true, "fe", true);
        check("limit=2&after=a", true, "ba", false);
    }

    #[test]
    fn err_b08_a_cursor_that_does_not_exist() {
        assert_eq!(requested_page("after=x", false), Err(UnknownId("after")));
        assert_eq!(requested_page("before=x", false), Err(UnknownId("before")));
    }
}

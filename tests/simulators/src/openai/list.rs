//! Which events a page has.

use super::events::Event;
use super::query::{Filter, Query};
use crate::canonical::text_at;

/// A page of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Places in the list that was given.
    pub(super) events: Vec<usize>,
    pub(super) has_more: bool,
}

/// A cursor names an event that does not exist: the parameter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownId(pub(super) &'static str);

/// The page of `events` that `query` asks for. `events` stand in list order, newest first;
/// `place` finds an event that exists by its id, `is_visible` tells whether it can be seen yet.
pub(super) fn page(
    events: &[Event],
    query: &Query,
    ascending: bool,
    place: impl Fn(&str) -> Option<usize>,
    is_visible: impl Fn(&Event) -> bool,
) -> Result<Page, UnknownId> {
    let find = |id: &Option<String>, param| match id.as_deref() {
        None => Ok(None),
        Some(id) => place(id).filter(|place| is_visible(&events[*place])).map(Some).ok_or(UnknownId(param)),
    };
    let (after, before) = (find(&query.after, "after")?, find(&query.before, "before")?);
    let start = events.partition_point(|event| event.effective_at > query.to);
    let end = events.partition_point(|event| event.effective_at >= query.from).max(start);
    let (above, below) = if ascending { (after, before) } else { (before, after) };
    let start = below.map_or(start, |place| start.max(place + 1));
    let end = above.map_or(end, |place| end.min(place)).max(start);
    let matching = (start..end).filter(|place| {
        let event = &events[*place];
        event.is_tenant_scoped == query.tenant_only && is_visible(event) && is_wanted(event, &query.filters)
    });
    // `before` alone is read from its cursor outwards, so that its page lies next to it.
    let outwards = before.is_some() && after.is_none();
    Ok(if ascending == outwards {
        cut(matching, query.limit, ascending)
    } else {
        cut(matching.rev(), query.limit, ascending)
    })
}

/// The first `limit` of them, in list order.
fn cut(mut matching: impl Iterator<Item = usize>, limit: usize, ascending: bool) -> Page {
    let mut events: Vec<_> = matching.by_ref().take(limit).collect();
    let has_more = matching.next().is_some();
    events.sort_unstable_by_key(|place| if ascending { usize::MAX - place } else { *place });
    Page { events, has_more }
}

/// Filters all have to match; of one filter's values any will do.
fn is_wanted(event: &Event, filters: &[(Filter, Vec<String>)]) -> bool {
    filters.iter().all(|(filter, values)| facts(&event.raw, *filter).iter().any(|fact| values.contains(fact)))
}

/// What an event has to show to a filter.
fn facts(raw: &str, filter: Filter) -> Vec<String> {
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

    /// Seven events, newest first: a to g at the seconds 9, 8, 8, 8, 5, 5, 1; d is of the tenant.
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

    fn ask(query: &str, ascending: bool) -> Result<(String, bool), UnknownId> {
        let events = events();
        let query = Query::parse(query, false).unwrap();
        let place = |id: &str| events.iter().position(|event| event.id.as_deref() == Some(id));
        let page = page(&events, &query, ascending, place, |_| true)?;
        let ids = page.events.iter().filter_map(|place| events[*place].id.as_deref()).collect();
        Ok((ids, page.has_more))
    }

    fn check(query: &str, ids: &str, has_more: bool) {
        assert_eq!(ask(query, false), Ok((ids.to_owned(), has_more)), "{query}");
    }

    #[test]
    fn newest_first() {
        check("", "abcefg", false);
        check("limit=2", "ab", true);
        check("limit=6", "abcefg", false);
    }

    #[test]
    fn after_goes_down_and_before_up() {
        check("after=b&limit=2", "ce", true);
        check("after=f&limit=2", "g", false);
        check("after=g", "", false);
        check("before=e&limit=2", "bc", true);
        check("before=c", "ab", false);
        check("after=a&before=f", "bce", false);
        // of the tenant, and so not in this list, but it has its place
        check("after=d&limit=1", "e", true);
    }

    #[test]
    fn seconds_are_bounds() {
        check("effective_at[gte]=5&effective_at[lt]=9", "bcef", false);
        check("effective_at[gt]=5&effective_at[lte]=9", "abc", false);
        check("effective_at[gte]=8&effective_at[lte]=8&limit=1&after=b", "c", false);
        check("effective_at[gte]=10", "", false);
    }

    #[test]
    fn filters_and_tenant() {
        check("tenant_only=true", "d", false);
        check("project_ids[]=p5&project_ids[]=p1", "efg", false);
        check("project_ids[]=p5&actor_emails[]=f@example.com", "f", false);
        check("actor_ids[]=u&event_types[]=user.added&limit=1", "a", true);
        check("resource_ids[]=r-b", "b", false);
    }

    #[test]
    fn ascending_is_the_same_turned_round() {
        let check =
            |query, ids: &str, has_more| assert_eq!(ask(query, true), Ok((ids.to_owned(), has_more)), "{query}");
        check("limit=2", "gf", true);
        check("after=f&limit=2", "ec", true);
        check("before=f", "g", false);
        check("before=c&limit=1", "e", true);
    }

    #[test]
    fn err_a_cursor_that_does_not_exist() {
        assert_eq!(ask("after=x", false), Err(UnknownId("after")));
        assert_eq!(ask("before=x", false), Err(UnknownId("before")));
    }
}

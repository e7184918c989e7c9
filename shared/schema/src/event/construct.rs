//! Fields of the schemas that the vendors' APIs do not have, filled from what they do send.

use std::cell::OnceCell;

use crate::event::json::{Document, Kind, NodeId};

/// A field that we fill where the event has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Construction {
    /// The whole event.
    Payload,
    ActorUser,
    ActorServiceAccount,
    Project,
    ApiKey,
    User,
    ServiceAccount,
    /// The scopes of `api_key.updated`, which stand under one of two names: these from the other.
    Scopes {
        from: &'static str,
    },
}

/// What a construction found.
pub(crate) enum Constructed {
    Value(NodeId),
    /// The members of an object.
    Members(Vec<(&'static str, NodeId)>),
}

/// The names under which a field of an object may stand, the best first.
type Sources<'a> = &'a [(&'static str, &'a [&'a [&'a str]])];

impl Construction {
    /// The field's value, given the one that the event has for it. What the event's type is, is found at most once.
    pub(crate) fn fill(
        self,
        event: &Document<'_>,
        sent: Option<NodeId>,
        event_type: &OnceCell<Option<NodeId>>,
    ) -> Option<Constructed> {
        let sent = sent.filter(|id| event.kind(*id) != Kind::Null);
        match self {
            Self::Payload => return Some(Constructed::Value(Document::ROOT)),
            Self::Scopes { from } => return scopes(event, from, sent),
            _ if sent.is_some() => return None,
            _ => {}
        }
        match self {
            Self::ActorUser => {
                let users = [&["actor", "session", "user"][..], &["actor", "api_key", "user"]];
                return members(event, users, &[("id", &[&["id"]]), ("email", &[&["email"]])]);
            }
            Self::ActorServiceAccount => {
                return members(event, [&["actor", "api_key", "service_account"][..]], &[("id", &[&["id"]])]);
            }
            _ => {}
        }
        let find = || event.get(Document::ROOT, "type").filter(|id| event.kind(*id) == Kind::String);
        let kind = event_type.get_or_init(find).map(|id| event.text(id))?;
        self.of_payload(event, &kind)
    }

    /// What the payload of an event of this type says.
    fn of_payload(self, event: &Document<'_>, kind: &str) -> Option<Constructed> {
        let payload = [&[kind][..]];
        match self {
            Self::Project if kind.starts_with("project.") => {
                members(event, payload, &[("id", &[&["id"]]), ("name", &[&["data", "name"], &["data", "title"]])])
            }
            Self::ApiKey if kind.starts_with("api_key.") => members(event, payload, &[("id", &[&["id"]])]),
            Self::User if kind == "invite.sent" => {
                members(event, payload, &[("email", &[&["data", "email"]]), ("role", &[&["data", "role"]])])
            }
            Self::User if kind.starts_with("user.") => members(
                event,
                payload,
                &[("id", &[&["id"]]), ("role", &[&["data", "role"], &["changes_requested", "role"]])],
            ),
            Self::ServiceAccount if kind.starts_with("service_account.") => {
                members(event, payload, &[("id", &[&["id"]])])
            }
            _ => None,
        }
    }
}

fn scopes(event: &Document<'_>, from: &str, sent: Option<NodeId>) -> Option<Constructed> {
    let has_scopes = |id| event.get(id, "scopes").is_some_and(|scopes| event.kind(scopes) != Kind::Null);
    if sent.is_some_and(|id| event.kind(id) != Kind::Object || has_scopes(id)) {
        return None;
    }
    let scopes = event.find(Document::ROOT, &["api_key.updated", from, "scopes"])?;
    (event.kind(scopes) == Kind::Array).then(|| Constructed::Members(vec![("scopes", scopes)]))
}

/// An object of texts, each from the first of the objects that has it; none when there is not one.
fn members<const N: usize>(event: &Document<'_>, objects: [&[&str]; N], sources: Sources<'_>) -> Option<Constructed> {
    let mut found: Vec<(&'static str, NodeId)> = Vec::new();
    for object in objects.iter().filter_map(|path| event.find(Document::ROOT, path)) {
        for (name, paths) in sources {
            let is_new = found.iter().all(|(known, _)| known != name);
            found.extend(first_text(event, object, paths).filter(|_| is_new).map(|id| (*name, id)));
        }
        if found.len() == sources.len() {
            break;
        }
    }
    (!found.is_empty()).then_some(Constructed::Members(found))
}

/// The first of the paths that ends at a string which says something.
fn first_text(event: &Document<'_>, object: NodeId, paths: &[&[&str]]) -> Option<NodeId> {
    let is_text = |id: &NodeId| event.kind(*id) == Kind::String && event.raw(*id) != "\"\"";
    paths.iter().find_map(|path| event.find(object, path).filter(is_text))
}

//! Fills fields that a schema has and the vendor's API does not, from other members of the event.

use std::cell::OnceCell;

use crate::event::json::{Document, Kind, NodeId};

/// The rule that fills one field where the event has no value for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Construction {
    /// The whole event.
    Payload,
    /// `actor.user`, from the session or the API key.
    ActorUser,
    /// `actor.service_account`, from the API key.
    ActorServiceAccount,
    /// `project`, from the payload of a project's event.
    Project,
    /// `api_key`, from the payload of an API key's event.
    ApiKey,
    /// `user`, from the payload of a user's event or of an invitation.
    User,
    /// `service_account`, from the payload of a service account's event.
    ServiceAccount,
    /// The scopes of `api_key.updated`, which stand under one of two names. The field gets those under the other name.
    Scopes {
        /// The other name.
        from: &'static str,
    },
}

/// The result of a construction.
pub(crate) enum Constructed {
    /// A value of the event.
    Value(NodeId),
    /// The members of an object, each with a value of the event.
    Members(Vec<(&'static str, NodeId)>),
}

/// The members of a constructed object, each with the paths that may lead to its value, in order of preference.
type MemberSources<'a> = &'a [(&'static str, &'a [&'a [&'a str]])];

impl Construction {
    /// Fills the field, given the value `sent` that the event has for it. Returns `None` if the field keeps that value.
    /// `event_type` caches the event's type for all fields.
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
        self.fill_from_payload(event, &kind)
    }

    /// Fills the field from the payload of an event of this type.
    fn fill_from_payload(self, event: &Document<'_>, kind: &str) -> Option<Constructed> {
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

/// Finds the scopes under the other name, unless the object has scopes itself.
fn scopes(event: &Document<'_>, from: &str, sent: Option<NodeId>) -> Option<Constructed> {
    let has_scopes = |id| event.get(id, "scopes").is_some_and(|scopes| event.kind(scopes) != Kind::Null);
    if sent.is_some_and(|id| event.kind(id) != Kind::Object || has_scopes(id)) {
        return None;
    }
    let scopes = event.find(Document::ROOT, &["api_key.updated", from, "scopes"])?;
    (event.kind(scopes) == Kind::Array).then(|| Constructed::Members(vec![("scopes", scopes)]))
}

/// Constructs an object of texts. Each text comes from the first of the objects that has it. Returns `None` if no object
/// has any.
fn members<const N: usize>(
    event: &Document<'_>,
    objects: [&[&str]; N],
    sources: MemberSources<'_>,
) -> Option<Constructed> {
    let mut found: Vec<(&'static str, NodeId)> = Vec::new();
    for object in objects.iter().filter_map(|path| event.find(Document::ROOT, path)) {
        for (name, paths) in sources {
            let is_new = found.iter().all(|(known, _)| known != name);
            found.extend(first_nonempty_text(event, object, paths).filter(|_| is_new).map(|id| (*name, id)));
        }
        if found.len() == sources.len() {
            break;
        }
    }
    (!found.is_empty()).then_some(Constructed::Members(found))
}

/// Returns the first string at one of the paths that is not empty.
fn first_nonempty_text(event: &Document<'_>, object: NodeId, paths: &[&[&str]]) -> Option<NodeId> {
    let is_nonempty = |id: &NodeId| event.kind(*id) == Kind::String && event.raw(*id) != "\"\"";
    paths.iter().find_map(|path| event.find(object, path).filter(is_nonempty))
}

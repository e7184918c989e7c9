//! Fills fields that a schema declares but the vendor's API does not send. The values come from other members of the
//! event.

use std::cell::OnceCell;

use crate::event::json::{Document, Kind, NodeId};

/// The rule that fills one field that the vendor's API does not send.
///
/// The payload of an OpenAI event is the member that is named after the event's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Construction {
    /// Fills `payload` with the whole event.
    Payload,
    /// Fills `actor.user` from the actor's session or API key.
    ActorUser,
    /// Fills `actor.service_account` from the actor's API key.
    ActorServiceAccount,
    /// Fills `project` from the payload of an event of type `project.*`.
    Project,
    /// Fills `api_key` from the payload of an event of type `api_key.*`.
    ApiKey,
    /// Fills `user` from the payload of an event of type `user.*` or `invite.sent`.
    User,
    /// Fills `service_account` from the payload of an event of type `service_account.*`.
    ServiceAccount,
    /// Fills one of the objects `data` and `changes_requested` of `api_key.updated` with the scopes of the other,
    /// because the vendor sends the scopes in one of them only.
    Scopes {
        /// The name of the other object.
        from: &'static str,
    },
}

/// The value that a [`Construction`] gives to its field.
pub(crate) enum Constructed {
    /// A value from elsewhere in the event.
    Value(NodeId),
    /// An object that is not in the event. The values of its members come from the event.
    Members(Vec<(&'static str, NodeId)>),
}

/// The names of a constructed object's members. Each has the paths at which its value may be found, the preferred path
/// first.
type MemberSources<'a> = &'a [(&'static str, &'a [&'a [&'a str]])];

impl Construction {
    /// Returns the value that the field gets. `sent` is the value that the event has for the field. Returns `None` if
    /// the field keeps `sent` or gets no value.
    ///
    /// `event_type` caches the place of the event's type for all fields of the event.
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

    /// Returns the value that the field gets from the payload of an event of the type `kind`; `None` if it gets none.
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

/// Takes the scopes from the object `from` of `api_key.updated`. Returns `None` if `sent` has scopes or is no object,
/// or if `from` has no list of scopes.
fn scopes(event: &Document<'_>, from: &str, sent: Option<NodeId>) -> Option<Constructed> {
    let has_scopes = |id| event.get(id, "scopes").is_some_and(|scopes| event.kind(scopes) != Kind::Null);
    if sent.is_some_and(|id| event.kind(id) != Kind::Object || has_scopes(id)) {
        return None;
    }
    let scopes = event.find(Document::ROOT, &["api_key.updated", from, "scopes"])?;
    (event.kind(scopes) == Kind::Array).then(|| Constructed::Members(vec![("scopes", scopes)]))
}

/// Constructs an object of strings. Each string comes from the first of `objects` that has it. Returns `None` if none
/// of them has any.
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

/// Returns the first string that is not empty. The paths begin in `object` and are tried in order.
fn first_nonempty_text(event: &Document<'_>, object: NodeId, paths: &[&[&str]]) -> Option<NodeId> {
    let is_nonempty = |id: &NodeId| event.kind(*id) == Kind::String && event.raw(*id) != "\"\"";
    paths.iter().find_map(|path| event.find(object, path).filter(is_nonempty))
}

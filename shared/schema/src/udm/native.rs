//! The methods of the built-in models, in Rust.
//!
//! A built-in model computes the values of all its methods at once, because they share what they read: the address and
//! its port, or the operation and the role that it gives.

use std::borrow::Cow;
use std::ops::ControlFlow;

/// The index of a path in [`NativeModel::reads`].
pub(crate) type PathIndex = usize;

/// The members of a line that a built-in model reads.
pub(crate) trait Members {
    /// Returns the JSON text of the member that a path of [`NativeModel::reads`] leads to; `None` if the line does not
    /// have it.
    fn get(&self, read: PathIndex) -> Option<&[u8]>;

    /// Calls `visit` for each object of one of [`NativeModel::lists`], with the JSON texts of the two members that the
    /// [`List`] names, until it returns [`ControlFlow::Break`].
    fn each_row<'l>(&'l self, list: &List, visit: &mut dyn FnMut([Option<&'l [u8]>; 2]) -> ControlFlow<()>);
}

/// A list of objects of which a model reads two members.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// The index of this list in [`NativeModel::lists`].
    pub(crate) number: usize,
    pub(crate) name: &'static str,
    pub(crate) cells: [&'static str; 2],
}

/// Declares the paths that a model reads as `READS`, and for each path a constant with its [`PathIndex`].
macro_rules! reads {
    ($($constant:ident: $($name:literal).+;)+) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Number { $($constant),+ }
        $(const $constant: $crate::udm::native::PathIndex = Number::$constant as $crate::udm::native::PathIndex;)+
        const READS: &[&[&str]] = &[$(&[$($name),+]),+];
    };
}
pub(crate) use reads;

/// A value that a method returns, which is not converted to the type of its name yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NativeValue<'l> {
    /// A JSON string that needs no unescaping, as it stands on the line.
    Json(&'l [u8]),
    /// A text that is not JSON yet.
    Text(Cow<'l, str>),
    /// A whole number.
    Number(u64),
}

/// The methods that built-in models may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NativeMethod {
    ActorUser,
    AssignedAdminRole,
    EventType,
    SourceIp,
    SourcePort,
    User,
    UserAgent,
}

impl NativeMethod {
    /// Returns the name of the method in the models' YAML files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ActorUser => "get_actor_user",
            Self::AssignedAdminRole => "get_assigned_admin_role",
            Self::EventType => "get_event_type",
            Self::SourceIp => "get_source_ip",
            Self::SourcePort => "get_source_port",
            Self::User => "get_user",
            Self::UserAgent => "get_user_agent",
        }
    }
}

/// The values of all methods on one line. A field is `None` if the model does not have the method, or the method has no
/// value for this line.
#[derive(Debug, Default)]
pub(crate) struct NativeValues<'l> {
    pub(crate) actor_user: Option<NativeValue<'l>>,
    pub(crate) assigned_admin_role: Option<NativeValue<'l>>,
    pub(crate) event_type: Option<&'static str>,
    pub(crate) source_ip: Option<NativeValue<'l>>,
    pub(crate) source_port: Option<u16>,
    pub(crate) user: Option<NativeValue<'l>>,
    pub(crate) user_agent: Option<NativeValue<'l>>,
}

impl<'l> NativeValues<'l> {
    /// Returns the value of a method. A value that may own its text is moved out, so a second call returns `None` for
    /// it.
    pub(crate) fn take(&mut self, method: NativeMethod) -> Option<NativeValue<'l>> {
        match method {
            NativeMethod::ActorUser => self.actor_user.take(),
            NativeMethod::AssignedAdminRole => self.assigned_admin_role.take(),
            NativeMethod::EventType => self.event_type.map(|text| NativeValue::Text(text.into())),
            NativeMethod::SourceIp => self.source_ip.take(),
            NativeMethod::SourcePort => self.source_port.map(|port| NativeValue::Number(port.into())),
            NativeMethod::User => self.user.take(),
            NativeMethod::UserAgent => self.user_agent.take(),
        }
    }
}

/// The Rust part of a built-in model: what it reads of a line, and its methods.
#[derive(Debug)]
pub(crate) struct NativeModel {
    /// The paths of the members that the methods read.
    pub(crate) reads: &'static [&'static [&'static str]],
    /// The lists of objects that the methods read, in the order of [`List::number`].
    pub(crate) lists: &'static [List],
    /// The model's methods, sorted by name.
    pub(crate) methods: &'static [NativeMethod],
    /// Computes the values of all methods on one line.
    pub(crate) values: for<'l> fn(&'l dyn Members) -> NativeValues<'l>,
}

impl NativeModel {
    /// Returns the method with this name; `None` if the model does not have it.
    pub(crate) fn method(&self, name: &str) -> Option<NativeMethod> {
        self.methods.iter().copied().find(|method| method.name() == name)
    }
}

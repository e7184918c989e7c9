//! The methods of the built-in models, in Rust.
//!
//! A built-in model computes the values of all its methods at once, because they share what they read: the address and
//! its port, or the operation and the role that it gives.

use std::borrow::Cow;
use std::ops::ControlFlow;

/// The number of a path in [`NativeModel::reads`].
pub(crate) type Read = usize;

/// The members of a line that a built-in model reads.
pub(crate) trait Members {
    /// Returns the JSON text at the end of a path of the model's `reads`; `None` if the line does not have it.
    fn get(&self, read: Read) -> Option<&[u8]>;

    /// Calls `visit` with the JSON texts of two members of each object in one of the model's `lists`, until it returns
    /// [`ControlFlow::Break`].
    fn each_row<'l>(&'l self, list: &List, visit: &mut dyn FnMut([Option<&'l [u8]>; 2]) -> ControlFlow<()>);
}

/// A list of objects, with two members of each object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// Its number among the lists of its model.
    pub(crate) number: usize,
    pub(crate) name: &'static str,
    pub(crate) cells: [&'static str; 2],
}

/// Declares the paths that a model reads, and a constant with the [`Read`] of each.
macro_rules! reads {
    ($($constant:ident: $($name:literal).+;)+) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Number { $($constant),+ }
        $(const $constant: $crate::udm::native::Read = Number::$constant as $crate::udm::native::Read;)+
        const READS: &[&[&str]] = &[$(&[$($name),+]),+];
    };
}
pub(crate) use reads;

/// A value that a method returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NativeValue<'l> {
    /// A JSON string without escapes, as it stands on the line.
    Json(&'l [u8]),
    /// A text.
    Text(Cow<'l, str>),
    /// A whole number.
    Number(u64),
}

/// A method of the built-in models.
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
    /// Returns the name that the models' files have for it.
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

/// The values of the methods on one line. A method without a value on this line, or that the model does not have, is
/// `None`.
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
    /// Takes the value of a method.
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

/// A built-in model's part in Rust.
#[derive(Debug)]
pub(crate) struct NativeModel {
    /// The paths of the members that it reads.
    pub(crate) reads: &'static [&'static [&'static str]],
    /// The lists of objects that it reads, by their numbers.
    pub(crate) lists: &'static [List],
    /// Its methods, sorted by name.
    pub(crate) methods: &'static [NativeMethod],
    /// Computes the values of its methods.
    pub(crate) values: for<'l> fn(&'l dyn Members) -> NativeValues<'l>,
}

impl NativeModel {
    /// Returns the method that has this name.
    pub(crate) fn method(&self, name: &str) -> Option<NativeMethod> {
        self.methods.iter().copied().find(|method| method.name() == name)
    }
}

//! A data model together with the engine that calls its methods.

use std::fmt;
use std::sync::{Arc, Mutex};

use data_models::{DataModel, Methods};

use super::native::NativeModel;

/// An engine that calls methods. Several models may share one.
pub type SharedMethods = Arc<Mutex<Box<dyn Methods + Send>>>;

/// A data model that is evaluated on lines, with the engine that calls its methods.
#[derive(Clone)]
pub struct LineModel {
    pub(super) model: DataModel,
    pub(super) engine: Engine,
}

/// The engine that calls the methods of a model.
#[derive(Clone)]
pub(super) enum Engine {
    /// The methods of a built-in model, which are Rust functions.
    Native(&'static NativeModel),
    Shared(SharedMethods),
    /// There is no engine: every call of a method fails.
    None,
}

impl LineModel {
    /// A model whose methods `methods` calls. Without an engine, a name that needs its method fails.
    pub fn new(model: DataModel, methods: Option<SharedMethods>) -> Self {
        Self { model, engine: methods.map_or(Engine::None, Engine::Shared) }
    }

    /// A built-in model, whose methods are Rust functions.
    pub(crate) fn native(model: DataModel, methods: &'static NativeModel) -> Self {
        Self { model, engine: Engine::Native(methods) }
    }

    /// The data model, without its engine.
    pub fn model(&self) -> &DataModel {
        &self.model
    }
}

impl fmt::Debug for LineModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineModel").field("id", &self.model.id).finish_non_exhaustive()
    }
}

//! A data model that is read on lines.

use std::fmt;
use std::sync::{Arc, Mutex};

use data_models::{DataModel, Methods};

use super::native::NativeModel;

/// An engine that calls methods, for one model or several.
pub type SharedMethods = Arc<Mutex<Box<dyn Methods + Send>>>;

/// A data model with the engine for its methods.
#[derive(Clone)]
pub struct LineModel {
    pub(super) model: DataModel,
    pub(super) engine: Engine,
}

/// The engine that calls the methods of a model.
#[derive(Clone)]
pub(super) enum Engine {
    /// The built-in models' own methods.
    Native(&'static NativeModel),
    Shared(SharedMethods),
    /// Every call fails.
    None,
}

impl LineModel {
    /// A model whose methods the engine calls. Without an engine, a name that needs its method fails.
    pub fn new(model: DataModel, methods: Option<SharedMethods>) -> Self {
        Self { model, engine: methods.map_or(Engine::None, Engine::Shared) }
    }

    /// A built-in model.
    pub(crate) fn native(model: DataModel, methods: &'static NativeModel) -> Self {
        Self { model, engine: Engine::Native(methods) }
    }

    /// The model that is read.
    pub fn model(&self) -> &DataModel {
        &self.model
    }
}

impl fmt::Debug for LineModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineModel").field("id", &self.model.id).finish_non_exhaustive()
    }
}

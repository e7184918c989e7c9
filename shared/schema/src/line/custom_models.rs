//! Data models that replace the built-in ones.

use std::collections::BTreeMap;

use data_models::DataModels;
use data_models::specification::Specification;

use crate::line::normalize::Normalizer;
use crate::log_type::LogType;
use crate::udm::{LineModel, SharedMethods};

/// Custom data models. Each replaces the built-in model of its log type.
#[derive(Debug, Clone, Default)]
pub struct CustomModels(BTreeMap<LogType, LineModel>);

/// A set without custom models: every log type has its built-in model.
pub static NO_CUSTOM_MODELS: CustomModels = CustomModels(BTreeMap::new());

impl CustomModels {
    /// Takes the enabled models of a set of specifications. `methods` is the engine that calls their methods; without
    /// it, every name that needs a method fails. Models for log types that [`LogType`] does not have are ignored.
    pub fn new(specifications: &[Specification], methods: Option<&SharedMethods>) -> Self {
        let models = DataModels::new(specifications);
        let of_type = |log_type: LogType| {
            let model = models.get(log_type.name())?.clone();
            Some((log_type, LineModel::new(model, methods.cloned())))
        };
        Self(LogType::ALL.into_iter().filter_map(of_type).collect())
    }

    /// Creates the normaliser of a log type, with its custom model if there is one.
    pub fn normalizer(&self, log_type: LogType) -> Normalizer {
        let normalizer = Normalizer::new(log_type);
        match self.0.get(&log_type) {
            Some(model) => normalizer.with_model(Some(model.clone())),
            None => normalizer,
        }
    }
}

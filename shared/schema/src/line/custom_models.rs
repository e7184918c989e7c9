//! The data models of one's own.

use std::collections::BTreeMap;

use data_models::DataModels;
use data_models::specification::Specification;

use crate::line::normalize::Normalizer;
use crate::log_type::LogType;
use crate::udm::{LineModel, SharedMethods};

/// The data models of one's own, each in the place of the built-in one of its log type.
#[derive(Debug, Clone, Default)]
pub struct CustomModels(BTreeMap<LogType, LineModel>);

/// No models of one's own: every log type has its built-in one.
pub static NO_CUSTOM_MODELS: CustomModels = CustomModels(BTreeMap::new());

impl CustomModels {
    /// The enabled models of a set; `methods` calls the methods of all of them. A model of a log type that is not one of
    /// [`LogType`] is never needed, and left out.
    pub fn new(specifications: &[Specification], methods: Option<&SharedMethods>) -> Self {
        let models = DataModels::new(specifications);
        let of_type = |log_type: LogType| {
            let model = models.get(log_type.name())?.clone();
            Some((log_type, LineModel::new(model, methods.cloned())))
        };
        Self(LogType::ALL.into_iter().filter_map(of_type).collect())
    }

    /// The normaliser of a log type, with the model of one's own if there is one.
    pub fn normalizer(&self, log_type: LogType) -> Normalizer {
        let normalizer = Normalizer::new(log_type);
        match self.0.get(&log_type) {
            Some(model) => normalizer.with_model(Some(model.clone())),
            None => normalizer,
        }
    }
}

//! The parts that do input and output: adapters of the collector's ports for AWS and for the local disk, the vendors'
//! HTTP client, and the Lambda shell.

#[cfg(feature = "aws")]
pub mod aws;
pub mod clock;
pub mod doctor;
#[cfg(feature = "http")]
pub mod http;
mod key_shape;
#[cfg(feature = "lambda")]
pub mod lambda;

#[cfg(feature = "local")]
pub mod local;
mod model_folder;

pub use collector::{KeyList, ListObjects};
pub use key_shape::looks_like_a_key;
pub use model_folder::{Links, read_folders};

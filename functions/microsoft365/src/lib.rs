//! The microsoft365 client.

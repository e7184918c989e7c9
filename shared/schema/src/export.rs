//! Exports a schema for those who read lines: field list, JSON Schema, Athena table and DuckDB query.

mod athena;
pub(crate) mod describe;
mod duckdb;
pub(crate) mod json_schema;

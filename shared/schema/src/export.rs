//! Exports a schema for those who read lines: as a field list, a JSON Schema, an Athena table or a DuckDB query.

mod athena;
pub(crate) mod describe;
mod duckdb;
pub(crate) mod json_schema;

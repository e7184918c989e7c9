//! The openai client.

//! The simulated world.
//!
//! [`world`] runs the real collector against a state, a bucket, a vendor and a clock that are
//! plain values, one port call at a time: who goes on, what fails and who dies is decided outside
//! of the code under test, by chance ([`world::random`]) or exhaustively ([`world::explore`]).

pub mod world;

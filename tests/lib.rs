//! What the tests run the real collector in.
//!
//! - [`world`]: a state, a bucket, a vendor and a clock that are plain values, one port call at a time. Who
//!   goes on, what fails and who dies is decided outside of the code under test, by chance
//!   ([`world::random`]) or exhaustively ([`world::explore`]).
//! - [`rig`]: a vendor's real client over real HTTP against its simulator, over virtual days.

pub mod effort;
pub mod rig;
pub mod world;

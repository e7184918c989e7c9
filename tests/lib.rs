//! Test environments for the real collector.
//!
//! - [`world`]: a simulated state, bucket, vendor and clock as plain values, with one port call at a time. A driver
//!   outside of the code under test decides which worker continues, fails or dies: at random
//!   ([`world::random_run`]) or exhaustively ([`world::explore`]).
//! - [`rig`]: a vendor's real client over real HTTP against its simulator, in virtual time.

pub mod effort;
pub mod rig;
pub mod world;

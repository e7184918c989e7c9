//! A simulated world: state, bucket, vendor and clock are one value, and the drivers run the real collector on it.
//!
//! | file | one idea |
//! |---|---|
//! | `call` | the collector's port calls and their answers, as plain values |
//! | `object` | objects of the bucket: their bytes and their parsed content |
//! | `permanent_faults` | faults of the vendor that do not end by themselves |
//! | `scenario` | the vendor's data, and the rules by which it lists them |
//! | `store` | heads, ledgers and objects; ledger items may be visible later than their head |
//! | `mutant` | deliberate faults of the world, which prove that the checks can fail |
//! | `invariants` | the invariants that must hold after every write, after every tick and at the end |
//! | `simulation` | the whole world: a call in, an answer out |
//! | `ports` | the collector's ports: each call waits until somebody answers it |
//! | `worker` | one tick of the real collector, advanced one answer at a time |
//! | `single_worker` | a single worker: its ticks until it is drained |
//! | `rng` | the seeded random number generator |
//! | `random_streams` | random streams |
//! | `random_faults` | random permanent faults |
//! | `random_scenario` | random scenarios |
//! | `liveness` | the check that a single worker delivers healthy events in time under permanent faults |
//! | `random_run` | driver 1: one random run per seed |
//! | `intern` | numbers for values, so that equal values share one |
//! | `behaviour` | the collector's behaviour as a tree of histories of answers |
//! | `explore` | driver 2: every interleaving and every crash of two workers |
//! | `fixtures` | the cases of driver 2: three events, and the state that an earlier tick left |

pub mod behaviour;
pub mod call;
pub mod explore;
pub mod fixtures;
pub mod intern;
pub mod invariants;
pub mod liveness;
pub mod mutant;
pub mod object;
pub mod permanent_faults;
pub mod ports;
mod random_faults;
pub mod random_run;
pub mod random_scenario;
pub mod random_streams;
pub mod rng;
pub mod scenario;
pub mod simulation;
pub mod single_worker;
pub mod store;
pub mod worker;

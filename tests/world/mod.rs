//! A simulated world: state, bucket, vendor and clock are one value, and the drivers run the real collector on it.
//!
//! | file | one idea |
//! |---|---|
//! | `call` | requests of a worker and answers of the world, as plain values |
//! | `object` | objects of the bucket: their bytes and their parsed content |
//! | `permanent_faults` | faults of the vendor that do not end by themselves |
//! | `scenario` | the vendor's data, and when and how it lists them |
//! | `store` | heads, ledgers and objects; ledger items may be visible later than their head |
//! | `mutant` | deliberate faults of the world, which prove that the checks can fail |
//! | `judge` | what must hold after every write and every tick, and when all is done |
//! | `simulation` | the whole world: a call in, an answer out |
//! | `ports` | the collector's ports: each call waits until somebody answers it |
//! | `worker` | one tick of the real collector, advanced one answer at a time |
//! | `single` | a worker alone: until drained, with a say in its answers |
//! | `chance` | pseudo-random numbers from a seed |
//! | `cast` | streams made from a seed |
//! | `random_faults` | permanent faults made from a seed |
//! | `cast_scenario` | scenarios made from a seed |
//! | `calm` | a worker alone at a vendor with permanent trouble: how soon events arrive |
//! | `random_run` | driver 1: one random run per seed |
//! | `intern` | equal values share a number |
//! | `behaviour` | the collector's behaviour as a tree: answers so far, calls next |
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

//! State, bucket, vendor and clock as one value, and the real collector run against it by hand.
//!
//! | file | one idea |
//! |---|---|
//! | `call` | what a worker asks of the world, and what it is told: plain values |
//! | `object` | objects of the bucket: their bytes, and what they say |
//! | `trouble` | trouble at the vendor that does not end by itself |
//! | `scenario` | what the vendor holds, and how it shows it |
//! | `store` | heads, ledgers and objects; ledger items may be visible later than their head |
//! | `mutant` | deliberate faults of the world, to prove that the checks can fail |
//! | `judge` | what must hold after every write and every tick, and when all is done |
//! | `simulation` | the world together: a call in, an answer out |
//! | `ports` | the collector's ports: each call waits until somebody answers it |
//! | `worker` | one tick of the real collector, advanced one answer at a time |
//! | `single` | a worker alone: until drained, with a say in its answers |
//! | `chance` | pseudo-random numbers from a seed |
//! | `cast` | streams made from a seed |
//! | `cast_trouble` | permanent trouble made from a seed |
//! | `cast_scenario` | scenarios made from a seed |
//! | `calm` | a worker alone at a vendor with permanent trouble: how soon events arrive |
//! | `random` | driver 1: seeds |
//! | `intern` | equal values share a number |
//! | `behaviour` | the collector's behaviour as a tree: answers so far, calls next |
//! | `explore` | driver 2: every interleaving, every crash |
//! | `fixtures` | what is explored: three events, and what a tick left behind |

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

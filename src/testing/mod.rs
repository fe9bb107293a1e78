//! Tools of the tests: a scripted client, a server and client on a virtual clock, pipes that chop, generators.
//!
//! Behind the feature `_testing`. No part of the public interface.

mod chop;
mod client;
pub mod fuzz;
pub mod generate;
mod pair;

pub use chop::{Chop, pieces};
pub use client::Client;
pub use pair::Pair;

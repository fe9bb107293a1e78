//! Tools of the tests: scripted clients and servers, sessions joined on a virtual clock, pipes that chop, generators.
//!
//! Behind the feature `_testing`. No part of the public interface.

mod chop;
mod client;
mod duet;
pub mod fuzz;
pub mod generate;
mod pair;
mod script;
mod server;

pub use chop::{Chop, pieces};
pub use client::Client;
pub use duet::Duet;
pub use pair::Pair;
pub use script::Script;
pub use server::{Server, Visit};

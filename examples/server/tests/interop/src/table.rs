//! The page.

use crate::row::Done;
use crate::tools::Tools;

/// `docs/interop.md`.
pub fn page(results: &[Done], tools: &Tools) -> String {
    let _ = tools;
    results.iter().map(|done| done.row.name() + "\n").collect()
}

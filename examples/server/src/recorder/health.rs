//! What is wrong with a stream, and whether it is recorded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Different problems of a stream that are kept.
const PROBLEMS: usize = 20;

/// What is wrong with a stream, and whether it is recorded.
#[derive(Debug, Default)]
pub struct Health {
    recording: AtomicUsize,
    problems: Mutex<Vec<String>>,
}

impl Health {
    /// Whether a recording is being written.
    pub fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed) > 0
    }

    /// A file is being written from now on.
    pub fn begin(&self) {
        self.recording.fetch_add(1, Ordering::Relaxed);
    }

    /// One that was begun is no longer written.
    pub fn end(&self) {
        self.recording.fetch_sub(1, Ordering::Relaxed);
    }

    /// What is wrong, each thing once.
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds what is wrong. Says whether it is new.
    pub fn add_problem(&self, problem: String) -> bool {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let new = problems.len() < PROBLEMS && !problems.contains(&problem);
        if new {
            problems.push(problem);
        }
        new
    }

    /// Forgets what was wrong: another publisher goes on.
    pub fn forget_problems(&self) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

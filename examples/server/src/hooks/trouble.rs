//! Hooks that give no answer at present, in words for whoever runs the server.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A failure is spoken of for so long, unless the hook answers before.
const SPOKEN_OF: Duration = Duration::from_secs(60);
/// Failures of one hook that are counted.
const COUNTED: usize = 1000;
/// Hooks that are remembered: those of a configuration, and of the ones before it for a minute.
const HOOKS: usize = 256;

/// When a hook gave no answer of late, and why.
#[derive(Debug, Default)]
struct Failures {
    at: VecDeque<Instant>,
    why: String,
}

/// What each hook failed with.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<BTreeMap<(&'static str, String), Failures>>);

impl Troubles {
    /// The hook `url` was to answer `call` at `now`, and did not for this reason, or did.
    pub fn note(&self, call: &'static str, url: String, failed: Option<&str>, now: Instant) {
        let mut known = self.known();
        let key = (call, url);
        let Some(why) = failed else {
            known.remove(&key);
            return;
        };
        forget(&mut known, now);
        if known.len() >= HOOKS && !known.contains_key(&key) {
            return;
        }
        let failures = known.entry(key).or_default();
        if failures.at.len() >= COUNTED {
            failures.at.pop_front();
        }
        failures.at.push_back(now);
        why.clone_into(&mut failures.why);
    }

    /// What there is to say, a sentence for each hook.
    pub fn words(&self, now: Instant) -> Vec<String> {
        let mut known = self.known();
        forget(&mut known, now);
        let say = |((call, url), failures): (&(&'static str, String), &Failures)| {
            let times = match failures.at.len() {
                1 => "once".to_owned(),
                count => format!("{count} times"),
            };
            format!(
                "the hook {call} gets no answer from {url}, {times} in the last minute: {}",
                failures.why
            )
        };
        known.iter().map(say).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<(&'static str, String), Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget(known: &mut BTreeMap<(&'static str, String), Failures>, now: Instant) {
    known.retain(|_, failures| {
        while failures.at.front().is_some_and(|at| now.duration_since(*at) > SPOKEN_OF) {
            failures.at.pop_front();
        }
        !failures.at.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_spoken_of_until_it_answers_or_a_minute_is_over() {
        let (troubles, start) = (Troubles::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let fail = |call, why, seconds| {
            troubles.note(call, "http://auth.example/on".to_owned(), Some(why), at(seconds));
        };
        fail("publish", "connection refused", 0);
        fail("publish", "no answer in time", 30);
        fail("play", "no answer in time", 40);
        assert_eq!(
            troubles.words(at(50)),
            [
                "the hook play gets no answer from http://auth.example/on, once in the last minute: no answer in time",
                "the hook publish gets no answer from http://auth.example/on, 2 times in the last minute: no answer in time",
            ]
        );
        assert!(
            troubles
                .words(at(70))
                .iter()
                .any(|text| text.contains("publish") && text.contains("once"))
        );
        troubles.note("play", "http://auth.example/on".to_owned(), None, at(71));
        assert_eq!(troubles.words(at(72)).len(), 1, "it answers again");
        assert_eq!(troubles.words(at(91)), [""; 0], "the last failure is long ago");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (troubles, now) = (Troubles::default(), Instant::now());
        for n in 0..2000 {
            troubles.note("publish", format!("http://{n}.example/"), Some("gone"), now);
            troubles.note("publish", "http://0.example/".to_owned(), Some("gone"), now);
        }
        let words = troubles.words(now);
        assert_eq!(words.len(), HOOKS);
        assert!(words.iter().any(|text| text.contains("http://0.example/, 1000 times")));
    }
}

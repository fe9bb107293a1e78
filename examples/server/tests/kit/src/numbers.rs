//! Numbers that look random, and settings of tests that are run longer than others.

/// Numbers that look random, the same in each run with the same seed.
pub struct Numbers(u64);

impl Numbers {
    /// From the seed that `STREAMCORE_SEED` names, or the first.
    pub fn new() -> Self {
        Self(setting("STREAMCORE_SEED").unwrap_or(1))
    }

    /// The next, less than `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self::new()
    }
}

/// A number from the environment.
///
/// # Panics
/// When it is none.
pub fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

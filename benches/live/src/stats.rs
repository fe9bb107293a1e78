//! Quantiles, medians and spread.

/// Sorted measurements of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    sorted: Vec<f64>,
}

impl Distribution {
    /// Takes measurements in any order; those that are not numbers are left out.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().filter(|v| !v.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// Nanoseconds in, milliseconds kept.
    pub fn from_nanos(values: impl IntoIterator<Item = u64>) -> Self {
        Self::new(values.into_iter().map(|ns| ns as f64 / 1e6))
    }

    /// How many measurements there are.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The smallest value that at least the share `p` (0 to 1) of the measurements does not
    /// exceed (nearest rank); not a number when there is none.
    pub fn quantile(&self, p: f64) -> f64 {
        let rank = (self.sorted.len() as f64 * p).ceil() as usize;
        self.sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// The middle value, or the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let n = self.sorted.len();
        match (self.sorted.get(n.wrapping_sub(1) / 2), self.sorted.get(n / 2)) {
            (Some(low), Some(high)) => (low + high) / 2.0,
            _ => f64::NAN,
        }
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.sorted.first().copied().unwrap_or(f64::NAN)
    }

    /// The largest value.
    pub fn max(&self) -> f64 {
        self.sorted.last().copied().unwrap_or(f64::NAN)
    }
}

/// Median of the ratios of values measured in the same round.
pub fn median_ratio(values: &[f64], reference: &[f64]) -> f64 {
    Distribution::new(values.iter().zip(reference).map(|(a, b)| a / b)).median()
}

/// Three significant digits, without an exponent.
pub fn short(value: f64) -> String {
    if value.is_nan() {
        return "–".into();
    }
    let digits = match value.abs() {
        a if a >= 100.0 => 0,
        a if a >= 10.0 => 1,
        a if a >= 1.0 => 2,
        0.0 => 0,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let d = Distribution::new((1..=100).rev().map(f64::from));
        assert_eq!((d.quantile(0.5), d.quantile(0.99), d.quantile(1.0)), (50.0, 99.0, 100.0));
        assert_eq!((d.min(), d.max(), d.len()), (1.0, 100.0, 100));
        assert_eq!(Distribution::new([4.0]).quantile(0.0), 4.0);
    }

    #[test]
    fn median_of_even_odd_and_none() {
        assert_eq!(Distribution::new([3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Distribution::new([4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert!(Distribution::new([f64::NAN]).median().is_nan());
    }

    #[test]
    fn ratio_is_taken_round_by_round() {
        assert_eq!(median_ratio(&[1.0, 20.0, 3.0], &[2.0, 40.0, 3.0]), 0.5);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(short(1234.5), "1234");
        assert_eq!(short(43.91), "43.9");
        assert_eq!(short(0.5304), "0.530");
        assert_eq!(short(f64::NAN), "–");
    }
}

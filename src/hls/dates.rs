//! The wall clock of the output's time line. An encoder's clock runs a little fast or slow, so dates are led after it.

/// Dates that are remembered: what is made later than the leading rendition's has the date of its time.
const KEPT: usize = 6;
/// Of units that came within so much of the stream, the one that was least held up on its way tells the time. In microseconds.
const WINDOW: i64 = 10_000_000;
/// A cut takes away one part in so many of the distance.
const SHARE: i64 = 16;
/// And moves the date by no more than one part in so many of the segment before it: 10 ms in 2 s. Players look segments up by date within
/// 0.25 s (hls.js), or place them by it (Shaka Player), where a hole of some ms is none.
const MOST: i64 = 200;

/// From a time of the output on, what is to be added to it.
#[derive(Clone, Copy, Debug, Default)]
struct Date {
    from: i64,
    /// Wall clock less output time.
    wall: i64,
}

/// The dates of one epoch. All times in microseconds; those of the wall clock since 1970, the others of the output.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dates {
    /// Newest first. None before the first unit that came with a time.
    dates: [Option<Date>; KEPT],
    /// Presentation less decode time of that unit.
    reorder: i64,
    /// Whether a cut was made: the segment before it has a date.
    is_cut: bool,
    /// What is in `least` last began here.
    since: i64,
    /// The least wall clock less output time, of the window before this one and of this one.
    least: [Option<i64>; 2],
}

impl Dates {
    /// Takes a unit of the leading rendition that came at `wall`. Until a segment has a date, which the one that is being made has
    /// if it `is_open`, the first ones decide: they may have waited somewhere and come in a burst.
    pub(super) fn observe(&mut self, decode: i64, present: i64, wall: i64, is_open: bool) {
        let [first, ..] = &mut self.dates;
        if first.is_none() {
            self.reorder = present.saturating_sub(decode);
            self.since = decode;
        }
        let told = wall.saturating_sub(decode).saturating_sub(self.reorder);
        let date = first.get_or_insert(Date { from: i64::MIN, wall: told });
        if !is_open && !self.is_cut {
            date.wall = date.wall.min(told);
        }
        if decode.saturating_sub(self.since) >= WINDOW {
            self.since = decode;
            self.least = [self.least[1], None];
        }
        let [_, least] = &mut self.least;
        *least = Some(least.map_or(told, |least| least.min(told)));
    }

    /// At a cut: leads the dates from there on towards what units told lately.
    pub(super) fn lead(&mut self, cut: i64, length: i64) {
        self.is_cut = true;
        let [Some(newest), ..] = self.dates else { return };
        let [Some(before), now] = self.least else { return };
        let told = now.map_or(before, |now| now.min(before));
        let most = (length / MOST).max(0);
        let step = (told.saturating_sub(newest.wall) / SHARE).clamp(-most, most);
        if step != 0 {
            self.dates.rotate_right(1);
            let [first, ..] = &mut self.dates;
            *first = Some(Date { from: cut, wall: newest.wall.saturating_add(step) });
        }
    }

    /// Wall clock at a time of the output.
    pub(super) fn at(&self, time: i64) -> Option<i64> {
        let known = || self.dates.iter().flatten();
        let date = known().find(|date| date.from <= time).or_else(|| known().last())?;
        Some(date.wall.saturating_add(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: i64 = 1_700_000_000_000_000;

    /// Pictures every 40 ms from an encoder whose clock is `ppm` fast, each `late` microseconds on its way; a cut every 2 s. Gives the distance of
    /// each segment's date from the moment when it was taken, and the largest step between dates.
    fn run(seconds: i64, ppm: i64, late: impl Fn(i64) -> i64) -> (Vec<i64>, i64) {
        let mut dates = Dates::default();
        let (mut errors, mut steps) = (Vec::new(), 0_i64);
        let mut before = None;
        for n in 0..seconds * 25 {
            let time = n * 40_000;
            let taken = WALL + time - time * ppm / 1_000_000;
            if n % 50 == 0 && n > 0 {
                dates.lead(time, 2_000_000);
            }
            dates.observe(time, time, taken + late(n), false);
            if n % 50 == 0 {
                let date = dates.at(time).unwrap();
                errors.push(date - taken);
                let step = before.map_or(0, |before: i64| date - before - 2_000_000);
                steps = steps.max(step.abs());
                before = Some(date);
            }
        }
        (errors, steps)
    }

    #[test]
    fn e1_15_dates_keep_to_the_wall_clock_for_a_day_in_steps_that_nobody_sees() {
        for ppm in [50, -50, 200, -200] {
            let (errors, steps) = run(86_400, ppm, |_| 0);
            let most = errors.iter().map(|error| error.abs()).max().unwrap();
            assert!(most < 100 * ppm.abs(), "{ppm} ppm: {most} us");
            assert!(steps <= 3 * ppm.abs(), "{ppm} ppm: {steps} us");
        }
    }

    #[test]
    fn what_is_held_up_on_its_way_moves_no_date() {
        // Between 0 and 200 ms, and a minute in which everything is two seconds late.
        let late = |n: i64| {
            let jitter = (n * 7919 % 101) * 2_000;
            if (10_000..11_500).contains(&n) { 2_000_000 + jitter } else { jitter }
        };
        let (errors, steps) = run(3_600, 20, late);
        assert!(errors.iter().skip(10).all(|error| error.abs() < 400_000), "{errors:?}");
        assert!(errors.iter().skip(600).all(|error| error.abs() < 20_000), "{errors:?}");
        assert!(steps <= 10_000, "{steps}");
    }

    #[test]
    fn a_burst_at_the_start_is_dated_by_its_last_unit() {
        // What waited for two seconds comes at once.
        let (errors, _) = run(60, 0, |n| (2_000_000 - n * 40_000).max(0));
        let late = errors.iter().skip(1).max().unwrap();
        assert!(*late <= 40_000, "{errors:?}");
    }

    #[test]
    fn a_rendition_that_is_behind_is_dated_by_its_time() {
        let mut dates = Dates::default();
        for n in 0..300_i64 {
            dates.observe(n * 100_000, n * 100_000, WALL + n * 101_000, n > 20);
        }
        dates.lead(30_000_000, 2_000_000);
        let (before, after) = (dates.at(29_999_999).unwrap(), dates.at(30_000_000).unwrap());
        assert_eq!(before - 29_999_999, WALL);
        // A sixteenth of what was told ten seconds ago.
        assert_eq!(after - 30_000_000, WALL + 100_000 / 16);
    }
}

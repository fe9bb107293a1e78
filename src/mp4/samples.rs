//! The samples of a track, packed: an index of hours stays small.

/// One sample of a plain file. Times are in ticks of the track's timescale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSample {
    /// Where its bytes begin, counted from the first payload byte of `mdat`.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Decode time of the next sample minus that of this one.
    pub duration: u32,
    /// Presentation time minus decode time; may be negative.
    pub composition_offset: i32,
    /// Whether decoding can start here.
    pub sync: bool,
    /// Which of the track's configurations it needs, from 0.
    pub description: u16,
}

const SYNC: u8 = 1;
/// What is as it was in the sample before is left out.
const GAP: u8 = 2;
const DURATION: u8 = 4;
const COMPOSITION: u8 = 8;
const DESCRIPTION: u8 = 16;

/// What a sample is told against.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    end: u64,
    gap: u64,
    duration: u32,
    composition_offset: i32,
    description: u16,
}

/// Samples in decode order, some 8 bytes each.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    packed: Vec<u8>,
    before: Before,
    len: usize,
    duration: u64,
    bytes: u64,
    traits: Traits,
}

/// What is true of all samples.
#[derive(Clone, Copy, Debug)]
struct Traits {
    /// Composition offsets, the least and the most.
    composition: (i32, i32),
    /// Each is one.
    sync: bool,
    /// The size of each, 0 where they differ.
    size: u32,
}

impl Traits {
    const NONE: Self = Self { composition: (0, 0), sync: true, size: 0 };
}

impl Default for Traits {
    fn default() -> Self {
        Self::NONE
    }
}

impl Samples {
    /// No samples.
    #[must_use]
    pub const fn new() -> Self {
        let before = Before { end: 0, gap: 0, duration: 0, composition_offset: 0, description: 0 };
        let traits = Traits::NONE;
        Self { packed: Vec::new(), before, len: 0, duration: 0, bytes: 0, traits }
    }

    /// Adds a sample behind the others.
    pub fn push(&mut self, sample: FileSample) {
        let FileSample { offset, size, duration, composition_offset, sync, description } = sample;
        let before = self.before;
        let gap = offset.wrapping_sub(before.end);
        let mut flags = if sync { SYNC } else { 0 };
        let mut packed = Packed::default();
        packed.put(size.into());
        if gap != before.gap {
            flags |= GAP;
            packed.put(zigzag(gap.cast_signed()));
        }
        if duration != before.duration {
            flags |= DURATION;
            packed.put(duration.into());
        }
        if composition_offset != before.composition_offset {
            flags |= COMPOSITION;
            packed.put(zigzag(composition_offset.into()));
        }
        if description != before.description {
            flags |= DESCRIPTION;
            packed.put(description.into());
        }
        self.packed.extend_from_slice(packed.behind(flags));
        let end = offset.wrapping_add(size.into());
        self.before = Before { end, gap, duration, composition_offset, description };
        let Traits { composition: (least, most), sync: all_sync, size: same } = self.traits;
        self.traits = Traits {
            composition: (least.min(composition_offset), most.max(composition_offset)),
            sync: all_sync && sync,
            size: if self.len == 0 || same == size { size } else { 0 },
        };
        self.len += 1;
        self.duration = self.duration.saturating_add(duration.into());
        self.bytes = self.bytes.saturating_add(size.into());
    }

    /// Number of samples.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sum of the durations in ticks.
    #[must_use]
    pub const fn duration(&self) -> u64 {
        self.duration
    }

    /// Sum of the sizes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The least and the most composition offset, and zero.
    pub(super) const fn composition_offsets(&self) -> (i32, i32) {
        self.traits.composition
    }

    /// Whether decoding can start at each.
    pub(super) const fn all_sync(&self) -> bool {
        self.traits.sync
    }

    /// The size that all have; 0 where they differ.
    pub(super) const fn uniform_size(&self) -> u32 {
        self.traits.size
    }

    /// Bytes of memory that are held.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.packed.capacity()
    }

    /// The samples in decode order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { packed: &self.packed, before: Before::default() }
    }
}

/// One sample as it is packed: a byte of flags, and at most five numbers of at most ten bytes.
struct Packed {
    bytes: [u8; 64],
    len: usize,
}

impl Default for Packed {
    fn default() -> Self {
        Self { bytes: [0; 64], len: 1 }
    }
}

impl Packed {
    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn put(&mut self, mut value: u64) {
        loop {
            let low = u8::try_from(value & 0x7f).unwrap_or(0);
            value >>= 7;
            let Some(slot) = self.bytes.get_mut(self.len) else { return };
            *slot = if value == 0 { low } else { low | 0x80 };
            self.len += 1;
            if value == 0 {
                return;
            }
        }
    }

    fn behind(&mut self, flags: u8) -> &[u8] {
        let [first, ..] = &mut self.bytes;
        *first = flags;
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Small numbers of either sign to small ones without.
const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg()
}

/// Walks [`Samples`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    packed: &'a [u8],
    before: Before,
}

impl Iter<'_> {
    fn take(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = self.packed.split_first()?;
            self.packed = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift = (shift + 7).min(63);
        }
    }
}

impl Iterator for Iter<'_> {
    type Item = FileSample;

    fn next(&mut self) -> Option<FileSample> {
        let (&flags, rest) = self.packed.split_first()?;
        self.packed = rest;
        let size = u32::try_from(self.take()?).ok()?;
        let mut now = self.before;
        if flags & GAP != 0 {
            now.gap = unzigzag(self.take()?).cast_unsigned();
        }
        if flags & DURATION != 0 {
            now.duration = u32::try_from(self.take()?).ok()?;
        }
        if flags & COMPOSITION != 0 {
            now.composition_offset = i32::try_from(unzigzag(self.take()?)).ok()?;
        }
        if flags & DESCRIPTION != 0 {
            now.description = u16::try_from(self.take()?).ok()?;
        }
        let offset = now.end.wrapping_add(now.gap);
        now.end = offset.wrapping_add(size.into());
        self.before = now;
        let Before { duration, composition_offset, description, .. } = now;
        let sync = flags & SYNC != 0;
        Some(FileSample { offset, size, duration, composition_offset, sync, description })
    }
}

impl<'a> IntoIterator for &'a Samples {
    type Item = FileSample;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Extend<FileSample> for Samples {
    fn extend<I: IntoIterator<Item = FileSample>>(&mut self, samples: I) {
        samples.into_iter().for_each(|sample| self.push(sample));
    }
}

impl FromIterator<FileSample> for Samples {
    fn from_iter<I: IntoIterator<Item = FileSample>>(samples: I) -> Self {
        let mut packed = Self::new();
        packed.extend(samples);
        packed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_sample() -> impl Strategy<Value = FileSample> {
        let numbers = (any::<u64>(), any::<u32>(), any::<u32>(), any::<i32>());
        (numbers, any::<bool>(), any::<u16>()).prop_map(|(numbers, sync, description)| {
            let (offset, size, duration, composition_offset) = numbers;
            FileSample { offset, size, duration, composition_offset, sync, description }
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_reads_back(samples in prop::collection::vec(any_sample(), 0..20)) {
            let packed: Samples = samples.iter().copied().collect();
            prop_assert_eq!(packed.len(), samples.len());
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), samples);
        }
    }

    #[test]
    fn a_day_of_video_takes_under_ten_bytes_a_picture() {
        let samples = (0..30 * 3600_u64).map(|index| FileSample {
            offset: 20_000 * index + 400,
            size: u32::try_from(18_000 + index * 7919 % 1500).unwrap(),
            duration: if index % 3 == 0 { 3060 } else { 2970 },
            composition_offset: [3000, 9000, 6000][usize::try_from(index % 3).unwrap()],
            sync: index % 60 == 0,
            description: 0,
        });
        let samples: Samples = samples.collect();
        assert!(samples.packed.len() < 10 * samples.len(), "{}", samples.packed.len());
        assert!(samples.duration() > 3000 * 3600 * 29 && samples.bytes() > 18_000 * 3600 * 30);
    }
}

//! Files that are too long to be made: their bytes are told as they are read.

use super::*;

/// A file of groups that are all of one length: a picture of one slice, and frames of sound.
struct Endless {
    head: Vec<u8>,
    /// Bytes of a slice.
    picture: usize,
    /// Frames of sound in a group.
    sounds: usize,
    groups: u64,
    /// Milliseconds.
    step: u32,
    first: u32,
}

const SOUND: usize = 30;

impl Endless {
    fn new(picture: usize, sounds: usize, groups: u64, step: u32) -> Self {
        let mut flv = Flv::new();
        flv.video_header(0);
        flv.audio_header(0);
        Self { head: flv.bytes.to_vec(), picture, sounds, groups, step, first: 0 }
    }

    const fn group(&self) -> usize {
        11 + 9 + self.picture + 4 + self.sounds * (11 + 2 + SOUND + 4)
    }

    const fn len(&self) -> u64 {
        self.head.len() as u64 + self.groups * self.group() as u64
    }

    /// A group but for what fills its slice.
    fn parts(&self, number: u64) -> (Vec<u8>, Vec<u8>) {
        let time = u32::try_from(number).unwrap() * self.step + self.first;
        let key = number.is_multiple_of(50);
        let mut flv = Flv::new();
        let [_, a, b, c] = u32::try_from(9 + self.picture).unwrap().to_be_bytes();
        let [h, t0, t1, t2] = time.to_be_bytes();
        let mut picture = vec![9, a, b, c, t0, t1, t2, h, 0, 0, 0];
        picture.extend([if key { 0x17 } else { 0x27 }, 1, 0, 0, 0]);
        picture.extend(u32::try_from(self.picture).unwrap().to_be_bytes());
        picture.extend(&slice(time, key, 6));
        for index in 0..self.sounds {
            let behind =
                u32::try_from(index).unwrap() * self.step / u32::try_from(self.sounds).unwrap();
            flv.tag(TagKind::Audio, time + behind, &[&[0xaf, 1][..], &[0x21; SOUND]].concat());
        }
        let size = u32::try_from(20 + self.picture).unwrap().to_be_bytes();
        (picture, [&size, &flv.bytes[13..]].concat())
    }

    fn read(&self, mut start: u64, end: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let head = self.head.len() as u64;
        while start < end {
            let wanted = usize::try_from(end - start).unwrap();
            let before = out.len();
            if start < head {
                out.extend(self.head[usize::try_from(start).unwrap()..].iter().take(wanted));
            } else {
                let group = self.group() as u64;
                let at = usize::try_from((start - head) % group).unwrap();
                let (picture, rest) = self.parts((start - head) / group);
                let filled = 20 + self.picture;
                let from = |part: &[u8], at: usize| part.get(at..).unwrap_or_default().to_vec();
                let middle = filled.saturating_sub(at.max(picture.len()));
                let bytes = from(&picture, at).into_iter();
                let bytes = bytes.chain(std::iter::repeat_n(0x55, middle));
                out.extend(bytes.chain(from(&rest, at.saturating_sub(filled))).take(wanted));
            }
            start += (out.len() - before) as u64;
        }
        out
    }

    /// The plan, and how many bytes were read for it.
    fn plan(&self) -> (Plan, u64) {
        let mut skimmer = Skimmer::new(self.len(), &Limits::default());
        let mut read = 0;
        while let Some(range) = skimmer.poll_read() {
            let end = range.end.max((range.start + 1500).min(self.len()));
            read += end - range.start;
            skimmer.handle_read(&self.read(range.start, end)).unwrap();
        }
        (skimmer.finish(&Options::default()).unwrap(), read)
    }
}

#[test]
fn d_25_a_file_of_6_gb_gets_offsets_of_64_bits() {
    let file = Endless::new(1 << 20, 2, 6000, 40);
    assert!(file.len() > 6_290_000_000);
    let (plan, read) = file.plan();
    assert!(plan.report.whole && plan.len() > file.len());
    assert!(read < 200 << 20, "{read} bytes were read");
    let summary = verify(&plan.head, plan.len()).unwrap();
    assert_eq!(
        summary.tracks.iter().map(|track| track.samples).collect::<Vec<_>>(),
        [6000, 12_000]
    );
    assert_eq!(summary.tracks[0].bytes, 6000 * ((1 << 20) + 4));
    assert_eq!(plan.report.tracks[0].duration, 240_000_000);
    // The last picture's offset.
    let offsets = content(&plan.head, b"co64", 0);
    let last = u64::from_be_bytes(offsets[4 + 5999 * 8..4 + 6000 * 8].try_into().unwrap());
    // The media ends with the last sound, in front of the size behind it.
    assert_eq!(plan.len() - last, file.group() as u64 - 16 - 4);
}

#[test]
fn d_25_a_file_of_30_hours_gets_times_of_64_bits() {
    // A picture each two seconds, and sound that its clock spreads.
    let file = Endless::new(700, 1, 30 * 1800, 2000);
    let (plan, _) = file.plan();
    let summary = verify(&plan.head, plan.len()).unwrap();
    // Nothing tells how long the last picture lasts.
    let ticks = (30 * 3600 - 2) * 90_000 + 3600;
    assert_eq!(summary.tracks[0].duration, ticks);
    assert!(ticks > u64::from(u32::MAX));
    assert_eq!(plan.report.tracks[0].duration, ticks * 100 / 9);
    let sound = plan.report.tracks[1].duration;
    assert!(sound.abs_diff((30 * 3600 - 2) * 1_000_000) < 100_000, "{sound}");
    for kind in [b"mvhd", b"mdhd"] {
        let at = plan.head.windows(4).position(|window| window == kind).unwrap();
        assert_eq!(plan.head[at + 4], 1, "version of {}", String::from_utf8_lossy(kind));
    }
}

#[test]
fn the_index_of_a_long_file_stays_small() {
    let file = Endless::new(700, 2, 20_000, 40);
    let mut skimmer = Skimmer::new(file.len(), &Limits::default());
    while let Some(range) = skimmer.poll_read() {
        let end = range.end.max((range.start + 65_536).min(file.len()));
        skimmer.handle_read(&file.read(range.start, end)).unwrap();
    }
    let held = skimmer.remuxer.index.memory();
    assert!(held < 60_000 * 16, "{held} bytes for 60000 access units");
}

//! An FLV file turned into RTMP bytes once, so that any number of publishers can share them.

use crate::net::MILLI;
use crate::stamp::{self, Stamp};
use crate::wire::chunk::{self, Time};
use crate::wire::flv::{Tag, is_config};
use crate::wire::{AUDIO, DATA, VIDEO, amf};

/// The message stream id a publisher has to be given: the bytes are made for it.
pub const STREAM_ID: u32 = 1;

struct Item {
    kind: u8,
    /// A picture that decoding can start at.
    key: bool,
    due_ms: u32,
    bytes: Vec<u8>,
    /// Where in `bytes` the mark is.
    stamp_at: Option<usize>,
    /// How many items of the same kind come before it in one lap.
    place: u32,
    /// The message again with a full header, for the first of its kind: used from lap 1 on.
    restart: Option<Tag>,
}

/// A file ready to be published over and over.
pub struct Script {
    chunk: usize,
    head: Vec<u8>,
    items: Vec<Item>,
    lap_ms: u32,
    per_lap: [u32; 2],
}

/// A position in the endless repetition of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    item: usize,
    lap: u32,
}

impl Script {
    /// Takes a file's tags; times begin at zero. With `stamped`, frames get room for a mark.
    /// Chunks hold at most `chunk` bytes (at least 256, so that no mark is cut).
    pub fn new(tags: &[Tag], chunk: usize, stamped: bool) -> Result<Self, String> {
        let chunk = chunk.max(256);
        let media = |t: &&Tag| matches!(t.kind, AUDIO | VIDEO) && !is_config(t.kind, &t.data);
        let zero =
            tags.iter().filter(media).map(|t| t.timestamp).min().ok_or("no media in the file")?;
        let mut items: Vec<Item> = Vec::new();
        let mut last = [None; 2];
        let mut per_lap = [0; 2];
        let mut due_ms = 0;
        for tag in tags.iter().filter(media) {
            let mut tag = Tag { timestamp: tag.timestamp.saturating_sub(zero), ..tag.clone() };
            let room = if stamped { stamp::make_room(&mut tag) } else { None };
            let lane = usize::from(tag.kind == VIDEO);
            let time = match last[lane] {
                Some(before) => Time::Delta(tag.timestamp.saturating_sub(before)),
                None => Time::Absolute(tag.timestamp),
            };
            let restart = last[lane].is_none().then(|| tag.clone());
            last[lane] = Some(tag.timestamp);
            due_ms = due_ms.max(tag.timestamp);
            let stamp_at = room.map(|at| at + chunk::header_len(time));
            let mut bytes = Vec::new();
            chunk::write(&mut bytes, chunk, tag.kind, STREAM_ID, time, &tag.data);
            items.push(Item {
                kind: tag.kind,
                key: tag.kind == VIDEO && tag.data.first().is_some_and(|first| first >> 4 == 1),
                due_ms,
                bytes,
                stamp_at,
                place: per_lap[lane],
                restart,
            });
            // A frame that is too small for a mark is none that can be missed.
            per_lap[lane] += u32::from(stamp_at.is_some() || !stamped);
        }
        let gap = due_ms / u32::try_from(items.len()).unwrap_or(u32::MAX);
        let lap_ms = due_ms + gap.max(1);
        Ok(Self { chunk, head: head(tags, chunk), items, lap_ms, per_lap })
    }

    /// The chunk size the bytes are made for.
    pub fn chunk_size(&self) -> usize {
        self.chunk
    }

    /// Metadata and codec configuration: what a publisher sends first.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Bytes of the current group of pictures, on average over time: it begins with the largest of its pictures.
    pub fn mean_group(&self) -> f64 {
        let (mut bytes, mut sum) = (0, 0.0);
        // The first lap only fills it.
        for lap in 0..2 {
            let dues = self.items.iter().map(|item| item.due_ms).skip(1).chain([self.lap_ms]);
            for (item, next) in self.items.iter().zip(dues) {
                if item.key {
                    bytes = 0;
                }
                bytes += item.bytes.len();
                if lap == 1 {
                    sum += bytes as f64 * f64::from(next.saturating_sub(item.due_ms));
                }
            }
        }
        sum / f64::from(self.lap_ms)
    }

    /// When a message is due, in nanoseconds after the publisher's beginning.
    pub fn due(&self, at: Cursor) -> u64 {
        let due = self.items.get(at.item).map_or(0, |i| u64::from(i.due_ms));
        (due + u64::from(at.lap) * u64::from(self.lap_ms)) * MILLI
    }

    /// Appends a message's bytes, marked with the time `now` where it has room for it, and
    /// returns the position after it.
    pub fn append(&self, at: Cursor, now: u64, out: &mut Vec<u8>) -> Cursor {
        let Some(item) = self.items.get(at.item) else { return Cursor::default() };
        let begin = out.len();
        let mut stamp_at = item.stamp_at;
        match &item.restart {
            Some(tag) if at.lap > 0 => {
                let time = Time::Absolute(tag.timestamp.wrapping_add(at.lap * self.lap_ms));
                let grown =
                    chunk::header_len(time) - chunk::header_len(Time::Absolute(tag.timestamp));
                stamp_at = stamp_at.map(|at| at + grown);
                chunk::write(out, self.chunk, tag.kind, STREAM_ID, time, &tag.data);
            }
            _ => out.extend_from_slice(&item.bytes),
        }
        if let Some(room) = stamp_at.and_then(|at| out.get_mut(begin + at..)) {
            let lap = self.per_lap[usize::from(item.kind == VIDEO)];
            stamp::write(room, Stamp { sent: now, place: item.place.wrapping_add(at.lap * lap) });
        }
        if at.item + 1 == self.items.len() {
            Cursor { item: 0, lap: at.lap + 1 }
        } else {
            Cursor { item: at.item + 1, ..at }
        }
    }
}

fn head(tags: &[Tag], chunk: usize) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(tag) = tags.iter().find(|t| t.kind == DATA) {
        let mut data = amf::Writer::default().string("@setDataFrame").finish();
        data.extend_from_slice(&tag.data);
        chunk::write(&mut out, chunk, DATA, STREAM_ID, Time::Absolute(0), &data);
    }
    for tag in tags.iter().filter(|t| is_config(t.kind, &t.data)) {
        chunk::write(&mut out, chunk, tag.kind, STREAM_ID, Time::Absolute(0), &tag.data);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::chunk::Reader;

    fn tag(kind: u8, timestamp: u32, data: &[u8]) -> Tag {
        Tag { kind, timestamp, data: data.to_vec() }
    }

    #[test]
    fn a_group_is_measured_over_time() {
        let picture = |first: u8, at, size| {
            let mut data = vec![0; size];
            data[..2].copy_from_slice(&[first, 1]);
            tag(VIDEO, at, &data)
        };
        // A lap has 1,332 ms, the first 500 of them with the key frame alone.
        let tags = [picture(0x17, 0, 600), picture(0x27, 500, 200), picture(0x27, 999, 200)];
        let mean = Script::new(&tags, 4096, false).unwrap().mean_group();
        assert!((780.0..810.0).contains(&mean), "{mean}");
    }

    fn tags() -> Vec<Tag> {
        let frame = [&[0x17, 1, 0, 0, 0, 0, 0, 0, 1][..], &[0x65; 700]].concat();
        vec![
            tag(DATA, 0, &[2, 0, 1, b'm']),
            tag(VIDEO, 0, &[0x17, 0, 0, 0, 0]),
            tag(AUDIO, 0, &[0xaf, 0, 0x12, 0x10]),
            tag(VIDEO, 1000, &frame),
            tag(AUDIO, 1010, &[0xaf; 100]),
            tag(VIDEO, 1033, &frame),
        ]
    }

    #[test]
    fn laps_go_on_in_time_and_place() {
        let script = Script::new(&tags(), 256, true).unwrap();
        let (mut at, mut out, mut due) = (Cursor::default(), script.head().to_vec(), Vec::new());
        let mut all = Vec::new();
        chunk::write(&mut all, 128, 1, 0, Time::Absolute(0), &256u32.to_be_bytes());
        for n in 0..6 {
            due.push(script.due(at) / MILLI);
            at = script.append(at, n, &mut out);
        }
        all.append(&mut out);
        let mut seen = Vec::new();
        let mut on = |m: chunk::Message<'_>| {
            if let (true, Some(stamp)) = (m.whole, stamp::read(m.kind, m.head)) {
                seen.push((m.kind, m.timestamp, stamp.place, stamp.sent));
            }
        };
        Reader::default().input(&all, &mut on).unwrap();
        let lap = 33 + 11;
        assert_eq!(due, [0, 10, 33, lap, lap + 10, lap + 33]);
        let first = [(9, 0, 0, 0), (8, 10, 0, 1), (9, 33, 1, 2)];
        let second = [(9, 44, 2, 3), (8, 54, 1, 4), (9, 77, 3, 5)];
        assert_eq!(seen, [first, second].concat());
    }

    #[test]
    fn a_file_without_media_is_refused() {
        assert!(Script::new(&tags()[..3], 4096, false).is_err());
    }
}

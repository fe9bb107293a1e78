//! Finishes a recording of many hours: `cargo run --release --example long_recording FILE [HOURS [KBITS]]`.
//!
//! The file is sparse: its boxes are written, its media are holes, so that a recording of any size fits on the disk. What
//! is measured is what finishing costs, and what it costs to find the index again that a crash took.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program, not the library")]

use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::Instant;

use streamcore::bytes::Bytes;
use streamcore::codec::aac::AacConfig;
use streamcore::codec::h264::AvcConfig;
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, CodecConfig, Track, TrackId};
use streamcore::mp4::index::IndexReader;
use streamcore::record::{Mp4Config, Mp4Output, Mp4Recorder};

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// From a libx264 stream of 640x360 at 30 frames a second.
const AVCC: &[u8] = &[
    0x01, 0x64, 0x00, 0x1e, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0,
    0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16,
    0x2d, 0x96, 0x01, 0x00, 0x04, 0x68, 0xef, 0xbc, 0xb0, 0xfd, 0xf8, 0xf8, 0x00,
];

fn main() -> Done {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: long_recording FILE [HOURS [KBITS]]")?;
    let hours: f64 = arguments.next().map_or(Ok(3.7), |text| text.parse())?;
    let kbits: usize = arguments.next().map_or(Ok(6000), |text| text.parse())?;
    let mut file =
        File::options().read(true).write(true).create(true).truncate(true).open(&path)?;

    let started = Instant::now();
    let (recorder, units) = record(&mut file, hours, kbits)?;
    println!(
        "{:.1} h, {:.2} GB, {units} pictures and sounds: {:.1} s to record, index of {} KiB held",
        recorder.duration().as_secs_f64() / 3600.0,
        recorder.len() as f64 / 1e9,
        started.elapsed().as_secs_f64(),
        recorder.index_memory() >> 10
    );

    let started = Instant::now();
    let found = found(&mut file, recorder.len())?;
    let took = started.elapsed();
    println!("index found again after a crash: {} pictures and sounds in {took:.2?}", found);

    let (before, peak_before) = memory()?;
    let started = Instant::now();
    let end = recorder.end()?.ok_or("nothing was recorded")?;
    file.seek(SeekFrom::Start(recorder.len()))?;
    file.write_all(&end.index)?;
    file.sync_data()?;
    file.seek(SeekFrom::Start(end.patch.offset))?;
    file.write_all(&end.patch.bytes)?;
    file.sync_data()?;
    let took = started.elapsed();
    let peak = memory()?.1;
    println!(
        "finished in {took:.2?}: index of {} KiB; memory {} MiB before, {} MiB at most (before: {} MiB)",
        end.index.len() >> 10,
        before >> 10,
        peak >> 10,
        peak_before >> 10
    );
    Ok(())
}

/// Pictures at 30 a second in milliseconds, with two B-frames between references and a key frame every two seconds; sound
/// at 48 kHz.
fn record(file: &mut File, hours: f64, kbits: usize) -> Done<(Mp4Recorder, u64)> {
    let limits = Limits::default();
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &limits);
    let avc = AvcConfig::parse(&Bytes::from_static(AVCC), &limits)?;
    let aac = AacConfig::parse(&Bytes::from_static(&[0x11, 0x90]))?;
    for (id, config) in
        [(TrackId::VIDEO, CodecConfig::Avc(avc)), (TrackId::AUDIO, CodecConfig::Aac(aac))]
    {
        let track = Track { id, timescale: 1_000_000, config: Arc::new(config) };
        let _ = recorder.handle_track(track)?;
    }
    let media = Bytes::from(vec![0; 4 << 20]);
    let picture = kbits * 1000 / 8 / 30;
    let (mut units, mut sound) = (0, 0_i64);
    let mut millis = 0_i64;
    for n in 0_i64.. {
        millis = n * 1000 / 30;
        if millis as f64 > hours * 3_600_000.0 {
            break;
        }
        while sound * 64 / 3 <= millis {
            let dts = sound * 64 / 3 * 1000;
            let data = media.slice(..300 + usize::try_from(sound % 97)?);
            recorder.handle_unit(AccessUnit {
                track: TrackId::AUDIO,
                dts,
                pts_offset: 0,
                key: true,
                data,
            })?;
            (units, sound) = (units + 1, sound + 1);
        }
        let key = n % 60 == 0;
        let size =
            if key { picture * 8 } else { picture * 7 / 8 } + usize::try_from(n * 7919 % 500)?;
        recorder.handle_unit(AccessUnit {
            track: TrackId::VIDEO,
            dts: millis * 1000,
            pts_offset: if n % 4 == 1 { 133_000 } else { 33_000 * (n % 4) },
            key,
            data: media.slice(..size.min(media.len())),
        })?;
        units += 1;
        write(&mut recorder, file, &media)?;
    }
    recorder.finish()?;
    write(&mut recorder, file, &media)?;
    assert!(millis > 0, "nothing to record");
    file.set_len(recorder.len())?;
    file.sync_data()?;
    Ok((recorder, units))
}

/// Writes boxes, and passes over the media.
fn write(recorder: &mut Mp4Recorder, file: &mut File, media: &Bytes) -> Done {
    while let Some(output) = recorder.poll_output() {
        let (at, chain) = match output {
            Mp4Output::Append(chain) => (SeekFrom::Current(0), chain),
            Mp4Output::Patch(_) => return Err("a patch where none is due".into()),
        };
        file.seek(at)?;
        for part in chain.iter() {
            if part.as_ptr() == media.as_ptr() {
                file.seek(SeekFrom::Current(i64::try_from(part.len())?))?;
            } else {
                file.write_all(part)?;
            }
        }
    }
    Ok(())
}

/// Samples that another reader finds in the fragments.
fn found(file: &mut File, len: u64) -> Done<usize> {
    let mut reader = IndexReader::new(len, &Limits::default());
    let mut bytes = Vec::new();
    while let Some(range) = reader.poll_read() {
        file.seek(SeekFrom::Start(range.start))?;
        bytes.resize(usize::try_from(range.end - range.start)?, 0);
        file.read_exact(&mut bytes)?;
        reader.handle_read(&bytes)?;
    }
    let index = reader.finish()?;
    index.in_place()?;
    Ok(index.tracks.iter().map(|track| track.samples.len()).sum())
}

/// Resident memory now and at most, in KiB.
fn memory() -> Done<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let of = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Ok((of("VmRSS:"), of("VmHWM:")))
}

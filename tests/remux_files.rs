//! FLV to MP4 of every capture: what is read in part gives the plan of all bytes, every packet of the source is in the MP4, and
//! both layouts hold the same samples.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test: what is wrong here fails it"
)]

use std::path::{Path, PathBuf};

use streamcore::limits::Limits;
use streamcore::mp4::index::{Index, IndexReader};
use streamcore::mp4::verify;
use streamcore::remux::{Layout, Options, Piece, Plan, Remuxer, Skimmer};

const WHOLE: Options = Options::new(Layout::Whole, 4096);

#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
fn captures() -> Vec<(PathBuf, Vec<u8>)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folders = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let files = folders
        .filter(|path| path.is_dir())
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let mut flv: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "flv"))
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    flv.sort();
    assert!(flv.len() > 10, "only {} captures", flv.len());
    flv
}

fn all_bytes(source: &[u8], options: &Options) -> Plan {
    let mut remuxer = Remuxer::new(&Limits::default());
    source.chunks(10_000).for_each(|piece| remuxer.handle_input(piece).unwrap());
    remuxer.finish_with(options).unwrap()
}

/// The plan, and how many bytes were read for it.
fn skim(source: &[u8], block: usize, options: &Options) -> (Plan, usize) {
    let mut skimmer = Skimmer::new(source.len() as u64, &Limits::default());
    let mut read = 0;
    while let Some(range) = skimmer.poll_read() {
        let (start, end) = (range.start as usize, range.end as usize);
        let end = end.max((start + block).min(source.len()));
        read += end - start;
        skimmer.handle_read(&source[start..end]).unwrap();
    }
    (skimmer.finish(options).unwrap(), read)
}

fn write(plan: &Plan, source: &[u8]) -> Vec<u8> {
    let mut out = plan.head.to_vec();
    for piece in plan.body.iter() {
        match piece {
            Piece::Copy { offset, len } => {
                out.extend_from_slice(&source[offset as usize..(offset + len) as usize]);
            }
            Piece::Inline(bytes) => out.extend_from_slice(&bytes),
        }
    }
    out
}

fn index(file: &[u8]) -> Index {
    let mut reader = IndexReader::new(file.len() as u64, &Limits::default());
    while let Some(range) = reader.poll_read() {
        reader.handle_read(&file[range.start as usize..range.end as usize]).unwrap();
    }
    reader.finish().unwrap()
}

#[test]
fn what_is_read_in_part_gives_the_plan_of_all_bytes() {
    for (path, source) in captures() {
        let name = path.display();
        for options in [Options::COMPACT, WHOLE, Options::default()] {
            let expected = all_bytes(&source, &options);
            for block in [1, 1500, 70_000] {
                let (plan, _) = skim(&source, block, &options);
                assert!(plan.head == expected.head, "{name}, {block}: the index differs");
                assert!(plan.body == expected.body, "{name}, {block}: the body differs");
                assert_eq!(plan.report, expected.report, "{name}, {block}");
            }
        }
    }
}

#[test]
fn most_of_a_long_capture_is_never_read() {
    let mut compared = 0;
    for (path, source) in captures() {
        let name = path.display();
        // The first pictures are searched whole.
        if source.len() > 1 << 20 {
            let (_, read) = skim(&source, 1, &WHOLE);
            assert!(read < source.len() / 2, "{name}: {read} of {} bytes", source.len());
            compared += 1;
        }
    }
    assert!(compared > 1);
}

#[test]
fn both_layouts_hold_the_same_samples_and_no_others() {
    for (path, source) in captures() {
        let name = path.display();
        let (compact, whole) =
            (skim(&source, 1500, &Options::COMPACT).0, skim(&source, 1500, &WHOLE).0);
        assert!(whole.report.whole && !compact.report.whole);
        assert_eq!(verify(&compact.head, compact.len()).unwrap().unused, 0, "{name}");
        let unused = verify(&whole.head, whole.len()).unwrap().unused;
        assert!(unused > 0 && unused < source.len() as u64 / 2, "{name}: {unused}");
        let files = [write(&compact, &source), write(&whole, &source)];
        let [one, other] = [index(&files[0]), index(&files[1])];
        assert_eq!(one.tracks.len(), other.tracks.len());
        for (a, b) in one.tracks.iter().zip(&other.tracks) {
            assert_eq!((a.samples.len(), a.codec, a.shift), (b.samples.len(), b.codec, b.shift));
            for (a, b) in a.samples.iter().zip(&b.samples) {
                let bytes = |file: &[u8], at: u64, size: u32| {
                    file[at as usize..at as usize + size as usize].to_vec()
                };
                let told = (a.size, a.duration, a.composition_offset, a.sync);
                assert_eq!(told, (b.size, b.duration, b.composition_offset, b.sync), "{name}");
                assert!(bytes(&files[0], a.offset, a.size) == bytes(&files[1], b.offset, b.size));
            }
        }
    }
}

#[test]
fn one_copy_is_all_the_body_of_a_whole_capture() {
    for (path, source) in captures() {
        let (plan, _) = skim(&source, 1500, &WHOLE);
        if plan.report.inline_bytes > 0 {
            continue;
        }
        let pieces: Vec<Piece> = plan.body.iter().collect();
        let [Piece::Copy { offset, len }] = pieces[..] else { panic!("{pieces:?}") };
        assert_eq!((offset % 4096, plan.head.len() % 4096), (0, 0), "{}", path.display());
        assert!(offset + len <= source.len() as u64);
    }
}

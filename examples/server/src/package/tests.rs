//! The same files, whether pictures go through memory or from file to file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

/// Body of a tag with its header and the size behind it.
fn tag(kind: u8, time: u32, body: &[u8]) -> Vec<u8> {
    let (size, [t3, t2, t1, t0]) = (u32::try_from(body.len()).unwrap(), time.to_be_bytes());
    let [_, s2, s1, s0] = size.to_be_bytes();
    let head = [kind, s2, s1, s0, t2, t1, t0, t3, 0, 0, 0];
    [&head[..], body, &(size + 11).to_be_bytes()].concat()
}

/// The tags of a capture: kind, time, body.
fn tags() -> Vec<(u8, u32, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/obs-29.0.2/recorded-by-nginx.flv");
    let file = fs::read(path).unwrap();
    let mut rest = &file[13..];
    let mut tags = Vec::new();
    while rest.len() >= 15 {
        let size = u32::from_be_bytes([0, rest[1], rest[2], rest[3]]) as usize;
        let time = u32::from_be_bytes([rest[7], rest[4], rest[5], rest[6]]);
        tags.push((rest[0], time, rest[11..11 + size].to_vec()));
        rest = &rest[15 + size..];
    }
    tags
}

/// A film of that capture four times over, the third time with what `change` makes of each tag.
fn film(change: impl Fn(usize, &(u8, u32, Vec<u8>)) -> Vec<u8>) -> Vec<u8> {
    let tags = tags();
    let length = tags.last().unwrap().1 + 40;
    let mut film = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for round in 0..4 {
        for (index, (kind, time, body)) in tags.iter().enumerate() {
            let later = (*kind, time + round * length, body.clone());
            let bytes =
                if round == 2 { change(index, &later) } else { tag(later.0, later.1, &later.2) };
            film.extend_from_slice(&bytes);
        }
    }
    film
}

/// What a command line would say of that film in a folder.
fn arguments(folder: &Path, film: &[u8]) -> PackageArgs {
    let (input, output) = (folder.join("in.flv"), folder.join("out"));
    fs::write(&input, film).unwrap();
    let (segment_duration, part_duration) = (Duration::from_secs(2), None);
    PackageArgs { input, output, segment_duration, part_duration, dash: true, json: false }
}

/// All files of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
    };
    let files: BTreeMap<_, _> = files.map(read).collect();
    assert!(files.len() > 10, "{:?}", files.keys());
    files
}

/// What the folder has, or that all has to be read.
fn made(film: &[u8], whole: bool) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let dir = tempfile::tempdir().unwrap();
    let args = arguments(dir.path(), film);
    let folder = Folder::new(&args.output).unwrap();
    package(&args, &mut File::open(&args.input).unwrap(), &folder, whole, &mut |_| {})?;
    folder.publish().unwrap();
    Ok(files(&args.output))
}

/// Files are the same, whether the pictures were in memory or are copied from file to file.
fn assert_same(film: &[u8]) {
    let (whole, outline) = (made(film, true).unwrap(), made(film, false).unwrap());
    assert!(whole.keys().eq(outline.keys()), "{:?} {:?}", whole.keys(), outline.keys());
    for (name, bytes) in &whole {
        assert!(outline.get(name) == Some(bytes), "{name} differs");
    }
}

#[test]
fn pictures_that_are_copied_from_file_to_file_are_those_of_the_input() {
    let film = film(|_, (kind, time, body)| tag(*kind, *time, body));
    assert_same(&film);
    // Each picture of the input is in a segment as it was.
    let files = made(&film, false).unwrap();
    let media: Vec<u8> = files
        .iter()
        .filter(|(name, _)| name.starts_with("video_"))
        .flat_map(|one| one.1.clone())
        .collect();
    let pictures: Vec<_> = tags().into_iter().filter(|tag| tag.0 == 9 && tag.2[1] == 1).collect();
    let large: Vec<_> = pictures.iter().filter(|one| one.2.len() > 2000).collect();
    assert!(large.len() > 40, "{}", large.len());
    for (_, time, body) in large.iter().step_by(large.len() / 4) {
        let picture = &body[5..];
        let found = media.windows(picture.len()).any(|window| window == picture);
        assert!(found, "picture at {time} ms");
    }
}

#[test]
fn damage_in_a_file_is_read_whole_and_what_follows_is_not() {
    assert_same(&film(|index, (kind, time, body)| {
        let mut tag = tag(*kind, *time, body);
        match index % 97 {
            // A size behind a tag that is wrong, bytes that are no tag, a tag of an unknown kind, and half a tag.
            13 => tag.iter_mut().rev().take(4).for_each(|byte| *byte = 9),
            31 => tag.extend_from_slice(&[0x55; 300]),
            53 => tag[0] = 11,
            71 => tag.truncate(40),
            _ => {}
        }
        tag
    }));
}

#[test]
fn a_file_that_ends_in_a_tag_or_has_one_longer_than_a_block_is_the_same_either_way() {
    let whole = film(|index, (kind, time, body)| {
        let mut body = body.clone();
        // A slice of 3 MB in one picture.
        if index == 200 && *kind == 9 && body[1] == 1 {
            body.truncate(5);
            body.extend_from_slice(&3_000_000_u32.to_be_bytes());
            body.push(0x41);
            body.resize(5 + 4 + 3_000_000, 0x5a);
        }
        tag(*kind, *time, &body)
    });
    assert_same(&whole);
    for cut in [1, 3, 20, 900] {
        assert_same(&whole[..whole.len() - cut]);
    }
}

#[test]
fn pictures_that_are_put_together_anew_have_the_file_read_whole() {
    // A second message of the same picture: a slice that does not begin with the first macroblock.
    let film = film(|_, (kind, time, body)| {
        let first = tag(*kind, *time, body);
        if *kind != 9 || body[1] != 1 {
            return first;
        }
        let mut second = vec![0x27, 1, 0, 0, 0];
        second.extend_from_slice(&902_u32.to_be_bytes());
        second.extend_from_slice(&[0x41, 0x40]);
        second.resize(5 + 4 + 902, 0x11);
        [first, tag(9, *time, &second)].concat()
    });
    let error = made(&film, false).unwrap_err();
    assert!(error.is::<flv::Lost>(), "{error:#}");
    let dir = tempfile::tempdir().unwrap();
    let args = arguments(dir.path(), &film);
    run(&args).unwrap();
    assert!(made(&film, true).unwrap() == files(&args.output), "all of it is read then");
}

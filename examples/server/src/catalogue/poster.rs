//! The picture of a recording: its first key frame, decoded and written as JPEG. H.264 alone has a decoder here.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use mp4_atom::{Avcc, Codec};
use openh264::decoder::Decoder;
use openh264::formats::YUVSource as _;

use super::{Asset, Catalogue};
use crate::media_info::mp4;
use crate::store::StoreError;

/// Largest picture that is decoded, in bytes.
const PICTURE: u32 = 16 << 20;
/// Pixels of a side at most.
const SIDE: usize = 8192;
/// Quality of the JPEG, of 100.
const QUALITY: u8 = 80;

impl Catalogue {
    /// Makes the picture of an asset, and says in its row what came of it.
    pub async fn make_poster(self: &Arc<Self>, asset: &Asset) -> Result<(), StoreError> {
        let Some(file) = self.file(asset) else { return Ok(()) };
        let to = self.poster(asset);
        let made = tokio::task::spawn_blocking(move || make(&file, &to)).await;
        let said = match made {
            Ok(Ok(())) => "ready".to_owned(),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "the decoder failed".to_owned(),
        };
        tracing::debug!(asset = asset.id, poster = said, "poster");
        let id = asset.id.clone();
        let sql = "UPDATE asset SET poster = ?2 WHERE id = ?1";
        self.store.call(move |db| db.execute(sql, (id, said))).await.map(drop)
    }
}

fn make(file: &Path, to: &Path) -> anyhow::Result<()> {
    ensure!(file.extension().is_some_and(|form| form == "mp4"), "no picture of an FLV");
    let stream = first_key_frame(file)?;
    let mut decoder = Decoder::new().context("no decoder")?;
    // A decoder that reorders keeps the picture back until it is asked for what is left.
    let image = match decoder.decode(&stream).context("the first key frame cannot be decoded")? {
        Some(picture) => rgb(&picture)?,
        None => {
            let rest =
                decoder.flush_remaining().context("the first key frame cannot be decoded")?;
            rgb(rest.first().context("the first key frame gives no picture")?)?
        }
    };
    let part = to.with_extension("part");
    let (pixels, width, height) = image;
    jpeg_encoder::Encoder::new_file(&part, QUALITY)?.encode(
        &pixels,
        width,
        height,
        jpeg_encoder::ColorType::Rgb,
    )?;
    Ok(std::fs::rename(&part, to)?)
}

fn rgb(picture: &openh264::decoder::DecodedYUV<'_>) -> anyhow::Result<(Vec<u8>, u16, u16)> {
    let (width, height) = picture.dimensions();
    ensure!(
        width > 0 && height > 0 && width <= SIDE && height <= SIDE,
        "{width} x {height} pixels"
    );
    let mut pixels = vec![0; width * height * 3];
    picture.write_rgb8(&mut pixels);
    Ok((pixels, u16::try_from(width)?, u16::try_from(height)?))
}

/// The first key frame of the first H.264 track behind its parameter sets, with start codes (ISO/IEC 14496-10 Annex B).
fn first_key_frame(path: &Path) -> anyhow::Result<Vec<u8>> {
    let movie = mp4::Mp4::open(path)?;
    let video = movie.moov.trak.iter().find(|trak| trak.mdia.minf.vmhd.is_some());
    let stbl = &video.context("no picture without video")?.mdia.minf.stbl;
    let Some(Codec::Avc1(entry)) = stbl.stsd.codecs.first() else {
        bail!("pictures are made of H.264 alone");
    };
    let mut file = File::open(path)?;
    let samples = mp4::samples(stbl, file.metadata()?.len())?;
    let sample = samples.iter().find(|sample| sample.is_key()).context("no key frame")?;
    ensure!(sample.size <= PICTURE, "the first key frame is too large");
    file.seek(SeekFrom::Start(sample.offset))?;
    let mut bytes = vec![0; sample.size as usize];
    file.read_exact(&mut bytes)?;
    annex_b(&entry.avcc, &bytes)
}

fn annex_b(config: &Avcc, mut sample: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut stream = Vec::with_capacity(sample.len() + 256);
    let mut add = |unit: &[u8]| {
        stream.extend_from_slice(&[0, 0, 0, 1]);
        stream.extend_from_slice(unit);
    };
    config.sequence_parameter_sets.iter().for_each(|unit| add(unit));
    config.picture_parameter_sets.iter().for_each(|unit| add(unit));
    let length = usize::from(config.length_size);
    while !sample.is_empty() {
        let (head, rest) = sample.split_at_checked(length).context("a cut NAL unit")?;
        let size = head.iter().fold(0_usize, |size, byte| size << 8 | usize::from(*byte));
        let (unit, rest) = rest.split_at_checked(size).context("a cut NAL unit")?;
        add(unit);
        sample = rest;
    }
    Ok(stream)
}

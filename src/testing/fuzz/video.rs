//! Video configurations and bitstreams.

use bytes::Bytes;

use super::input::limits;
use crate::codec::av1::{self, Av1Config, Obus, TemporalUnitInfo, leb128, put_leb128};
use crate::codec::captions::Captions;
use crate::codec::h264::{self, AvcConfig, nal};
use crate::codec::hevc::{self, HevcConfig, HevcRecord};
use crate::codec::vp8::{self, Vp8Config};
use crate::codec::vp9::{self, Vp9Config};
use crate::codec::vpcc::VpRecord;

/// `avcC`: the record that is written reads the same, and is bounded by what was read.
pub fn avcc(data: &[u8]) {
    let Ok(config) = AvcConfig::parse(data, &limits()) else { return };
    assert!(config.record().len() <= data.len() + 16);
    assert_eq!(AvcConfig::parse(config.record(), &limits()).as_ref(), Ok(&config));
    assert_eq!(config.codec_string().len(), "avc1.64001f".len());
    let sets = config.sps().iter().chain(config.pps());
    assert!(sets.into_iter().all(|set| data.windows(set.len()).any(|window| window == &set[..])));
}

/// H.264 SPS: sizes within what the syntax can say, and a configuration made of it that reads the same.
pub fn sps(data: &[u8]) {
    let Ok(info) = h264::SpsInfo::parse(data) else { return };
    assert!(info.width > 0 && info.height > 0 && info.chroma_format <= 3);
    assert!(
        info.frame_rate.is_none_or(|(numerator, denominator)| numerator > 0 && denominator > 0)
    );
    assert!(info.reorder_frames <= 16, "{}", info.reorder_frames);
    assert_eq!(data.get(1), Some(&info.profile));
    let pps: &[u8] = &[0x68, 0xee, 0x3c, 0x80];
    if let Ok(config) = AvcConfig::from_parameter_sets([data], [pps], &limits()) {
        assert_eq!(*config.info(), info);
        assert_eq!(AvcConfig::parse(config.record(), &limits()), Ok(config));
    }
}

/// NAL units of H.264: length prefixes and start codes cut what is there, in order and without overlap.
pub fn nal_units(data: &[u8]) {
    for size in [1, 2, 4] {
        let mut taken = 0;
        for unit in nal::LengthPrefixed::new(data, size).flatten() {
            taken += unit.len() + usize::from(size);
            let _ = (nal::is_first_slice(unit), nal::is_intra_slice(unit));
        }
        assert!(taken <= data.len());
    }
    let mut captions = Captions::default();
    captions.avc(data);
    captions.hevc(data);
    assert_eq!(captions.is_empty(), captions == Captions::default());
    let mut end = 0;
    for unit in nal::AnnexB::new(data) {
        let start = unit.as_ptr().addr() - data.as_ptr().addr();
        assert!(start >= end && start + unit.len() <= data.len());
        end = start + unit.len();
        assert!(nal::without_trailing_zeros(unit).last() != Some(&0));
        assert_eq!(nal::find_start_code(unit, 0), None);
    }
    // Units written with lengths come back.
    let units: Vec<&[u8]> = nal::AnnexB::new(data).filter(|unit| !unit.is_empty()).collect();
    let mut out = crate::buf::Writer::default();
    for unit in &units {
        out.u32(u32::try_from(unit.len()).unwrap_or(0));
        out.bytes(unit);
    }
    let back: Vec<&[u8]> = nal::LengthPrefixed::new(out.as_slice(), 4).flatten().collect();
    assert_eq!(back, units);
}

/// `hvcC`: the record that is written reads the same.
pub fn hvcc(data: &[u8]) {
    let limits = limits();
    let _ = hevc::is_record(data);
    let Some(config) = HevcRecord::parse(data, &limits).ok().and_then(|record| record.config())
    else {
        return;
    };
    check_hevc(&config);
    assert!(config.record().len() <= 2 * data.len() + 64);
}

/// HEVC parameter sets and SEI with start codes.
pub fn hevc_sets(data: &[u8]) {
    let limits = limits();
    let mut sets = hevc::ParameterSets::default();
    for nal in hevc::annex_b(data) {
        let _ = hevc::hdr_metadata(nal);
        if let Ok(info) = hevc::SpsInfo::parse(nal) {
            assert!(info.width > 0 && info.height > 0 && info.chroma_format <= 3);
            assert!((8..=16).contains(&info.bit_depth_luma));
            assert!(info.min_spatial_segmentation < 1 << 12);
        }
        let _ = sets.insert(nal, &limits);
    }
    let bytes: usize = sets.vps().chain(sets.sps()).chain(sets.pps()).map(Bytes::len).sum();
    assert!(bytes <= limits.parameter_set_bytes.min(data.len()));
    let record = HevcRecord { sets, ..HevcRecord::default() };
    if let Some(config) = record.config() {
        check_hevc(&config);
    }
}

fn check_hevc(config: &HevcConfig) {
    let again = HevcConfig::parse(config.record(), &limits());
    let again = again.as_ref().map(|again| (again.record(), again.info(), again.codec_string()));
    assert_eq!(again, Ok((config.record(), config.info(), config.codec_string())));
    assert!(config.codec_string().starts_with("hvc1."));
}

/// HEVC access units: samples are whole and hold no more than was there.
pub fn hevc_units(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    for size in [1, 2, 4] {
        let info = hevc::AccessUnitInfo::scan(data, size);
        assert!(info.good_bytes <= data.len());
        let sample = hevc::to_sample(&bytes, size, |kind| !hevc::is_droppable(kind));
        assert!(sample.len() <= 4 * data.len() + 4);
        check_lengths(&sample);
        if size == 4 {
            let again = hevc::to_sample(&sample, 4, |kind| !hevc::is_droppable(kind));
            assert_eq!(again, sample, "a sample stays as it is");
        }
    }
    let sample = hevc::annex_b_to_sample(data, |kind| !hevc::is_droppable(kind));
    assert!(sample.len() <= 2 * data.len());
    check_lengths(&sample);
}

fn check_lengths(sample: &[u8]) {
    let whole: usize =
        hevc::LengthPrefixed::new(sample, 4).map_while(Result::ok).map(|nal| nal.len() + 4).sum();
    assert_eq!(whole, sample.len(), "NAL units fill the sample");
}

/// `av1C`: the record that is written reads the same.
pub fn av1c(data: &[u8]) {
    let Ok(config) = Av1Config::parse(data, &limits()) else { return };
    check_av1(&config);
    assert!(config.record().len() <= 2 * data.len() + 16);
}

fn check_av1(config: &Av1Config) {
    let again = Av1Config::parse(config.record(), &limits());
    assert_eq!(again.as_ref(), Ok(config));
    assert_eq!(again.map(|again| again.record().clone()), Ok(config.record().clone()));
    assert!(config.codec_string().starts_with("av01."));
    assert!((1..=65_536).contains(&config.width()) && (1..=65_536).contains(&config.height()));
}

/// AV1 temporal units: OBUs lie one behind the other, samples stay as they are, and configurations read the same.
pub fn obu(data: &[u8]) {
    let mut taken = 0;
    for obu in Obus::new(data).map_while(Result::ok) {
        taken += obu.whole.len();
        assert!(obu.payload.len() < obu.whole.len());
    }
    assert!(taken <= data.len());
    let info = TemporalUnitInfo::scan(data);
    assert!(info.good_bytes <= data.len());
    let sample = av1::to_sample(&Bytes::copy_from_slice(data));
    assert!(sample.len() <= 2 * data.len() + 8);
    assert_eq!(av1::to_sample(&sample), sample, "a sample stays as it is");
    if let Ok(Some(config)) = Av1Config::from_temporal_unit(data, &limits()) {
        check_av1(&config);
        let key = config.key_sample(&sample);
        assert!(key.len() <= sample.len() + config.sequence_obu().len());
    }
    if let Some((value, length)) = leb128(data) {
        let mut out = bytes::BytesMut::new();
        put_leb128(&mut out, value);
        assert!(out.len() <= length && leb128(&out) == Some((value, out.len())));
    }
}

/// `vpcC` with and without the head of a full box.
pub fn vpcc(data: &[u8]) {
    if let Ok(record) = VpRecord::parse(data) {
        assert_eq!(VpRecord::parse(&record.write()), Ok(record));
    }
    if let Ok(config) = Vp9Config::parse(data, &limits()) {
        assert_eq!(Vp9Config::parse(config.record(), &limits()), Ok(config));
    }
    if let Ok(config) = Vp8Config::parse(data, &limits()) {
        assert_eq!(Vp8Config::parse(config.record(), &limits()), Ok(config));
    }
}

/// VP9 frames and superframes.
pub fn vp9(data: &[u8]) {
    let inner: usize = vp9::frames(data).map(<[u8]>::len).sum();
    assert!(inner <= data.len());
    let Ok(frame) = vp9::KeyFrame::parse(data) else { return };
    assert!((1..=65_536).contains(&frame.width) && (1..=65_536).contains(&frame.height));
    if let Ok(config) = Vp9Config::from_key_frame(data, None) {
        assert_eq!(config.size(), Some((frame.width, frame.height)));
        let again = Vp9Config::parse(config.record(), &limits());
        assert_eq!(again.map(|again| *again.info()), Ok(*config.info()));
        assert!(config.codec_string().starts_with("vp09."));
    }
}

/// VP8 key frames.
pub fn vp8(data: &[u8]) {
    let Ok(frame) = vp8::KeyFrame::parse(data) else { return };
    assert!(vp8::is_key_frame(data) && frame.width < 1 << 14 && frame.height < 1 << 14);
    if let Ok(config) = Vp8Config::from_key_frame(data) {
        assert_eq!(config.size(), Some((frame.width, frame.height)));
        let again = Vp8Config::parse(config.record(), &limits());
        assert_eq!(again.map(|again| *again.info()), Ok(*config.info()));
    }
}

//! Sample groups: which samples need decoding to start before them (ISO/IEC 14496-12 8.9 and 10.1).

use super::boxes::full_box;
use crate::buf::Writer;
use crate::codec::opus;
use crate::error::Result;
use crate::media::CodecConfig;

/// How many samples before any sample decoding has to start, as a negative number, where samples are `duration` ticks long: Opus
/// needs 80 ms (Opus in ISOBMFF 4.3.6.2). `None` where a codec needs none.
#[must_use]
pub fn roll_distance(config: &CodecConfig, duration: u32) -> Option<i16> {
    matches!(config, CodecConfig::Opus(_)).then(|| opus::roll_distance(duration))
}

/// `sgpd` and `sbgp` of type `roll`: all `count` samples have the same distance, by the description of number `index`.
pub(super) fn roll(w: &mut Writer, distance: i16, index: u32, count: u32) -> Result<()> {
    full_box(w, b"sgpd", 1, 0, |w| {
        w.bytes(b"roll");
        w.u32(2);
        w.u32(1);
        w.bytes(&distance.to_be_bytes());
        Ok(())
    })?;
    full_box(w, b"sbgp", 0, 0, |w| {
        w.bytes(b"roll");
        w.u32(1);
        w.u32(count);
        w.u32(index);
        Ok(())
    })
}

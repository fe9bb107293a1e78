//! H.264: `AVCDecoderConfigurationRecord`, NAL units, parameter sets.

mod avcc;
pub mod nal;
pub mod slice;
mod sps;
#[cfg(test)]
mod tests;

pub use avcc::AvcRecord;
pub use sps::SpsInfo;

use bytes::Bytes;

use crate::error::{Error, Layer, Result};
use crate::limits::Limits;
use nal::{NalType, without_trailing_zeros};

/// Decoder configuration of an H.264 track.
///
/// Two configurations are equal when their parameter sets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcConfig {
    pub(crate) record: Bytes,
    pub(crate) sps: Vec<Bytes>,
    pub(crate) pps: Vec<Bytes>,
    pub(crate) info: SpsInfo,
}

impl AvcConfig {
    /// Reads an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 5.3.3.1) and rewrites it with 4-byte NAL lengths.
    ///
    /// What is tolerated in it is said at [`AvcRecord::parse`] and [`ParameterSets::insert`].
    ///
    /// # Errors
    ///
    /// As [`AvcRecord::parse`]; malformed where no SPS or no PPS of it can be read; limit where the sets are too large.
    pub fn parse(record: &[u8], limits: &Limits) -> Result<Self> {
        let mut sets = ParameterSets::default();
        sets.insert_record(&AvcRecord::parse(record)?, limits)?;
        sets.config()
    }

    /// Makes a configuration from parameter sets, whole NAL units with their headers.
    ///
    /// # Errors
    ///
    /// Malformed where no SPS or no PPS can be read; limit where the sets are too large.
    pub fn from_parameter_sets<'a>(
        sps: impl IntoIterator<Item = &'a [u8]>,
        pps: impl IntoIterator<Item = &'a [u8]>,
        limits: &Limits,
    ) -> Result<Self> {
        let mut sets = ParameterSets::default();
        sets.insert_all(sps.into_iter().chain(pps), limits)?;
        sets.config()
    }

    /// The `avcC` box's content (ISO/IEC 14496-15 5.3.3.1), rewritten with 4-byte NAL lengths.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// Sequence parameter sets, NAL header included, by rising id.
    #[must_use]
    pub fn sps(&self) -> &[Bytes] {
        &self.sps
    }

    /// Picture parameter sets, NAL header included, by rising id.
    #[must_use]
    pub fn pps(&self) -> &[Bytes] {
        &self.pps
    }

    /// Size, profile and timing from the first sequence parameter set.
    #[must_use]
    pub const fn info(&self) -> &SpsInfo {
        &self.info
    }

    /// RFC 6381: `avc1.` and profile, constraints and level of the SPS in hexadecimal.
    #[must_use]
    pub fn codec_string(&self) -> String {
        let SpsInfo { profile, constraints, level, .. } = self.info;
        format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
    }
}

/// The parameter sets of one stream: one content for each id, the latest wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    sps: Vec<(u8, Bytes)>,
    pps: Vec<(u8, Bytes)>,
    extensions: Vec<Bytes>,
    bytes: usize,
}

impl ParameterSets {
    /// Takes in an SPS, PPS or SPS extension, a whole NAL unit with its header, and says whether that changed
    /// anything. Zero bytes at its end are cut off. Other NAL units are ignored.
    ///
    /// # Errors
    ///
    /// Malformed where the set or its id cannot be read; limit where all sets together are too large.
    pub fn insert(&mut self, nal: &[u8], limits: &Limits) -> Result<bool> {
        let nal = without_trailing_zeros(nal);
        let (list, id) = match NalType::of(nal) {
            Some(NalType::SPS) => (&mut self.sps, SpsInfo::parse(nal)?.id),
            Some(NalType::PPS) => (&mut self.pps, sps::pps_id(nal)?),
            Some(NalType::SPS_EXTENSION) => return self.insert_extension(nal, limits),
            _ => return Ok(false),
        };
        let at = list.binary_search_by_key(&id, |&(id, _)| id);
        let old = at.ok().and_then(|at| list.get(at)).map_or(&[][..], |(_, set)| set);
        if old == nal {
            return Ok(false);
        }
        self.bytes = room(self.bytes - old.len(), nal, limits)?;
        let set = Bytes::copy_from_slice(nal);
        match at {
            Ok(at) => list.iter_mut().skip(at).take(1).for_each(|slot| slot.1 = set.clone()),
            Err(at) => list.insert(at, (id, set)),
        }
        Ok(true)
    }

    fn insert_extension(&mut self, nal: &[u8], limits: &Limits) -> Result<bool> {
        if self.extensions.iter().any(|known| known == nal) {
            return Ok(false);
        }
        self.bytes = room(self.bytes, nal, limits)?;
        self.extensions.push(Bytes::copy_from_slice(nal));
        Ok(true)
    }

    /// Takes in all sets of a record; sets that cannot be read are left out.
    ///
    /// # Errors
    ///
    /// Limit where all sets together are too large.
    pub fn insert_record(&mut self, record: &AvcRecord<'_>, limits: &Limits) -> Result<()> {
        let sets = record.sps.iter().chain(&record.pps).chain(&record.sps_extensions);
        self.insert_all(sets.copied(), limits)
    }

    fn insert_all<'a>(
        &mut self,
        nals: impl Iterator<Item = &'a [u8]>,
        limits: &Limits,
    ) -> Result<()> {
        for nal in nals {
            match self.insert(nal, limits) {
                Err(error) if error.kind() == crate::error::ErrorKind::LimitExceeded => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether there is at least one SPS and one PPS.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.sps.is_empty() && !self.pps.is_empty()
    }

    /// The configuration that these sets make.
    ///
    /// # Errors
    ///
    /// Malformed where there is no SPS or no PPS; limit where there are more than the record can hold.
    pub fn config(&self) -> Result<AvcConfig> {
        let first = self.sps.first().ok_or(Error::malformed(Layer::Codec, "no SPS"))?;
        if self.pps.is_empty() {
            return Err(Error::malformed(Layer::Codec, "no PPS"));
        }
        let info = SpsInfo::parse(&first.1)?;
        let sps: Vec<Bytes> = self.sps.iter().map(|(_, set)| set.clone()).collect();
        let pps: Vec<Bytes> = self.pps.iter().map(|(_, set)| set.clone()).collect();
        let record = avcc::write(&info, &sps, &pps, &self.extensions)?;
        Ok(AvcConfig { record, sps, pps, info })
    }
}

fn room(used: usize, nal: &[u8], limits: &Limits) -> Result<usize> {
    let bytes = used.saturating_add(nal.len());
    if bytes > limits.parameter_set_bytes {
        return Err(Error::limit(Layer::Codec, "parameter sets").found(bytes as u64));
    }
    Ok(bytes)
}

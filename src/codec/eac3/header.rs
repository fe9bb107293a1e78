//! `syncinfo()` and `bsi()` of an E-AC-3 frame (ETSI TS 102 366 E.1.2.1 and E.1.2.2).

use super::ac3;
use crate::codec::bits::BitReader;
use crate::error::{Error, Layer, Result};

const BSI: &str = "TS 102 366 E.1.2.2";

/// `strmtyp` (TS 102 366 E.1.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamType {
    /// 0: decodable alone.
    Independent,
    /// 1: adds channels to the independent substream before it.
    Dependent,
    /// 2: converted from AC-3, decodable alone.
    Converted,
}

/// Header of one sync frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameHeader {
    /// Independent or not.
    pub stream_type: StreamType,
    /// `substreamid`, 0 to 7.
    pub substream: u8,
    /// Bytes of the frame, 2 to 4096.
    pub bytes: usize,
    /// `fscod`, 0 to 3.
    pub fscod: u8,
    /// Hz, 16000 to 48000.
    pub sample_rate: u32,
    /// Samples a channel: 256, 512, 768 or 1536.
    pub samples: u32,
    /// `acmod`, 0 to 7.
    pub acmod: u8,
    /// `lfeon`.
    pub lfe: bool,
    /// `bsid`, 11 to 16.
    pub bsid: u8,
    /// `bsmod`, 0 where not said.
    pub bsmod: u8,
    /// Channels that a dependent substream adds, as the 9 bits of `chan_loc`.
    pub locations: u16,
    /// Complexity index of joint object coding, where it is said (TS 103 420 8.3).
    pub joint_objects: Option<u8>,
}

impl FrameHeader {
    /// Reads the header of a sync frame. What stands behind the channel map is kept as far as it can be read.
    ///
    /// # Errors
    /// No sync word, a reserved stream type or rate, another `bsid` than 11 to 16, a short header.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let mut bits = BitReader::new(data, BSI);
        if bits.u16(16, "syncword")? != 0x0b77 {
            return Err(Error::malformed(Layer::Codec, "syncword").at(0).clause(BSI));
        }
        let stream_type = match bits.u8(2, "strmtyp")? {
            0 => StreamType::Independent,
            1 => StreamType::Dependent,
            2 => StreamType::Converted,
            _ => return Err(bits.malformed("strmtyp").found(3)),
        };
        let substream = bits.u8(3, "substreamid")?;
        let bytes = 2 * (usize::from(bits.u16(11, "frmsiz")?) + 1);
        let fscod = bits.u8(2, "fscod")?;
        let low = bits.u8(2, "numblkscod")?;
        let (sample_rate, blocks) = match ac3::sample_rate(fscod) {
            Some(rate) => (rate, [1, 2, 3, 6].get(usize::from(low)).copied().unwrap_or(6)),
            // fscod2 stands in place of the number of blocks, which is 6.
            None => (ac3::sample_rate(low).ok_or(bits.malformed("fscod2").found(3))? / 2, 6),
        };
        let (acmod, lfe) = (bits.u8(3, "acmod")?, bits.flag("lfeon")?);
        let bsid = bits.u8(5, "bsid")?;
        if !(11..=16).contains(&bsid) {
            return Err(bits.unsupported("bsid").found(u64::from(bsid)));
        }
        let mut header = Self {
            stream_type,
            substream,
            bytes,
            fscod,
            sample_rate,
            samples: 256 * blocks,
            acmod,
            lfe,
            bsid,
            bsmod: 0,
            locations: 0,
            joint_objects: None,
        };
        header.read_levels(&mut bits)?;
        header.read_optional(&mut bits, blocks).ok();
        Ok(header)
    }

    /// Whether this is a later frame of the independent substream that `first` belongs to, or `first` itself.
    pub(super) fn is_next_of(&self, first: &Self) -> bool {
        self.stream_type != StreamType::Dependent && self.substream == first.substream
    }

    fn read_levels(&mut self, bits: &mut BitReader<'_>) -> Result<()> {
        for _ in 0..if self.acmod == 0 { 2 } else { 1 } {
            bits.skip(5, "dialnorm")?;
            if bits.flag("compre")? {
                bits.skip(8, "compr")?;
            }
        }
        if self.stream_type == StreamType::Dependent && bits.flag("chanmape")? {
            self.locations = locations(bits.u16(16, "chanmap")?);
        }
        Ok(())
    }

    fn read_optional(&mut self, bits: &mut BitReader<'_>, blocks: u32) -> Result<()> {
        if bits.flag("mixmdate")? {
            self.skip_mixing(bits, blocks)?;
        }
        if bits.flag("infomdate")? {
            self.bsmod = bits.u8(3, "bsmod")?;
            bits.skip(2, "copyrightb")?;
            bits.skip(if self.acmod == 2 { 4 } else { 0 }, "dsurmod")?;
            bits.skip(if self.acmod >= 6 { 2 } else { 0 }, "dsurexmod")?;
            for _ in 0..if self.acmod == 0 { 2 } else { 1 } {
                if bits.flag("audprodie")? {
                    bits.skip(8, "mixlevel")?;
                }
            }
            bits.skip(if self.fscod < 3 { 1 } else { 0 }, "sourcefscod")?;
        }
        match self.stream_type {
            StreamType::Independent if blocks != 6 => bits.skip(1, "convsync")?,
            StreamType::Converted if blocks == 6 || bits.flag("blkid")? => {
                bits.skip(6, "frmsizecod")?;
            }
            _ => {}
        }
        if bits.flag("addbsie")? && bits.u8(6, "addbsil")? >= 1 {
            let extension = bits.u8(8, "flag_eac3_extension_type_a")? & 1 == 1;
            let complexity = bits.u8(8, "complexity_index_type_a")?;
            self.joint_objects = Some(complexity).filter(|_| extension);
        }
        Ok(())
    }

    /// Mixing metadata (TS 102 366 E.1.2.2).
    fn skip_mixing(&self, bits: &mut BitReader<'_>, blocks: u32) -> Result<()> {
        let acmod = self.acmod;
        let mut levels = if acmod > 2 { 2 } else { 0 };
        levels += if acmod & 1 == 1 && acmod > 2 { 6 } else { 0 };
        levels += if acmod & 4 == 4 { 6 } else { 0 };
        bits.skip(levels, "dmixmod")?;
        if self.lfe && bits.flag("lfemixlevcode")? {
            bits.skip(5, "lfemixlevcod")?;
        }
        if self.stream_type != StreamType::Independent {
            return Ok(());
        }
        for _ in 0..if acmod == 0 { 3 } else { 2 } {
            if bits.flag("pgmscle")? {
                bits.skip(6, "pgmscl")?;
            }
        }
        match bits.u8(2, "mixdef")? {
            0 => {}
            1 => bits.skip(5, "premixcmpsel")?,
            2 => bits.skip(12, "mixdata")?,
            _ => {
                let bytes = bits.u32(5, "mixdeflen")? + 2;
                bits.skip(8 * bytes, "mixdata")?;
            }
        }
        if acmod < 2 {
            for _ in 0..if acmod == 0 { 2 } else { 1 } {
                if bits.flag("paninfoe")? {
                    bits.skip(14, "paninfo")?;
                }
            }
        }
        if bits.flag("frmmixcfginfoe")? {
            if blocks == 1 {
                return bits.skip(5, "blkmixcfginfo");
            }
            for _ in 0..blocks {
                if bits.flag("blkmixcfginfoe")? {
                    bits.skip(5, "blkmixcfginfo")?;
                }
            }
        }
        Ok(())
    }
}

/// From `chanmap`, whose first bit is the highest (table E.1.4), to `chan_loc`, whose first bit is the lowest.
fn locations(chanmap: u16) -> u16 {
    // Lc/Rc, Lrs/Rrs, Cs, Ts, Lsd/Rsd, Lw/Rw, Lvh/Rvh, Cvh, LFE2
    [5, 6, 7, 8, 9, 10, 11, 12, 14]
        .into_iter()
        .enumerate()
        .filter(|(_, map_bit)| chanmap >> (15 - map_bit) & 1 == 1)
        .fold(0, |locations, (bit, _)| locations | 1 << bit)
}

//! One synchronization frame of E-AC-3 (ETSI TS 102 366, E.1.2).

use crate::isobmff::config::{
    Error,
    ac3::{RATES, channels},
    bits::Bits,
};

/// What the header of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Bytes.
    pub size: usize,
    /// True of a substream that adds channels to an independent one.
    pub dependent: bool,
    /// `substreamid`.
    pub substream: u8,
    /// `fscod`.
    pub fscod: u8,
    /// Hz.
    pub rate: u32,
    /// Blocks of 256 samples.
    pub blocks: u8,
    /// `acmod`.
    pub acmod: u8,
    /// `lfeon`.
    pub lfe: bool,
    /// `bsid`.
    pub bsid: u8,
    /// `bsmod`, 0 where the frame does not say.
    pub bsmod: u8,
    /// Where the channels of a dependent substream lie, as `chan_loc` has it.
    pub locations: u16,
    /// `complexity_index_type_a` of joint object coding (ETSI TS 103 420, 8.3).
    pub objects: Option<u8>,
}

impl Frame {
    /// Reads `syncinfo` and `bsi` of the frame at the start of `bytes`.
    ///
    /// # Errors
    /// When it is cut, no E-AC-3, or has reserved codes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new("E-AC-3 frame", bytes);
        let sync = bits.take(16, "syncword")?;
        if sync != 0x0b77 {
            return Err(bits.wrong("syncword", format!("{sync:04x}"), "0b77"));
        }
        let kind = bits.small(2, "strmtyp")?;
        let substream = bits.small(3, "substreamid")?;
        let size = (bits.take(11, "frmsiz")? as usize + 1) * 2;
        let fscod = bits.small(2, "fscod")?;
        let code = bits.small(2, "numblkscod")?;
        let full = RATES.get(usize::from(if fscod == 3 { code } else { fscod }));
        let full = *full.ok_or_else(|| bits.wrong("fscod2", code, "0 to 2"))?;
        let acmod = bits.small(3, "acmod")?;
        let lfe = bits.flag("lfeon")?;
        let bsid = bits.small(5, "bsid")?;
        if !(11..=16).contains(&bsid) || kind == 3 {
            let found = format!("bsid {bsid}, strmtyp {kind}");
            return Err(bits.wrong("bsid", found, "11 to 16 (E-AC-3), strmtyp 0 to 2"));
        }
        let mut frame = Self {
            size,
            dependent: kind == 1,
            substream,
            fscod,
            rate: if fscod == 3 { full / 2 } else { full },
            blocks: match (fscod, code) {
                (3, _) | (_, 3) => 6,
                (_, code) => code + 1,
            },
            acmod,
            lfe,
            bsid,
            bsmod: 0,
            locations: 0,
            objects: None,
        };
        bits.skip(5, "dialnorm")?;
        frame.skip_optional(&mut bits, 8, "compr")?;
        if acmod == 0 {
            bits.skip(5, "dialnorm2")?;
            frame.skip_optional(&mut bits, 8, "compr2")?;
        }
        if frame.dependent && bits.flag("chanmape")? {
            frame.locations = locations(bits.take(16, "chanmap")?);
        }
        // What follows is for people who mix; a frame that ends within it says nothing of it.
        if frame.parse_metadata(&mut bits, kind).is_err() {
            (frame.bsmod, frame.objects) = (0, None);
        }
        Ok(frame)
    }

    /// Samples of each channel.
    pub fn samples(&self) -> u32 {
        u32::from(self.blocks) * 256
    }

    /// Channels of this substream, the low frequency one included.
    pub fn channels(&self) -> u16 {
        channels(self.acmod, self.lfe)
    }

    /// A flag, and `length` bits where it is set.
    fn skip_optional(
        &self,
        bits: &mut Bits<'_>,
        length: usize,
        field: &'static str,
    ) -> Result<(), Error> {
        match bits.flag(field)? {
            true => bits.skip(length, field),
            false => Ok(()),
        }
    }

    /// The rest of `bsi`, from `mixmdate`.
    fn parse_metadata(&mut self, bits: &mut Bits<'_>, kind: u8) -> Result<(), Error> {
        let acmod = self.acmod;
        if bits.flag("mixmdate")? {
            self.skip_mixing(bits, kind)?;
        }
        if bits.flag("infomdate")? {
            self.bsmod = bits.small(3, "bsmod")?;
            bits.skip(2, "origbs")?;
            match acmod {
                2 => bits.skip(4, "dheadphonmod")?,
                6.. => bits.skip(2, "dsurexmod")?,
                _ => {}
            }
            self.skip_optional(bits, 8, "audprodi")?;
            if acmod == 0 {
                self.skip_optional(bits, 8, "audprodi2")?;
            }
            if self.fscod < 3 {
                bits.skip(1, "sourcefscod")?;
            }
        }
        if kind == 0 && self.blocks != 6 {
            bits.skip(1, "convsync")?;
        }
        if kind == 2 && (self.blocks == 6 || bits.flag("blkid")?) {
            bits.skip(6, "frmsizecod")?;
        }
        if bits.flag("addbsie")? && bits.small(6, "addbsil")? >= 1 {
            bits.skip(7, "addbsi")?;
            if bits.flag("flag_ec3_extension_type_a")? {
                self.objects = Some(bits.small(8, "complexity_index_type_a")?);
            }
        }
        Ok(())
    }

    /// The mixing metadata behind `mixmdate`.
    fn skip_mixing(&self, bits: &mut Bits<'_>, kind: u8) -> Result<(), Error> {
        let acmod = self.acmod;
        if acmod > 2 {
            bits.skip(2, "dmixmod")?;
        }
        if acmod & 1 == 1 && acmod > 2 {
            bits.skip(6, "lorocmixlev")?;
        }
        if acmod & 4 != 0 {
            bits.skip(6, "lorosurmixlev")?;
        }
        if self.lfe {
            self.skip_optional(bits, 5, "lfemixlevcod")?;
        }
        if kind != 0 {
            return Ok(());
        }
        self.skip_optional(bits, 6, "pgmscl")?;
        if acmod == 0 {
            self.skip_optional(bits, 6, "pgmscl2")?;
        }
        self.skip_optional(bits, 6, "extpgmscl")?;
        match bits.small(2, "mixdef")? {
            1 => bits.skip(5, "premixcmpscl")?,
            2 => bits.skip(12, "mixdata")?,
            3 => {
                let length = usize::from(bits.small(5, "mixdeflen")?) + 2;
                bits.skip(8 * length, "mixdata")?;
            }
            _ => {}
        }
        if acmod < 2 {
            self.skip_optional(bits, 14, "paninfo")?;
        }
        if acmod == 0 {
            self.skip_optional(bits, 14, "paninfo2")?;
        }
        if !bits.flag("frmmixcfginfoe")? {
            return Ok(());
        }
        if self.blocks == 1 {
            return bits.skip(5, "blkmixcfginfo");
        }
        for _ in 0..self.blocks {
            self.skip_optional(bits, 5, "blkmixcfginfo")?;
        }
        Ok(())
    }
}

/// `chan_loc` (table F.6.1) of a `chanmap` (table E.1.4), whose first bit is the highest.
fn locations(map: u32) -> u16 {
    // Lc/Rc, Lrs/Rrs, Cs, Ts, Lsd/Rsd, Lw/Rw, Lvh/Rvh, Cvh follow the five usual channels; LFE2 comes last but one.
    let from = |place: u32| ((map >> (15 - place)) & 1) as u16;
    let usual = (5..13).fold(0, |sum, place| sum | from(place) << (place - 5));
    usual | from(14) << 8
}

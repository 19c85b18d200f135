//! What both payload formats of AAC share: the decoder configuration and the making of frames.

use bytes::Bytes;

use super::{Frame, FrameFormat, PayloadFormat};
use crate::stream::{AacFormat, Format};

/// Of AAC-LD and AAC-ELD, say.
pub(super) const NOT_AAC: &str =
    "its decoder configuration is of none of AAC-LC, HE and HE v2: set the encoder to one of these";

/// What one AAC frame can be at most: 6144 bits a channel, 48 channels.
pub(super) const MAX_FRAME_BYTES: usize = 6144 / 8 * 48;

/// In place of the number of a usual sample rate: the rate itself follows.
const ESCAPE: u32 = 15;

/// Makes frames of raw access units; the first one carries the format.
#[derive(Debug)]
pub(super) struct AacFrames {
    format: AacFormat,
    /// RTP ticks of one access unit.
    ticks: u32,
    announced: bool,
}

impl AacFrames {
    /// `config`: AudioSpecificConfig, ISO/IEC 14496-3.
    pub(super) fn new(config: Bytes, format: &PayloadFormat) -> Result<Self, &'static str> {
        let mut bits = Bits::new(&config);
        let read = Configuration::read(&mut bits, format.channels).ok_or(NOT_AAC)?;
        let Configuration {
            sample_rate,
            channels,
            frame_length,
            ..
        } = read;
        // With spectral band replication the RTP clock may run at twice the core's sample rate.
        let ticks = u64::from(frame_length) * u64::from(format.clock_rate) / u64::from(sample_rate);
        let ticks = u32::try_from(ticks).map_err(|_| "clock rate out of range")?;
        Ok(Self {
            format: AacFormat {
                config,
                sample_rate,
                channels,
                frame_length,
            },
            ticks,
            announced: false,
        })
    }

    /// The `index`-th access unit of a packet with this timestamp.
    pub(super) fn frame(&mut self, timestamp: u32, index: u32, arrival_us: i64, data: Bytes) -> Frame {
        let frame_us = i64::from(self.format.frame_length) * 1_000_000 / i64::from(self.format.sample_rate);
        let format = (!self.announced).then(|| FrameFormat {
            format: Format::Aac(self.format.clone()),
            frame_us,
        });
        self.announced = true;
        let timestamp = timestamp.wrapping_add(self.ticks.wrapping_mul(index));
        Frame {
            timestamp,
            arrival_us,
            data,
            keyframe: true,
            format,
        }
    }
}

/// The fields of an AudioSpecificConfig that matter outside of the decoder.
#[derive(Debug)]
pub(super) struct Configuration {
    sample_rate: u32,
    channels: u16,
    frame_length: u32,
    /// The header of ADTS has names for the sample rate and for the channels.
    fits_adts: bool,
}

impl AacFormat {
    /// Whether its frames can be put behind headers of ADTS, and so into a transport stream: a sample rate and channels that
    /// these can name, frames of 1024 samples.
    pub fn fits_adts(&self) -> bool {
        Configuration::read(&mut Bits::new(&self.config), Some(self.channels))
            .is_some_and(|read| read.fits_adts && read.frame_length == 1024)
    }
}

impl Configuration {
    /// ISO/IEC 14496-3 1.6.2.1, for the object types Main, LC, SSR and LTP, also under explicitly signalled SBR. Leaves
    /// the reader behind the fixed part of GASpecificConfig.
    pub(super) fn read(bits: &mut Bits<'_>, offered_channels: Option<u16>) -> Option<Self> {
        const SBR: u32 = 5;
        const PARAMETRIC_STEREO: u32 = 29;
        let start = bits.clone();
        let mut kind = object_type(bits)?;
        let names_rate = bits.clone().take(4)? != ESCAPE;
        let sample_rate = sample_rate(bits)?;
        let channel_configuration = bits.take(4)?;
        if kind == SBR || kind == PARAMETRIC_STEREO {
            self::sample_rate(bits)?;
            kind = object_type(bits)?;
        }
        if !(1..=4).contains(&kind) {
            return None;
        }
        let frame_length = if bits.take(1)? == 1 { 960 } else { 1024 };
        let depends_on_core_coder = bits.take(1)? == 1;
        if depends_on_core_coder {
            bits.take(14)?;
        }
        let _extension = bits.take(1)?;
        let channels = match channel_configuration {
            // Nothing but its program configuration tells them; what cannot be read of that, the offer may tell.
            0 => {
                let mut program = bits.clone();
                match program_channels(&mut program, &start) {
                    Some(channels) => {
                        *bits = program;
                        channels
                    }
                    None => offered_channels.filter(|n| *n > 0)?,
                }
            }
            7 => 8,
            n @ 1..=6 => n as u16,
            _ => return None,
        };
        Some(Self {
            sample_rate,
            channels,
            frame_length,
            fits_adts: names_rate && channel_configuration != 0,
        })
    }
}

/// Reads a program_config_element, ISO/IEC 14496-3 4.4.1.1, which is aligned to `start`.
fn program_channels<'a>(bits: &mut Bits<'a>, start: &Bits<'a>) -> Option<u16> {
    const PAIR: u32 = 1;
    // Tag, object type and sample rate.
    bits.take(4 + 2 + 4)?;
    let [front, side, back] = [bits.take(4)?, bits.take(4)?, bits.take(4)?];
    let (low, data, coupling) = (bits.take(2)?, bits.take(3)?, bits.take(4)?);
    // The mixes that it may tell of.
    for length in [4, 4, 3] {
        if bits.take(1)? == 1 {
            bits.take(length)?;
        }
    }
    let mut channels = low;
    for _ in 0..front + side + back {
        let is_pair = bits.take(1)? == PAIR;
        bits.take(4)?;
        channels += if is_pair { 2 } else { 1 };
    }
    for _ in 0..low + data {
        bits.take(4)?;
    }
    for _ in 0..coupling {
        bits.take(5)?;
    }
    bits.align(start)?;
    for _ in 0..bits.take(8)? {
        bits.take(8)?;
    }
    u16::try_from(channels).ok().filter(|n| *n > 0)
}

fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(5)? {
        31 => Some(32 + bits.take(6)?),
        kind => Some(kind),
    }
}

fn sample_rate(bits: &mut Bits<'_>) -> Option<u32> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ];
    match bits.take(4)? {
        ESCAPE => bits.take(24).filter(|rate| *rate > 0),
        index => RATES.get(index as usize).copied(),
    }
}

impl AacFormat {
    /// What an AudioSpecificConfig says. `None` for what cannot be read, and for channels that it does not count.
    pub fn read(config: Bytes) -> Option<Self> {
        let Configuration {
            sample_rate,
            channels,
            frame_length,
            ..
        } = Configuration::read(&mut Bits::new(&config), None)?;
        Some(Self {
            config,
            sample_rate,
            channels,
            frame_length,
        })
    }
}

/// Reads numbers of up to 32 bits, the most significant bit first.
#[derive(Clone, Debug)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: u64,
    end: u64,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            end: data.len() as u64 * 8,
        }
    }

    /// Only the first `bits` of the data.
    pub(super) fn limited(data: &'a [u8], bits: u32) -> Self {
        Self {
            end: u64::from(bits).min(data.len() as u64 * 8),
            ..Self::new(data)
        }
    }

    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let end = self.at.checked_add(u64::from(count)).filter(|end| *end <= self.end)?;
        let mut value = 0;
        for at in self.at..end {
            let byte = self.data.get((at / 8) as usize)?;
            value = value << 1 | u32::from(byte >> (7 - at % 8) & 1);
        }
        self.at = end;
        Some(value)
    }

    /// Passes over what is left of a byte, counted from `start`, a copy of this reader from before.
    fn align(&mut self, start: &Self) -> Option<()> {
        let read = self.at.checked_sub(start.at)?;
        self.take((read.next_multiple_of(8) - read) as u32).map(|_| ())
    }

    /// What was read since `start`, a copy of this reader from before, padded with zeros to whole bytes.
    pub(super) fn since(&self, start: &Self) -> Bytes {
        let mut bits = Self {
            end: self.at,
            ..start.clone()
        };
        let mut bytes = Vec::new();
        while bits.at < bits.end {
            let count = (bits.end - bits.at).min(8) as u32;
            bytes.push((bits.take(count).unwrap_or(0) << (8 - count)) as u8);
        }
        bytes.into()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }
}

pub(super) fn from_hex(text: &str) -> Option<Bytes> {
    // `from_str_radix` alone would take signs.
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

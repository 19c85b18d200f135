use std::ffi::CString;
use std::ptr;

use ffmpeg_next::codec::packet;
use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, ffi};

use super::MediaError;
use super::describe::add_track;
use crate::stream::{AccessUnit, Format};

/// Publishes coded units over RTSP (ANNOUNCE and RECORD), interleaved in the TCP connection. It sends what it is given at
/// once; the pace is the caller's. Dropped without [`finish`](Self::finish), it just closes the connection.
pub struct RtspPublisher(Output);

impl RtspPublisher {
    /// Connects and announces the tracks, which are numbered as given.
    pub fn connect(url: &str, formats: &[Format]) -> Result<Self, MediaError> {
        let failed = MediaError::during("publish to this URL");
        let Ok(name) = CString::new(url) else {
            return Err(failed(Error::InvalidData));
        };
        let mut context = ptr::null_mut();
        // SAFETY: both strings end with a zero; on success the context is new and handed to its owner. It is made here
        // because the binding opens a file for every output, and this muxer has none.
        let mut output = unsafe {
            match ffi::avformat_alloc_output_context2(&raw mut context, ptr::null(), c"rtsp".as_ptr(), name.as_ptr()) {
                code if code < 0 => return Err(failed(Error::from(code))),
                _ => Output::wrap(context),
            }
        };
        for format in formats {
            add_track(&mut output, format)?;
        }
        let mut options = Dictionary::new();
        options.set("rtsp_transport", "tcp");
        output.write_header_with(options).map_err(failed)?;
        Ok(Self(output))
    }

    /// Sends the next unit of a track.
    pub fn write(&mut self, track: usize, unit: &AccessUnit) -> Result<(), MediaError> {
        let stream = self.0.stream(track);
        let base = stream.map_or(Rational(1, 90_000), |stream| stream.time_base());
        let mut packet = Packet::copy(&unit.data);
        packet.set_stream(track);
        packet.set_pts(Some(ticks(unit.pts_us, base)));
        packet.set_dts(Some(ticks(unit.dts_us, base)));
        if unit.keyframe {
            packet.set_flags(packet::Flags::KEY);
        }
        packet
            .write(&mut self.0)
            .map_err(MediaError::during("publish any more"))
            .map(|_| ())
    }

    /// Says goodbye.
    pub fn finish(mut self) -> Result<(), MediaError> {
        self.0.write_trailer().map_err(MediaError::during("end publishing"))
    }
}

fn ticks(us: i64, base: Rational) -> i64 {
    let scaled = i128::from(us) * i128::from(base.denominator());
    let unit = i128::from(base.numerator().max(1)) * 1_000_000;
    i64::try_from((scaled + unit / 2).div_euclid(unit)).unwrap_or(i64::MAX)
}

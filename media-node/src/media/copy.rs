//! Files whose media is copied from others, with one index in front of it.

use std::path::Path;

use ffmpeg_next::codec::packet::side_data::Type;
use ffmpeg_next::format::context::{Input, Output};
use ffmpeg_next::{Dictionary, Error, Packet, format};

use super::MediaError;
use super::describe::set_matrix;

/// What is said of a step that fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    pub(super) create: &'static str,
    pub(super) begin: &'static str,
    pub(super) read: &'static str,
}

/// A file at `to` of this kind with the tracks of `input`, and nothing in it yet.
pub(super) fn begin(input: &Input, to: &Path, muxer: &str, steps: Steps) -> Result<Output, MediaError> {
    let mut output = format::output_as(to, muxer).map_err(MediaError::during(steps.create))?;
    for stream in input.streams() {
        let mut copy = output
            .add_stream(None::<ffmpeg_next::Codec>)
            .map_err(MediaError::during("add a track to this file"))?;
        copy.set_parameters(stream.parameters());
        // SAFETY: the parameters were just copied into the new stream; a tag of 0 lets the container choose its own.
        unsafe { (*(*copy.as_mut_ptr()).codecpar).codec_tag = 0 }
        copy.set_time_base(stream.time_base());
        let mut told = stream.side_data();
        let matrix = told.find(|told| told.kind() == Type::DisplayMatrix);
        if let Some(matrix) = matrix.and_then(|matrix| matrix.data().first_chunk().copied()) {
            set_matrix(&mut copy, &matrix)?;
        }
    }
    let mut options = Dictionary::new();
    options.set("movflags", "faststart");
    options.set("fflags", "+bitexact");
    output
        .write_header_with(options)
        .map_err(MediaError::during(steps.begin))?;
    Ok(output)
}

/// The next packet that has a track in `output`, with its times in that track's ticks; `None` at the end.
pub(super) fn next(input: &mut Input, output: &Output, steps: Steps) -> Result<Option<Packet>, MediaError> {
    loop {
        let mut packet = Packet::empty();
        match packet.read(input) {
            Ok(()) => {}
            Err(Error::Eof) => return Ok(None),
            Err(error) => return Err(MediaError::new(steps.read, error)),
        }
        let index = packet.stream();
        let (Some(from), Some(to)) = (input.stream(index), output.stream(index)) else {
            continue;
        };
        packet.rescale_ts(from.time_base(), to.time_base());
        packet.set_position(-1);
        return Ok(Some(packet));
    }
}

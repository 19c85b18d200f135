use std::path::Path;

use ffmpeg_next::format::context::Input;
use ffmpeg_next::{codec, format, media};

use super::MediaError;

/// How a file is coded: what another one has to have as well to be put behind it as it is, and what is told of it besides.
#[derive(Clone, Debug, PartialEq)]
pub struct FileForm {
    tracks: Vec<Traits>,
    /// Width and height, where there are pictures.
    pub picture: Option<(u32, u32)>,
    /// Pictures a second, on average.
    pub fps: f64,
    /// Channels of the sound, where there is any.
    pub channels: Option<u32>,
    pub duration_us: i64,
}

/// What a track's units are decoded by.
#[derive(Clone, Debug, PartialEq)]
struct Traits {
    codec: codec::Id,
    size: (i32, i32),
    sample_rate: i32,
    channels: i32,
    configuration: Vec<u8>,
}

impl FileForm {
    /// That of the file at `path`.
    pub fn read(path: &Path) -> Result<Self, MediaError> {
        let input = format::input(path).map_err(MediaError::during("open this file"))?;
        Ok(Self::of(&input))
    }

    pub(super) fn of(input: &Input) -> Self {
        let mut form = Self {
            tracks: Vec::new(),
            picture: None,
            fps: 0.0,
            channels: None,
            duration_us: input.duration(),
        };
        for stream in input.streams() {
            let parameters = stream.parameters();
            let traits = traits(&parameters);
            match parameters.medium() {
                media::Type::Video if form.picture.is_none() => {
                    let (width, height) = traits.size;
                    form.picture = u32::try_from(width).ok().zip(u32::try_from(height).ok());
                    form.fps = f64::from(stream.avg_frame_rate());
                }
                media::Type::Audio if form.channels.is_none() => form.channels = u32::try_from(traits.channels).ok(),
                _ => {}
            }
            form.tracks.push(traits);
        }
        form
    }

    /// Whether the files can be put behind one another as they are.
    pub fn fits(&self, other: &Self) -> bool {
        self.tracks == other.tracks
    }
}

fn traits(parameters: &codec::Parameters) -> Traits {
    // SAFETY: the parameters belong to an open input and are only read; extradata is null or as long as its size says.
    unsafe {
        let raw = &*parameters.as_ptr();
        let configuration = match usize::try_from(raw.extradata_size) {
            Ok(size) if !raw.extradata.is_null() => std::slice::from_raw_parts(raw.extradata, size).to_vec(),
            _ => Vec::new(),
        };
        Traits {
            codec: raw.codec_id.into(),
            size: (raw.width, raw.height),
            sample_rate: raw.sample_rate,
            channels: raw.ch_layout.nb_channels,
            configuration,
        }
    }
}

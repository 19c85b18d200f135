use ffmpeg_next::format::sample::{Sample, Type};
use ffmpeg_next::software::resampling;
use ffmpeg_next::{ChannelLayout, Dictionary, ffi, frame};

use super::MediaError;

/// Decoded audio as a decoder made it.
pub struct Sound(pub(super) frame::Audio);

impl Sound {
    /// Planar floating point of zeros in one or two channels.
    pub(super) fn silence(rate: u32, channels: u16, samples: usize) -> Self {
        let layout = ChannelLayout::default(i32::from(channels.clamp(1, 2)));
        let mut sound = frame::Audio::new(Sample::F32(Type::Planar), samples, layout);
        sound.set_rate(rate);
        for plane in 0..sound.planes() {
            sound.plane_mut::<f32>(plane).fill(0.0);
        }
        Self(sound)
    }

    /// Samples of one channel.
    pub fn samples(&self) -> usize {
        self.0.samples()
    }

    pub fn rate(&self) -> u32 {
        self.0.rate()
    }

    pub fn channels(&self) -> u16 {
        self.0.channels()
    }

    /// The channels, where they are planar floating point and no more than two; what else there is goes through a
    /// [`Resampler`].
    pub fn planar(&self) -> Option<(&[f32], &[f32])> {
        if self.0.format() != Sample::F32(Type::Planar) || !(1..=2).contains(&self.channels()) {
            return None;
        }
        Some((self.0.plane(0), self.0.plane(usize::from(self.channels()) - 1)))
    }
}

/// Brings sound to one rate, to floating point and to at most two channels, and stretches it by what its clock drifts.
pub struct Resampler {
    context: resampling::Context,
    input: (Sample, u16, u32),
    output: frame::Audio,
    rate: u32,
}

impl Resampler {
    /// For sound like `first`, to `rate`.
    pub fn new(first: &Sound, rate: u32) -> Result<Self, MediaError> {
        let failed = |error| MediaError::new("make a resampler", error);
        let channels = first.channels();
        let layout = ChannelLayout::default(i32::from(channels));
        let target = if channels == 1 {
            ChannelLayout::MONO
        } else {
            ChannelLayout::STEREO
        };
        let mut options = Dictionary::new();
        // Forced even where the rates are equal, because stretching is resampling.
        options.set("flags", "res");
        // Down-mixed surround must not leave the range of a single channel.
        options.set("rematrix_maxval", "1.0");
        let context = resampling::Context::get_with(
            first.0.format(),
            layout,
            first.rate(),
            Sample::F32(Type::Planar),
            target,
            rate,
            options,
        )
        .map_err(failed)?;
        Ok(Self {
            context,
            input: (first.0.format(), channels, first.rate()),
            output: frame::Audio::empty(),
            rate,
        })
    }

    /// Whether it was made for sound like this.
    pub fn takes(&self, sound: &Sound) -> bool {
        self.input == (sound.0.format(), sound.channels(), sound.rate())
    }

    /// Samples at the output's rate that went in and have not come out.
    pub fn delay(&self) -> i64 {
        self.context.delay().map_or(0, |delay| delay.output)
    }

    /// Adds `samples` (or takes away, if negative) evenly over the next `distance` samples, both at the output's rate.
    pub fn stretch(&mut self, samples: i32, distance: i32) -> Result<(), MediaError> {
        // SAFETY: the context is initialised and owned by `self`.
        match unsafe { ffi::swr_set_compensation(self.context.as_mut_ptr(), samples, distance) } {
            code if code < 0 => Err(MediaError::new("stretch sound", ffmpeg_next::Error::from(code))),
            _ => Ok(()),
        }
    }

    /// Gives what is complete by this sound; both slices are the same where there is one channel.
    pub fn convert(&mut self, sound: &Sound) -> Result<(&[f32], &[f32]), MediaError> {
        let room = self.delay() as usize + sound.samples() * self.rate as usize / sound.rate().max(1) as usize + 256;
        let layout = self.context.output().channel_layout;
        let mut output = frame::Audio::new(Sample::F32(Type::Planar), room, layout);
        output.set_rate(self.rate);
        // The decoder may leave the layout unset where the stream names only a number of channels.
        let mut input = frame::Audio::empty();
        reference(&mut input, sound, self.context.input().channel_layout)?;
        self.context
            .run(&input, &mut output)
            .map_err(|error| MediaError::new("resample sound", error))?;
        self.output = output;
        Ok(self.given())
    }

    /// Gives what has not come out, as [`convert`](Self::convert) does. What is converted afterwards does not join it.
    pub fn finish(&mut self) -> Result<(&[f32], &[f32]), MediaError> {
        let rest = self.delay() as usize;
        let layout = self.context.output().channel_layout;
        let mut output = frame::Audio::new(Sample::F32(Type::Planar), rest + 256, layout);
        self.context
            .flush(&mut output)
            .map_err(|error| MediaError::new("resample the end of sound", error))?;
        self.output = output;
        let (left, right) = self.given();
        // The filter goes on sounding behind the last sample.
        let rest = rest.min(left.len());
        Ok((&left[..rest], &right[..rest]))
    }

    fn given(&self) -> (&[f32], &[f32]) {
        if self.output.samples() == 0 {
            return (&[], &[]);
        }
        let last = usize::from(self.output.channels()) - 1;
        (self.output.plane(0), self.output.plane(last))
    }
}

/// Another view of the same samples, with the channel layout that the resampler was made with.
fn reference(view: &mut frame::Audio, sound: &Sound, layout: ChannelLayout) -> Result<(), MediaError> {
    // SAFETY: both frames are alive; av_frame_ref shares the buffers by reference count.
    let code = unsafe { ffi::av_frame_ref(view.as_mut_ptr(), sound.0.as_ptr()) };
    if code < 0 {
        return Err(MediaError::new("share sound", ffmpeg_next::Error::from(code)));
    }
    view.set_channel_layout(layout);
    Ok(())
}

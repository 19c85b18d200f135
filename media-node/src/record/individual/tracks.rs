use std::collections::BTreeMap;

use protocol::{Fault, StreamName, TrackKind};

use super::engine::Shared;
use super::plan::Tracks;
use super::sound::Sound;
use super::transcode::TranscodeError;
use crate::capture::{CaptureEvent, Clock, Format, Track};
use crate::container::FileNames;
use crate::record::sink::SliceSink;
use crate::record::slicer::{SliceError, Slicer};
use crate::record::status::{SharedBoard, problem};
use crate::spool::PlaylistKey;

/// What the thread of a user is told.
#[derive(Debug)]
pub(super) enum Input {
    /// From one of the user's streams. After its end another session of the stream may follow.
    Event(StreamName, CaptureEvent),
    /// Which tracks are recorded from here on; the others end.
    Wanted(Tracks),
    /// Time passes.
    Tick,
}

/// Why some of a track is not recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrackError {
    #[error(transparent)]
    Slice(#[from] SliceError),
    #[error(transparent)]
    Transcode(#[from] TranscodeError),
}

/// A user's two playlists in the making.
pub(super) struct UserTracks<S: SliceSink> {
    uid: String,
    clock: Clock,
    board: SharedBoard,
    wanted: Tracks,
    audio: Sound<S>,
    video: Slicer<S>,
    /// The stream that is the user's audio.
    audio_from: Option<StreamName>,
    /// Of the streams that have audio.
    audio_formats: BTreeMap<StreamName, Format>,
}

impl<S: SliceSink> UserTracks<S> {
    pub(super) fn new(shared: &Shared<S>, uid: &str, wanted: Tracks) -> Self {
        let slicer = |track| {
            let names = FileNames::new(&shared.sid, &shared.channel, uid, track);
            let key = PlaylistKey {
                uid: uid.to_owned(),
                track,
            };
            Slicer::new(shared.sink.clone(), shared.clock, names, key)
        };
        Self {
            audio: Sound::new(slicer(TrackKind::Audio)),
            video: slicer(TrackKind::Video),
            uid: uid.to_owned(),
            clock: shared.clock,
            board: shared.board.clone(),
            wanted,
            audio_from: None,
            audio_formats: BTreeMap::new(),
        }
    }

    /// `now_us`: on the recording's timeline.
    pub(super) fn take(&mut self, input: Input, now_us: i64) {
        match input {
            Input::Event(stream, event) => self.event(stream, event, now_us),
            Input::Wanted(wanted) => {
                self.wanted = wanted;
                if !wanted.audio {
                    self.interrupt(Track::Audio, now_us);
                }
                if !wanted.video {
                    self.interrupt(Track::Video, now_us);
                }
            }
            Input::Tick => {
                let results = [
                    (Track::Audio, self.audio.tick(now_us)),
                    (Track::Video, self.video.tick(now_us).map_err(TrackError::from)),
                ];
                for (track, result) in results {
                    self.tell(track, result, now_us);
                }
            }
        }
    }

    /// Commits what is open.
    pub(super) fn close(&mut self, now_us: i64) {
        self.take(Input::Wanted(Tracks::default()), now_us);
    }

    fn event(&mut self, stream: StreamName, event: CaptureEvent, now_us: i64) {
        match event {
            CaptureEvent::Format(track, format) => {
                if track == Track::Audio {
                    self.audio_formats.insert(stream, format.clone());
                    self.audio_from.get_or_insert(stream);
                }
                if self.is_source(stream, track) {
                    let result = match track {
                        Track::Audio => self.audio.format(format),
                        Track::Video => self.video.format(format).map_err(TrackError::from),
                    };
                    self.tell(track, result, now_us);
                }
            }
            CaptureEvent::Unit(track, unit) => {
                self.board.lock().media(self.clock.wall_ms(now_us));
                if track == Track::Audio && self.audio_from.is_none() {
                    self.take_over_audio(stream, now_us);
                }
                if self.records(stream, track) {
                    let result = match track {
                        Track::Audio => self.audio.unit(&unit),
                        Track::Video => self.video.unit(&unit).map_err(TrackError::from),
                    };
                    match result {
                        Ok(Some(start_ms)) => self.board.lock().recorded(start_ms),
                        Ok(None) => {}
                        Err(error) => self.tell(track, Err(error), now_us),
                    }
                }
            }
            CaptureEvent::Lost(track, packets) => {
                self.board.lock().lost(packets);
                if self.records(stream, track) && track == Track::Video {
                    self.video.lost();
                }
            }
            CaptureEvent::Unsupported(track, codec) => {
                let (uid, track) = (&self.uid, name(track));
                let message = format!(
                    "{track} of user {uid} is {codec}, which cannot be recorded: publish H.264 video, and AAC or Opus audio"
                );
                self.problem(
                    &format!("codec {uid} {track} {codec}"),
                    Fault::Destination,
                    "unsupported_codec",
                    message,
                    now_us,
                );
            }
            CaptureEvent::Ended(_) => self.ended(stream, now_us),
        }
    }

    fn ended(&mut self, stream: StreamName, now_us: i64) {
        self.audio_formats.remove(&stream);
        if self.audio_from == Some(stream) {
            self.audio_from = None;
            self.interrupt(Track::Audio, now_us);
        }
        if stream == StreamName::Camera {
            self.interrupt(Track::Video, now_us);
        }
    }

    fn interrupt(&mut self, track: Track, now_us: i64) {
        let result = match track {
            Track::Audio => self.audio.interrupt(),
            Track::Video => self.video.interrupt().map_err(TrackError::from),
        };
        self.tell(track, result, now_us);
    }

    /// The stream that was the user's audio has ended, and another one has audio.
    fn take_over_audio(&mut self, stream: StreamName, now_us: i64) {
        if let Some(format) = self.audio_formats.get(&stream).cloned() {
            self.audio_from = Some(stream);
            let result = self.audio.format(format);
            self.tell(Track::Audio, result, now_us);
        }
    }

    /// The track is what the user's playlist is made of.
    fn is_source(&self, stream: StreamName, track: Track) -> bool {
        match track {
            Track::Audio => self.audio_from == Some(stream),
            Track::Video => stream == StreamName::Camera,
        }
    }

    fn records(&self, stream: StreamName, track: Track) -> bool {
        let wanted = match track {
            Track::Audio => self.wanted.audio,
            Track::Video => self.wanted.video,
        };
        wanted && self.is_source(stream, track)
    }

    fn tell(&self, track: Track, result: Result<(), TrackError>, now_us: i64) {
        let Err(error) = result else { return };
        let (uid, track) = (&self.uid, name(track));
        let (fault, code, message) = match &error {
            TrackError::Slice(SliceError::Media(error)) | TrackError::Transcode(TranscodeError::Decode(error)) => (
                Fault::Destination,
                "unsupported_media",
                format!("{track} of user {uid} cannot be recorded as it is sent ({error}); some of it is left out"),
            ),
            TrackError::Transcode(TranscodeError::Encode(error)) => (
                Fault::Ours,
                "transcoding_failed",
                format!("{track} of user {uid} cannot be recorded ({error}): has the node's FFmpeg its AAC encoder?"),
            ),
            TrackError::Slice(SliceError::Spool(error)) => (
                Fault::Ours,
                "spool_failed",
                format!("{track} of user {uid} cannot be kept ({error}): is the node's disk full or failing?"),
            ),
            TrackError::Slice(SliceError::Write(error)) => (
                Fault::Ours,
                "spool_failed",
                format!("{track} of user {uid} cannot be written ({error}): is the node's disk full or failing?"),
            ),
        };
        self.problem(&format!("{code} {uid} {track}"), fault, code, message, now_us);
    }

    fn problem(&self, cause: &str, fault: Fault, code: &str, message: String, now_us: i64) {
        let at_ms = self.clock.wall_ms(now_us);
        self.board
            .lock()
            .problem_once(cause, problem(fault, code, message, at_ms));
    }
}

fn name(track: Track) -> &'static str {
    match track {
        Track::Audio => "audio",
        Track::Video => "video",
    }
}

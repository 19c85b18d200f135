use protocol::{Fault, ProblemCode, StreamName, TrackKind};

use super::Individual;
use super::track_slicer::{TrackError, TrackSlicer};
use super::transcode::TranscodeError;
use super::user_files::UserFiles;
use crate::record::follow::Input;
use crate::record::sink::SliceSink;
use crate::record::slicer::{SliceError, Slicer};
use crate::record::snapshot::UserPictures;
use crate::record::status::{SharedBoard, problem};
use crate::selection::{Pass, Sources, Tracks};
use crate::spool::PlaylistKey;
use crate::stream::{AccessUnit, Clock, Format, StreamEvent, Track, VideoCodec};

/// One user's two playlists, whole files and pictures, as they are written.
pub(super) struct UserTracks<S: SliceSink> {
    uid: String,
    clock: Clock,
    board: SharedBoard,
    wanted: Tracks,
    sources: Sources,
    audio: TrackSlicer<S>,
    video: TrackSlicer<S>,
    /// Units go into playlists or files, not only into pictures.
    writes: bool,
    files: Option<UserFiles>,
    pictures: UserPictures,
}

impl<S: SliceSink> UserTracks<S> {
    pub(super) fn new(of: &Individual<S>, uid: &str, wanted: Tracks) -> Self {
        let names = |track| of.names.user(uid, track);
        let slicer = |track| {
            let key = PlaylistKey {
                uid: uid.to_owned(),
                track,
            };
            let slicer = TrackSlicer::new(
                Slicer::new(of.sink.clone(), of.clock, names(track), key),
                of.coding.clone(),
            );
            slicer.writing(of.slices, of.files.is_some())
        };
        let (board, snapshots) = (of.board.clone(), of.snapshots.clone());
        Self {
            writes: !snapshots.as_ref().is_some_and(|snapshots| snapshots.alone),
            files: of.files.as_ref().map(|wanted| UserFiles::new(wanted, &of.names, uid)),
            pictures: UserPictures::new(uid, names(TrackKind::Video), of.clock, board, snapshots),
            sources: Sources::default(),
            audio: slicer(TrackKind::Audio),
            video: slicer(TrackKind::Video),
            uid: uid.to_owned(),
            clock: of.clock,
            board: of.board.clone(),
            wanted,
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
                    self.pictures.ended();
                    self.interrupt(Track::Video, now_us);
                }
            }
            Input::Tick => {
                for track in [Track::Audio, Track::Video] {
                    let result = self.slicer(track).tick(now_us);
                    self.tell(track, result, now_us);
                    self.pass_on(track);
                }
                let begun = self.files.as_mut().and_then(|files| files.tick(now_us));
                self.recorded(begun);
            }
        }
    }

    /// The stream of whose picture nothing can be shown in snapshots before its next keyframe, if there is one.
    pub(super) fn lacks_keyframe(&self) -> Option<StreamName> {
        let is_left_out = self.wanted.video && self.pictures.lacks_keyframe();
        self.sources.stream(Track::Video).filter(|_| is_left_out)
    }

    /// Commits what is open.
    pub(super) fn close(&mut self, now_us: i64) {
        self.take(Input::Wanted(Tracks::default()), now_us);
        self.pictures.close(now_us);
    }

    fn event(&mut self, stream: StreamName, event: StreamEvent, now_us: i64) {
        match event {
            StreamEvent::Format(track, format) => {
                if self.sources.format(track, stream, &format) {
                    let result = self.format(track, format);
                    self.tell(track, result, now_us);
                }
            }
            StreamEvent::Unit(track, unit) => {
                let wanted = self.writes(track);
                let result = match self.sources.unit(track, stream, unit.keyframe) {
                    Pass::Drop => return,
                    Pass::Take => Ok(()),
                    Pass::TakeOver(format) => self.format(track, format),
                };
                let begun = result.and_then(|()| match wanted {
                    true => self.slicer(track).unit(&unit),
                    false => Ok(None),
                });
                match begun {
                    Ok(begun) => self.recorded(begun),
                    Err(error) => self.tell(track, Err(error), now_us),
                }
                if wanted {
                    self.pass_on(track);
                    self.pass_on_sound(track, &unit, now_us);
                }
                if track == Track::Video && self.wanted.video {
                    self.pictures.unit(&unit, now_us);
                }
            }
            StreamEvent::Lost(track, _) | StreamEvent::Unreadable(track, _) => {
                if self.sources.is(track, stream) {
                    self.slicer(track).lost();
                }
            }
            StreamEvent::Moved(_)
            | StreamEvent::Restamped(_)
            | StreamEvent::TooLate(_)
            | StreamEvent::NoEntry(..)
            | StreamEvent::Skipped(_)
            | StreamEvent::Unsupported(..)
            | StreamEvent::Locked(..) => {}
            StreamEvent::Ended(_) => {
                let ended = self.sources.ended(stream);
                for track in [Track::Audio, Track::Video]
                    .into_iter()
                    .filter(|track| ended.has(*track))
                {
                    self.interrupt(track, now_us);
                }
                if ended.video {
                    self.pictures.ended();
                }
            }
        }
    }

    /// The user's track is of this format from here on.
    fn format(&mut self, track: Track, format: Format) -> Result<(), TrackError> {
        if let Some(coding) = format.coding() {
            self.pictures.coding(coding);
        }
        if track == Track::Audio
            && let Some(files) = &mut self.files
        {
            files.sent_format(&format)?;
        }
        if let Some(left_out) = format.video_codec()
            && self.files.as_ref().is_some_and(|files| files.leaves_out(&format))
            && left_out != VideoCodec::Jpeg
        {
            let uid = &self.uid;
            let message = format!(
                "the pictures of user {uid} are in a codec that MP4 files do not carry, and are only in slices where these \
                 are recorded: publish H.264, H.265, VP9 or AV1"
            );
            let told = problem(
                Fault::Destination,
                ProblemCode::UnsupportedMedia,
                message,
                self.now_ms(),
            );
            self.board.lock().problem_once(&format!("mp4 {uid}"), told);
        }
        self.slicer(track).format(format)
    }

    /// Nothing comes of a track for now.
    fn interrupt(&mut self, track: Track, now_us: i64) {
        let result = self.slicer(track).interrupt(now_us);
        self.tell(track, result, now_us);
        self.pass_on(track);
        let result = self.files.as_mut().map_or(Ok(()), |files| files.interrupt(track));
        self.tell(track, result.map_err(TrackError::from), now_us);
    }

    /// Into files, what the track is written as.
    fn pass_on(&mut self, track: Track) {
        let tapped = self.slicer(track).tapped();
        let begun = self.files.as_mut().and_then(|files| files.take(track, tapped));
        self.recorded(begun);
    }

    /// Into files of sound, what is sent.
    fn pass_on_sound(&mut self, track: Track, unit: &AccessUnit, now_us: i64) {
        let Some(files) = self.files.as_mut().filter(|_| track == Track::Audio) else {
            return;
        };
        match files.sent(unit) {
            Ok(begun) => self.recorded(begun),
            Err(error) => self.tell(track, Err(error.into()), now_us),
        }
    }

    fn recorded(&self, begun: Option<u64>) {
        if let Some(start_ms) = begun {
            self.board.lock().recorded(start_ms);
        }
    }

    fn now_ms(&self) -> u64 {
        self.clock.wall_ms(self.clock.now_us())
    }

    fn writes(&self, track: Track) -> bool {
        self.wanted.has(track) && self.writes
    }

    fn slicer(&mut self, track: Track) -> &mut TrackSlicer<S> {
        match track {
            Track::Audio => &mut self.audio,
            Track::Video => &mut self.video,
        }
    }

    fn tell(&self, track: Track, result: Result<(), TrackError>, now_us: i64) {
        let Err(error) = result else { return };
        let (uid, track) = (&self.uid, track.name());
        let (fault, code, message) = match &error {
            TrackError::Slice(SliceError::Media(error)) | TrackError::Transcode(TranscodeError::Decode(error)) => (
                Fault::Destination,
                ProblemCode::UnsupportedMedia,
                format!(
                    "{track} of user {uid} cannot be recorded as it is sent ({error}); some of it is left out: check its publisher's encoder"
                ),
            ),
            TrackError::Transcode(TranscodeError::Encode(error)) => (
                Fault::Ours,
                ProblemCode::TranscodingFailed,
                format!("{track} of user {uid} cannot be recorded ({error}): has the node's FFmpeg this encoder?"),
            ),
            TrackError::Slice(SliceError::Spool(error)) => (
                Fault::Ours,
                ProblemCode::SpoolFailed,
                format!("{track} of user {uid} cannot be kept ({error}): is the node's disk full or failing?"),
            ),
            TrackError::Slice(SliceError::Write(error)) => (
                Fault::Ours,
                ProblemCode::SpoolFailed,
                format!("{track} of user {uid} cannot be written ({error}): is the node's disk full or failing?"),
            ),
        };
        let cause = format!("{code} {uid} {track}");
        let told = problem(fault, code, message, self.clock.wall_ms(now_us));
        self.board.lock().problem_once(&cause, told);
    }
}

//! What must hold for each finished recording, whatever happened to it.

use protocol::TrackKind;

use super::names::parse_utc;
use super::{Recording, Slice, Track};
use crate::probe;

/// Rounding of the formats, in seconds: 90 kHz in the slices, milliseconds in the names.
const TICK: f64 = 0.001;

impl Recording {
    /// Each slice decodes without a warning and begins with a key frame, decoding times grow within slices and across them,
    /// `#EXTINF` is right to within one frame, names and durations agree, and the playlist has its end.
    ///
    /// # Panics
    /// With the first promise that is broken.
    pub async fn check(&self) {
        for track in &self.tracks {
            track.check().await;
        }
    }
}

impl Track {
    /// The same for one playlist.
    ///
    /// # Panics
    /// With the first promise that is broken.
    pub async fn check(&self) {
        let key = self.file_name();
        assert!(!self.slices.is_empty(), "{key}: no slices");
        assert!(
            self.playlist.ended,
            "{key}: an ended recording's playlist has #EXT-X-ENDLIST"
        );
        for (entry, slice) in self.playlist.entries.iter().zip(&self.slices) {
            // A program date-time is written in the same digits as the name's time.
            let digits = entry
                .date_time
                .as_deref()
                .map(|text| text.chars().filter(char::is_ascii_digit).collect());
            let told = digits.and_then(|digits: String| parse_utc(&digits));
            assert!(
                entry.date_time.is_none() || told == Some(slice.start_ms),
                "{}: {:?}",
                entry.name,
                entry.date_time
            );
        }
        let longest = self.slices.iter().map(|slice| slice.duration).fold(0.0, f64::max);
        assert!(
            f64::from(self.playlist.target_duration) >= longest.round(),
            "{key}: target duration below {longest}"
        );
        let frame = self.frame();
        let mut last_dts = f64::NEG_INFINITY;
        for (index, slice) in self.slices.iter().enumerate() {
            let next = self.slices.get(index + 1).filter(|next| !next.discontinuity);
            slice.check(self.name.kind, frame, next).await;
            assert!(
                slice.packets[0].dts > last_dts,
                "{}: its dts do not follow the slice before",
                slice.file.display()
            );
            last_dts = slice.packets[slice.packets.len() - 1].dts;
        }
        for pair in self.slices.windows(2).filter(|pair| !pair[1].discontinuity) {
            let gap = pair[1].start_ms as f64 / 1000.0 - pair[0].start_ms as f64 / 1000.0 - pair[0].duration;
            assert!(
                gap.abs() <= TICK + 1e-6,
                "{}: {gap:.6} s behind the slice before by its name",
                pair[1].file.display()
            );
        }
    }
}

impl Slice {
    /// `next`: the slice that continues it.
    async fn check(&self, kind: TrackKind, frame: f64, next: Option<&Self>) {
        let name = self.file.display();
        let streams = probe::streams(&self.file).await;
        let codecs: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
        let carried: &[&str] = if kind == TrackKind::Audio {
            &["aac", "mp3"]
        } else {
            &["h264"]
        };
        assert!(codecs.len() == 1 && carried.contains(&codecs[0]), "{name}: {codecs:?}");
        let warnings = probe::warnings(&self.file).await;
        assert!(warnings.is_empty(), "{name}: {warnings}");
        assert!(
            self.packets.first().is_some_and(|packet| packet.key),
            "{name} does not begin with a key frame"
        );
        assert!(
            self.packets.windows(2).all(|pair| pair[0].dts < pair[1].dts),
            "{name}: dts do not grow"
        );
        // The last picture lasts until the next one, wherever that is; the very last one until its user is gone or the recording is
        // stopped, which is later than a frame where a publisher falls behind.
        let measured = match next {
            Some(next) => next.span().0 - self.span().0,
            None => self.span().1 + frame - self.span().0,
        };
        let error = self.duration - measured;
        let is_shown_longer = next.is_none() && kind == TrackKind::Video && error > 0.0;
        assert!(
            error.abs() <= frame + TICK || is_shown_longer,
            "{name}: #EXTINF {} but {measured:.6} measured",
            self.duration
        );
    }

    /// The first presentation time and the last one, in seconds.
    fn span(&self) -> (f64, f64) {
        let times = self.packets.iter().map(|packet| packet.pts);
        times.fold((f64::MAX, f64::MIN), |(first, last), pts| {
            (first.min(pts), last.max(pts))
        })
    }
}

//! A reader of HLS media playlists (RFC 8216), as strict as a player may be.

/// One media playlist.
#[derive(Clone, Debug, PartialEq)]
pub struct Playlist {
    pub version: u32,
    /// In seconds.
    pub target_duration: u32,
    pub media_sequence: u64,
    pub entries: Vec<Entry>,
    /// `#EXT-X-PLAYLIST-TYPE:EVENT` is there: it is only appended to.
    pub event: bool,
    /// `#EXT-X-ENDLIST` is there.
    pub ended: bool,
}

/// One slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The URI as it stands in the playlist.
    pub name: String,
    /// `#EXTINF`, in seconds.
    pub duration: f64,
    pub discontinuity: bool,
    /// `#EXT-X-PROGRAM-DATE-TIME` as it stands in the playlist.
    pub date_time: Option<String>,
    /// The vendor's own lines in front of the slice, and those that say where it and its initialization section stand in a file,
    /// whole and in order.
    pub tags: Vec<String>,
}

/// Reads a media playlist with `#EXTINF` in its standard form: a comma behind the duration.
///
/// # Errors
/// The first line that does not belong there.
pub fn parse(text: &str) -> Result<Playlist, String> {
    let mut lines = text.lines();
    if lines.next() != Some("#EXTM3U") {
        return Err("the first line is not #EXTM3U".into());
    }
    let mut playlist = Playlist {
        version: 0,
        target_duration: 0,
        media_sequence: 0,
        entries: Vec::new(),
        event: false,
        ended: false,
    };
    let mut pending = Pending::default();
    for line in lines {
        if playlist.ended {
            return Err(format!("a line behind #EXT-X-ENDLIST: {line}"));
        }
        if !line.starts_with('#') {
            playlist.entries.push(pending.take(line)?);
        } else if let Some(value) = line.strip_prefix("#EXT-X-VERSION:") {
            playlist.version = number(line, value)?;
        } else if let Some(value) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
            playlist.target_duration = number(line, value)?;
        } else if let Some(value) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
            playlist.media_sequence = number(line, value)?;
        } else if let Some(value) = line.strip_prefix("#EXTINF:") {
            let (duration, _title) = value.split_once(',').ok_or_else(|| format!("no comma: {line}"))?;
            pending.duration = Some(number(line, duration)?);
        } else if let Some(value) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
            pending.date_time = Some(value.to_owned());
        } else if line == "#EXT-X-DISCONTINUITY" {
            pending.discontinuity = true;
        } else if line == "#EXT-X-PLAYLIST-TYPE:EVENT" {
            playlist.event = true;
        } else if line == "#EXT-X-ENDLIST" {
            playlist.ended = true;
        } else if ["#EXT-X-AGORA-", "#EXT-X-MAP:", "#EXT-X-BYTERANGE:"]
            .iter()
            .any(|tag| line.starts_with(tag))
        {
            pending.tags.push(line.to_owned());
        } else if line != "#EXT-X-ALLOW-CACHE:YES" {
            return Err(format!("unknown line: {line}"));
        }
    }
    if pending != Pending::default() {
        return Err("tags without a slice at the end".into());
    }
    Ok(playlist)
}

fn number<T: std::str::FromStr>(line: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("not a number: {line}"))
}

#[derive(Default, PartialEq)]
struct Pending {
    duration: Option<f64>,
    discontinuity: bool,
    date_time: Option<String>,
    tags: Vec<String>,
}

impl Pending {
    fn take(&mut self, name: &str) -> Result<Entry, String> {
        let Self {
            duration,
            discontinuity,
            date_time,
            tags,
        } = std::mem::take(self);
        let duration = duration.ok_or_else(|| format!("no #EXTINF in front of {name}"))?;
        Ok(Entry {
            name: name.to_owned(),
            duration,
            discontinuity,
            date_time,
            tags,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ALLOW-CACHE:YES\n\
        #EXT-X-TARGETDURATION:16\n#EXT-X-DISCONTINUITY\n\
        #EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=AUDIO,TIME=20260401000000000\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-04-01T00:00:00.000Z\n#EXTINF:15.019000,\na.ts\n#EXTINF:3.5,\nb.ts\n#EXT-X-ENDLIST\n";

    #[test]
    fn reads_entries_with_their_tags() {
        let playlist = parse(SAMPLE).unwrap();
        assert_eq!(
            (playlist.version, playlist.target_duration, playlist.ended),
            (3, 16, true)
        );
        assert_eq!(playlist.entries.len(), 2);
        assert!(playlist.entries[0].discontinuity && !playlist.entries[1].discontinuity);
        assert_eq!(playlist.entries[0].tags.len(), 1);
        assert_eq!(
            playlist.entries[0].date_time.as_deref(),
            Some("2026-04-01T00:00:00.000Z")
        );
        assert_eq!(
            (playlist.entries[1].name.as_str(), playlist.entries[1].duration),
            ("b.ts", 3.5)
        );
    }

    #[test]
    fn refuses_what_a_player_may_refuse() {
        assert!(parse("#EXT-X-VERSION:3\n").is_err());
        assert!(
            parse(&SAMPLE.replace("15.019000,", "15.019000"))
                .unwrap_err()
                .contains("comma")
        );
        assert!(
            parse(&SAMPLE.replace("#EXTINF:3.5,\n", ""))
                .unwrap_err()
                .contains("b.ts")
        );
        assert!(parse(&format!("{SAMPLE}c.ts\n")).unwrap_err().contains("ENDLIST"));
        assert!(parse(&SAMPLE.replace("b.ts\n", "")).is_err());
        assert!(
            parse(&SAMPLE.replace("#EXT-X-VERSION:3", "#EXT-X-TYPO:3"))
                .unwrap_err()
                .contains("TYPO")
        );
    }
}

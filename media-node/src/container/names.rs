use protocol::{FileFormat, FileStyle, NamePart, TagStyle, TrackKind, VpxContainer};

use super::kind::Container;
use super::tags::Tags;
use super::utc::utc17;
use crate::stream::Format;

/// Longest channel name, or text of a scheme, that enters a file name, in characters. Dialects allow channels 64; the sid
/// alone makes names unique.
const MAX_PART_CHARS: usize = 64;

/// Longest form of a uid in a file name, in bytes: with the longest of all else, a name has no more than the 255 that file systems
/// take, and stores that stand on them.
const MAX_UID_BYTES: usize = 100;

/// What the files of one recording are called on one node, by the scheme of its job.
///
/// Names are object keys and, as they stand, URIs in a playlist, so they consist of `A-Z a-z 0-9 _ - .` only:
/// - In a channel's name, and in text of the scheme, each other character becomes `-`. The sid keeps the names of two
///   channels apart.
/// - A uid must stay apart from every other uid, so each byte but `A-Z a-z 0-9 _ -` becomes `.` and two hexadecimal
///   digits. One that is longer than 100 bytes then is cut and gets a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingNames {
    stem: String,
    before_uid: String,
    before_track: String,
    tags: Option<TagStyle>,
    vpx: VpxContainer,
    /// Behind the name of each file but the playlists.
    lane: String,
}

impl RecordingNames {
    /// `lane`: the number of the node that captures. The first one's is 0, and its names have nothing added. The others' files
    /// end with `-n<lane>`, so that no two nodes give the same name.
    pub fn new(style: &FileStyle, sid: &str, channel: &str, lane: u64) -> Self {
        let scheme = &style.names;
        let part = |part: &NamePart| match part {
            NamePart::Sid => sid.to_owned(),
            NamePart::Channel => plain(channel),
            NamePart::Text(text) => plain(text),
        };
        Self {
            stem: scheme.stem.iter().map(part).collect(),
            before_uid: plain(&scheme.before_uid),
            before_track: plain(&scheme.before_track),
            tags: style.tags.clone(),
            vpx: style.vpx_container,
            lane: match lane {
                0 => String::new(),
                lane => format!("-n{lane}"),
            },
        }
    }

    /// The files of one user's track.
    pub fn user(&self, uid: &str, track: TrackKind) -> FileNames {
        let track = match track {
            TrackKind::Audio => "audio",
            TrackKind::Video => "video",
            TrackKind::Both => "av",
        };
        let Self {
            stem,
            before_uid,
            before_track,
            ..
        } = self;
        FileNames {
            stem: format!("{stem}{before_uid}{}{before_track}{track}", uid_part(uid)),
            tags: Tags::of_user(self.tags.clone()),
            vpx: self.vpx,
            lane: self.lane.clone(),
        }
    }

    /// The files of the mix of all users.
    pub fn mix(&self) -> FileNames {
        FileNames {
            stem: self.stem.clone(),
            tags: Tags::of_mix(self.tags.clone()),
            vpx: self.vpx,
            lane: self.lane.clone(),
        }
    }
}

/// The names of one playlist and of what belongs to it: `<stem>.m3u8`, slices `<stem>_<utc>.<extension>`, pictures `<stem>_<utc>.jpg`,
/// whole files `<stem>_<number>.mp4`, `.m4a` or `.mp3`; and the playlist's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNames {
    stem: String,
    tags: Tags,
    vpx: VpxContainer,
    lane: String,
}

impl FileNames {
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    pub fn playlist(&self) -> String {
        format!("{}.m3u8", self.stem)
    }

    /// What slices of this format are in, behind slices in `before`.
    pub fn container(&self, before: Container, format: &Format) -> Container {
        before.next(format, self.vpx)
    }

    /// `start_ms`: wall-clock time of the slice's start, Unix milliseconds; no two slices of a playlist may share it.
    pub fn slice(&self, start_ms: u64, container: Container) -> String {
        let extension = container.extension();
        format!("{}_{}{}.{extension}", self.stem, utc17(start_ms), self.lane)
    }

    /// `number`: counts the files of one format from 0.
    pub fn whole(&self, number: usize, format: FileFormat) -> String {
        let extension = match format {
            FileFormat::Mp4 => "mp4",
            FileFormat::M4a => "m4a",
            FileFormat::Mp3 => "mp3",
        };
        format!("{}_{number}{}.{extension}", self.stem, self.lane)
    }

    /// `at_ms`: when the picture was shown, Unix milliseconds; no two pictures of a user may share it.
    pub fn picture(&self, at_ms: u64) -> String {
        format!("{}_{}{}.jpg", self.stem, utc17(at_ms), self.lane)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn plain(text: &str) -> String {
    let plain = |char: char| {
        if u8::try_from(char).is_ok_and(is_plain) {
            char
        } else {
            '-'
        }
    };
    text.chars().take(MAX_PART_CHARS).map(plain).collect()
}

fn uid_part(uid: &str) -> String {
    let mut part = String::with_capacity(uid.len());
    for byte in uid.bytes() {
        if is_plain(byte) {
            part.push(char::from(byte));
        } else {
            part.push_str(&format!(".{byte:02x}"));
        }
    }
    if part.len() > MAX_UID_BYTES {
        // All of it is ASCII. A dot in front of more than two digits appears in no uid's plain form at its end.
        part.truncate(MAX_UID_BYTES - 17);
        part.push_str(&format!(".{:016x}", fnv1a(uid.as_bytes())));
    }
    part
}

/// FNV-1a: the same on every machine and in every version.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::NameScheme;

    use super::*;

    const SID: &str = "0123456789abcdef0123456789abcdef";

    fn names(sid: &str, channel: &str, lane: u64) -> RecordingNames {
        RecordingNames::new(&FileStyle::default(), sid, channel, lane)
    }

    #[test]
    fn names_of_a_users_files_have_the_form_of_the_scheme() {
        let names = names(SID, "MT_Test", 0).user("123", TrackKind::Video);
        assert_eq!(
            names.playlist(),
            "0123456789abcdef0123456789abcdef_MT_Test__uid_s_123__uid_e_video.m3u8"
        );
        assert_eq!(
            names.slice(1_606_357_122_528, Container::MpegTs),
            "0123456789abcdef0123456789abcdef_MT_Test__uid_s_123__uid_e_video_20201126021842528.ts"
        );
        assert_eq!(
            names.picture(1_606_357_122_528),
            "0123456789abcdef0123456789abcdef_MT_Test__uid_s_123__uid_e_video_20201126021842528.jpg"
        );
    }

    #[test]
    fn a_mix_names_no_user() {
        let names = names(SID, "MT Test", 0).mix();
        assert_eq!(names.playlist(), "0123456789abcdef0123456789abcdef_MT-Test.m3u8");
        assert_eq!(
            names.slice(1_606_357_122_528, Container::MpegTs),
            "0123456789abcdef0123456789abcdef_MT-Test_20201126021842528.ts"
        );
        assert_eq!(
            names.whole(0, FileFormat::Mp4),
            "0123456789abcdef0123456789abcdef_MT-Test_0.mp4"
        );
    }

    #[test]
    fn whole_files_of_one_user_are_apart_from_one_another() {
        let names = names("51d", "room", 0);
        let (both, sound) = (names.user("7", TrackKind::Both), names.user("7", TrackKind::Audio));
        assert_eq!(both.whole(0, FileFormat::Mp4), "51d_room__uid_s_7__uid_e_av_0.mp4");
        assert_eq!(sound.whole(1, FileFormat::M4a), "51d_room__uid_s_7__uid_e_audio_1.m4a");
        assert_eq!(sound.whole(1, FileFormat::Mp3), "51d_room__uid_s_7__uid_e_audio_1.mp3");
    }

    #[test]
    fn nodes_that_follow_name_the_same_playlist_and_other_files() {
        let names = |lane| names("51d", "room", lane).mix();
        let all = |lane| {
            [
                names(lane).slice(0, Container::MpegTs),
                names(lane).whole(0, FileFormat::Mp4),
                names(lane).picture(0),
            ]
        };
        assert_eq!(all(0)[1], "51d_room_0.mp4");
        assert_eq!(
            all(2),
            [
                "51d_room_19700101000000000-n2.ts",
                "51d_room_0-n2.mp4",
                "51d_room_19700101000000000-n2.jpg"
            ]
        );
        assert_eq!(names(2).playlist(), "51d_room.m3u8");
    }

    #[test]
    fn another_scheme_gives_other_names() {
        let text = |text: &str| NamePart::Text(text.to_owned());
        let style = FileStyle {
            names: NameScheme {
                stem: vec![text("Lesson 1/"), NamePart::Sid],
                before_uid: ".".to_owned(),
                before_track: "-".to_owned(),
            },
            ..FileStyle::default()
        };
        let names = RecordingNames::new(&style, "51d", "room", 1);
        assert_eq!(names.mix().whole(0, FileFormat::Mp4), "Lesson-1-51d_0-n1.mp4");
        assert_eq!(
            names.user("7", TrackKind::Audio).playlist(),
            "Lesson-1-51d-7-audio.m3u8"
        );
    }

    #[test]
    fn characters_that_keys_or_playlists_cannot_carry_are_replaced() {
        assert_eq!(plain("a b/c:d?e#f%g.h_i-jé"), "a-b-c-d-e-f-g-h_i-j-");
        assert_eq!(uid_part("alice@x.org"), "alice.40x.2eorg");
        assert_eq!(uid_part("4294967295"), "4294967295");
    }

    #[test]
    fn long_uids_stay_bounded_and_apart() {
        let (one, two) = ("€".repeat(200), "€".repeat(201));
        assert_eq!(uid_part(&one).len(), MAX_UID_BYTES);
        assert_ne!(uid_part(&one), uid_part(&two));
    }

    #[test]
    fn no_name_is_longer_than_file_systems_take() {
        let long = "€".repeat(255);
        let names = names(SID, &long, 999_999);
        for track in [TrackKind::Audio, TrackKind::Video, TrackKind::Both] {
            let names = names.user(&long, track);
            for name in [
                names.playlist(),
                names.slice(0, Container::WebM),
                names.whole(usize::MAX, FileFormat::Mp4),
                names.picture(0),
            ] {
                assert!(name.len() <= 255, "{} bytes: {name}", name.len());
            }
        }
    }

    proptest! {
        #[test]
        fn uids_stay_apart(a in ".{0,40}", b in ".{0,40}") {
            prop_assert_eq!(a == b, uid_part(&a) == uid_part(&b));
        }

        #[test]
        fn names_are_safe_in_keys_and_playlists(channel in ".{0,80}", uid in ".{0,80}", ms in 0u64..253_402_300_800_000) {
            let name = names("s", &channel, 0).user(&uid, TrackKind::Audio).slice(ms, Container::MpegTs);
            prop_assert!(name.bytes().all(|byte| is_plain(byte) || byte == b'.'), "{}", name);
            prop_assert_eq!(utc17(ms).len(), 17);
        }
    }
}

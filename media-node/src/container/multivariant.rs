//! HLS multivariant playlists, after RFC 8216, 4.3.4: one playlist that leads to others which are played together. That of a user
//! has the picture and the sound; that of all has each user's.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use protocol::TrackKind;

use super::names::RecordingNames;
use crate::spool::{DueIndex, Rendition};

const SOUNDS: &str = "sound";
const PICTURES: &str = "picture";

/// The name of an index, and its text.
pub fn multivariant(index: &DueIndex, names: &RecordingNames) -> (String, String) {
    let name = match &index.uid {
        Some(uid) => names.user(uid, TrackKind::Both).playlist(),
        None => names.mix().playlist(),
    };
    (name, text(&index.renditions))
}

fn text(renditions: &[Rendition]) -> String {
    let (pictures, sounds): (Vec<_>, Vec<_>) = renditions
        .iter()
        .partition(|rendition| rendition.key.track == TrackKind::Video);
    let mut text = "#EXTM3U\n#EXT-X-VERSION:4\n".to_owned();
    // The user whose picture is shown is heard first.
    let shown = pictures.first();
    let is_shown = |sound: &&Rendition| shown.is_none_or(|shown| shown.key.uid == sound.key.uid);
    let heard = sounds.iter().position(is_shown).unwrap_or_default();
    // Where there is a choice, or another playlist to go with.
    let groups_sounds = !sounds.is_empty() && (shown.is_some() || sounds.len() > 1);
    if groups_sounds {
        media(&mut text, "AUDIO", SOUNDS, &sounds, heard);
    }
    let groups_pictures = pictures.len() > 1;
    if groups_pictures {
        media(&mut text, "VIDEO", PICTURES, &pictures, 0);
    }
    let Some(first) = shown.or(sounds.get(heard)) else {
        return text;
    };
    let peak = |of: &[&Rendition]| of.iter().map(|rendition| rendition.peak_bps).max().unwrap_or_default();
    let bandwidth = match shown {
        Some(_) => peak(&pictures).saturating_add(peak(&sounds)),
        None => peak(&sounds),
    };
    let mut line = format!("#EXT-X-STREAM-INF:BANDWIDTH={}", bandwidth.max(1));
    if renditions.iter().all(|rendition| !rendition.codecs.is_empty()) {
        let codecs: BTreeSet<_> = renditions
            .iter()
            .flat_map(|rendition| &rendition.codecs)
            .cloned()
            .collect();
        let codecs: Vec<_> = codecs.into_iter().collect();
        attribute(&mut line, "CODECS", &codecs.join(","));
    }
    if let Some((width, height)) = pictures
        .iter()
        .filter_map(|picture| picture.size)
        .max_by_key(|(w, h)| w * h)
    {
        // Writing into a string cannot fail.
        let _ = write!(line, ",RESOLUTION={width}x{height}");
    }
    if groups_sounds {
        attribute(&mut line, "AUDIO", SOUNDS);
    }
    if groups_pictures {
        attribute(&mut line, "VIDEO", PICTURES);
    }
    text.push_str(&line);
    text.push('\n');
    text.push_str(&first.name);
    text.push('\n');
    text
}

/// A group of renditions, of which the player takes the one at `default` unless it is told otherwise.
fn media(text: &mut String, kind: &str, group: &str, renditions: &[&Rendition], default: usize) {
    let mut names = BTreeSet::new();
    for (place, rendition) in renditions.iter().enumerate() {
        let mut name = quotable(&rendition.key.uid);
        if !names.insert(name.clone()) {
            name = format!("{name} {}", place + 1);
            names.insert(name.clone());
        }
        let mut line = format!("#EXT-X-MEDIA:TYPE={kind}");
        attribute(&mut line, "GROUP-ID", group);
        attribute(&mut line, "NAME", &name);
        line.push_str(if place == default {
            ",DEFAULT=YES,AUTOSELECT=YES"
        } else {
            ",DEFAULT=NO,AUTOSELECT=NO"
        });
        attribute(&mut line, "URI", &rendition.name);
        text.push_str(&line);
        text.push('\n');
    }
}

fn attribute(line: &mut String, name: &str, value: &str) {
    // Writing into a string cannot fail.
    let _ = write!(line, ",{name}=\"{value}\"");
}

/// What may stand between quotation marks.
fn quotable(uid: &str) -> String {
    let plain = |char: char| if char == '"' || char.is_control() { '-' } else { char };
    uid.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use protocol::FileStyle;

    use super::*;
    use crate::spool::PlaylistKey;

    fn rendition(uid: &str, track: TrackKind, codec: &str, peak_bps: u64) -> Rendition {
        let suffix = if track == TrackKind::Video { "video" } else { "audio" };
        Rendition {
            key: PlaylistKey {
                uid: uid.to_owned(),
                track,
            },
            name: format!("{}_{suffix}.m3u8", uid.replace('"', "q")),
            codecs: (!codec.is_empty()).then(|| codec.to_owned()).into_iter().collect(),
            size: (track == TrackKind::Video).then_some((640, 360)),
            peak_bps,
        }
    }

    fn video(uid: &str) -> Rendition {
        rendition(uid, TrackKind::Video, "avc1.64001f", 500_000)
    }

    fn audio(uid: &str) -> Rendition {
        rendition(uid, TrackKind::Audio, "mp4a.40.2", 70_000)
    }

    #[test]
    fn a_user_is_seen_and_heard_by_one_link() {
        assert_eq!(
            text(&[audio("7"), video("7")]),
            "#EXTM3U\n#EXT-X-VERSION:4\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"7\",DEFAULT=YES,AUTOSELECT=YES,URI=\"7_audio.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=570000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=640x360,AUDIO=\"sound\"\n\
             7_video.m3u8\n"
        );
    }

    #[test]
    fn a_user_with_one_track_is_that() {
        assert_eq!(
            text(&[audio("7")]),
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-STREAM-INF:BANDWIDTH=70000,CODECS=\"mp4a.40.2\"\n7_audio.m3u8\n"
        );
        assert_eq!(
            text(&[video("7")]),
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS=\"avc1.64001f\",RESOLUTION=640x360\n\
             7_video.m3u8\n"
        );
    }

    #[test]
    fn each_user_is_a_choice_in_that_of_all() {
        let text = text(&[audio("1"), audio("2"), video("2"), video("3")]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[2..],
            [
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"1\",DEFAULT=NO,AUTOSELECT=NO,URI=\"1_audio.m3u8\"",
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"2\",DEFAULT=YES,AUTOSELECT=YES,URI=\"2_audio.m3u8\"",
                "#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"picture\",NAME=\"2\",DEFAULT=YES,AUTOSELECT=YES,URI=\"2_video.m3u8\"",
                "#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"picture\",NAME=\"3\",DEFAULT=NO,AUTOSELECT=NO,URI=\"3_video.m3u8\"",
                "#EXT-X-STREAM-INF:BANDWIDTH=570000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=640x360,AUDIO=\"sound\",\
                 VIDEO=\"picture\"",
                "2_video.m3u8",
            ]
        );
    }

    #[test]
    fn codecs_are_left_out_where_one_is_not_known() {
        let text = text(&[audio("7"), rendition("7", TrackKind::Video, "", 1)]);
        assert!(!text.contains("CODECS"), "{text}");
    }

    #[test]
    fn no_name_breaks_out_of_its_quotation_marks_or_stands_twice() {
        let text = text(&[audio("a\"b"), audio("a-b"), audio("a\nb")]);
        let names: Vec<_> = text
            .lines()
            .filter_map(|line| line.split("NAME=\"").nth(1)?.split('"').next())
            .collect();
        assert_eq!(names, ["a-b", "a-b 2", "a-b 3"]);
    }

    #[test]
    fn an_index_has_a_name_that_no_playlist_has() {
        let names = RecordingNames::new(&FileStyle::default(), "51d", "room", 0);
        let mut index = crate::spool::index_of(Some("7"), vec![audio("7")]);
        assert_eq!(multivariant(&index, &names).0, "51d_room__uid_s_7__uid_e_av.m3u8");
        index.uid = None;
        assert_eq!(multivariant(&index, &names).0, "51d_room.m3u8");
    }
}

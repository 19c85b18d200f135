use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::{LiveChannel, LiveQuestion, LiveSession, LiveStream, LiveTrack, LiveUser, UserRemoval};

use crate::channel::{MediaTrack, Registry};
use crate::rtc::Rtc;
use crate::stream::{h265_picture_size, picture_size};

/// How long streams are watched to tell their rates.
const WATCH: Duration = Duration::from_secs(1);

/// What is published to this node's channels. It takes a second.
pub(in crate::agent) async fn live(channels: &Registry, rtc: Option<&Rtc>, question: LiveQuestion) -> Vec<LiveChannel> {
    let LiveQuestion { app_id, channel } = question;
    let seen = channels.live(&app_id, channel.as_deref(), LiveQuestion::MAX_CHANNELS);
    let before: Vec<u64> = seen
        .iter()
        .flat_map(|(_, users)| users)
        .flat_map(|user| &user.streams)
        .map(|(_, media)| media.received())
        .collect();
    tokio::time::sleep(WATCH).await;
    let mut before = before.into_iter();
    let mut told = Vec::new();
    for (channel, publishers) in seen {
        let mut users = Vec::new();
        for publisher in publishers {
            let mut streams = Vec::new();
            for (name, media) in publisher.streams {
                let bytes = media.received().saturating_sub(before.next().unwrap_or_default());
                streams.push(LiveStream {
                    name,
                    since_ms: media.since_ms,
                    bits_per_second: bytes.saturating_mul(8),
                    tracks: media.tracks.iter().map(track).collect(),
                });
            }
            users.push(LiveUser {
                uid: publisher.uid,
                joined_at_ms: publisher.joined_at_ms,
                streams,
            });
        }
        told.push(LiveChannel {
            channel,
            users,
            sessions: Vec::new(),
        });
    }
    let sessions = rtc.map(|rtc| rtc.sessions(&app_id, channel.as_deref()));
    add(&mut told, sessions.unwrap_or_default());
    told
}

/// Adds connections to the channels that they are of, which nobody may publish to here.
fn add(told: &mut Vec<LiveChannel>, sessions: Vec<(String, LiveSession)>) {
    for (channel, session) in sessions {
        if let Some(known) = told.iter_mut().find(|known| known.channel == channel) {
            known.sessions.push(session);
        } else if told.len() < LiveQuestion::MAX_CHANNELS {
            told.push(LiveChannel {
                channel,
                users: Vec::new(),
                sessions: vec![session],
            });
        }
    }
}

/// Disconnects who publishes here as this user; the number of streams.
pub(in crate::agent) fn remove(channels: &Registry, removal: &UserRemoval) -> u32 {
    let UserRemoval { app_id, channel, uid } = removal;
    let ended = channels.remove_user(app_id, channel, uid);
    if ended > 0 {
        tracing::info!(app_id, channel, uid, "the operator has removed a user");
    }
    u32::try_from(ended).unwrap_or(u32::MAX)
}

fn track(track: &MediaTrack) -> LiveTrack {
    let size = match track.codec.as_str() {
        "H265" => parameter_set(&track.parameters, "sprop-sps=").and_then(|sps| h265_picture_size(&sps)),
        // The sequence parameter set stands first (RFC 6184 section 8.1).
        _ => parameter_set(&track.parameters, "sprop-parameter-sets=").and_then(|sps| picture_size(&sps)),
    };
    LiveTrack {
        kind: track.kind,
        codec: track.codec.clone(),
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
    }
}

/// The first one that this parameter has.
fn parameter_set(parameters: &str, name: &str) -> Option<Vec<u8>> {
    let mut all = parameters.split(';');
    let sets = all.find_map(|parameter| parameter.trim().strip_prefix(name))?;
    STANDARD.decode(sets.split(',').next()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use protocol::{SessionKind, StreamName, TrackKind};

    use super::*;
    use crate::channel::{Limits, Media, StreamPath};
    use crate::stream::testing::SpsBits;

    #[test]
    fn connections_stand_with_their_channels() {
        let session = |uid: &str| LiveSession::begun(uid.to_owned(), StreamName::Camera, SessionKind::Play, 1);
        let mut told = vec![LiveChannel {
            channel: "c".to_owned(),
            users: Vec::new(),
            sessions: Vec::new(),
        }];
        let of = |channel: &str, uid: &str| (channel.to_owned(), session(uid));
        add(&mut told, vec![of("c", "1"), of("d", "2"), of("c", "3")]);
        let uids = |channel: &LiveChannel| channel.sessions.iter().map(|of| of.uid.clone()).collect::<String>();
        let seen: Vec<_> = told
            .iter()
            .map(|channel| (channel.channel.clone(), uids(channel)))
            .collect();
        assert_eq!(seen, [("c".into(), "13".into()), ("d".into(), "2".into())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_told_of_with_its_codecs_its_size_and_its_rate() {
        let channels = Registry::new(Limits::default(), 0);
        let path = StreamPath::parse("/a/c/u").unwrap();
        let listing = channels.publish(&path, String::new(), 5).unwrap();
        let track = |kind, codec: &str, parameters: &str| MediaTrack {
            kind,
            codec: codec.to_owned(),
            parameters: parameters.to_owned(),
        };
        let mut sps = SpsBits::new(320, 192, 1);
        // 180 lines are shown.
        sps.crop = Some((0, 6));
        let sets = STANDARD.encode(sps.nal());
        let picture = format!("packetization-mode=1; sprop-parameter-sets={sets},aOvjyyLA; profile-level-id=4D0028");
        // x265: 320x180.
        let h265 = "QgEBAWAAAAMAkAAAAwAAAwA8oAoIDB8+WVlSkwvAWgIAAAMAAgAAAwAyEA==";
        let media = Media {
            tracks: vec![
                track(TrackKind::Video, "H264", &picture),
                track(TrackKind::Audio, "OPUS", ""),
                track(
                    TrackKind::Video,
                    "H265",
                    &format!("sprop-vps=x; sprop-sps={h265}; sprop-pps=y"),
                ),
            ],
            since_ms: 7,
            ..Media::default()
        };
        listing.describe(media.clone());
        let question = |app_id: &str| LiveQuestion {
            app_id: app_id.to_owned(),
            channel: None,
        };
        let send = async {
            tokio::time::sleep(WATCH / 2).await;
            media.bytes.fetch_add(1_000, Ordering::Relaxed);
        };
        let (told, ()) = tokio::join!(live(&channels, None, question("a")), send);
        let user = &told[0].users[0];
        assert_eq!(
            (told[0].channel.as_str(), user.uid.as_str(), user.joined_at_ms),
            ("c", "u", 5)
        );
        let stream = &user.streams[0];
        assert_eq!((stream.since_ms, stream.bits_per_second), (7, 8_000));
        let sizes: Vec<_> = stream
            .tracks
            .iter()
            .map(|track| (track.codec.as_str(), track.width, track.height))
            .collect();
        assert_eq!(
            sizes,
            [
                ("H264", Some(320), Some(180)),
                ("OPUS", None, None),
                ("H265", Some(320), Some(180))
            ]
        );
        assert!(live(&channels, None, question("b")).await.is_empty());
    }
}

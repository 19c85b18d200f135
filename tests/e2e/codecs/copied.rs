//! Pictures of plain green that a browser publishes.

use super::*;

/// Each of these users, in this container and codec, is copied into slices that are decoded without a word, and played by FFmpeg,
/// GStreamer and a browser, in which pictures are so wide.
pub(crate) async fn are_copied(stack: &Stack, task: &Task, users: &[(&str, &str, &str, u32)]) {
    let (bucket, dir) = (stack.bucket(), tempfile::tempdir().expect("a directory"));
    for key in bucket.keys(&task.prefix).await {
        let name = key.strip_prefix(&task.prefix).expect("a listed object");
        let object = bucket.get(&key).await.expect("a listed object");
        std::fs::write(dir.path().join(name), &object.data).expect("a file");
    }
    let delivery = Delivery::before(stack.bucket()).await;
    let mut urls = Vec::new();
    for (uid, container, codec, _) in users {
        let list = format!("{}_{}__uid_s_{uid}__uid_e_video.m3u8", task.sid, task.cname);
        let text = std::fs::read_to_string(dir.path().join(&list)).expect("a playlist");
        let parsed = playlist::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for entry in &parsed.entries {
            let slice = dir.path().join(&entry.name);
            assert_eq!(slice.extension(), Some(container.as_ref()), "{text}");
            let stream = &probe::streams(&slice).await[0];
            assert_eq!(stream.codec_name, *codec, "{text}");
            // Of layers in space FFmpeg tells the smallest.
            assert_eq!(stream.width, 320, "{text}");
            // Its own decoder of VP9 shows each of them, at the same time.
            let said = match *codec {
                "vp9" => probe::warnings_of("libvpx-vp9", &slice).await,
                _ => probe::warnings(&slice).await,
            };
            assert_eq!(said, "", "{}", slice.display());
            assert_is_played(&slice).await;
        }
        let name = if *container == "webm" {
            &parsed.entries[0].name
        } else {
            &list
        };
        urls.push(delivery.url(&format!("{}{name}", task.prefix)));
    }
    let seen = seen_in_browser(stack, urls).await;
    assert_eq!(seen.len(), users.len());
    for ((.., codec, width), seen) in users.iter().zip(&seen) {
        assert_shown(codec, Colour::Green, seen);
        assert_eq!(seen["width"], *width, "{codec}: {seen}");
    }
}

async fn assert_is_played(slice: &Path) {
    let packets = probe::packets(slice).await;
    assert!(packets[0].key, "{}", slice.display());
    let played = played_by_gstreamer(slice).await;
    assert_eq!(played.len(), packets.len(), "{}: of GStreamer", slice.display());
    let other = played
        .iter()
        .map(|picture| picture.at((0.5, 0.7)))
        .find(|seen| *seen != Colour::Green);
    assert_eq!(other, None, "{}", slice.display());
}

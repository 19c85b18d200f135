//! Pictures of plain green that a browser publishes in several layers of one stream.

use super::*;

/// Of those who publish in one size.
const PLAIN_WIDTH: u32 = 320;

/// Each of these users, in this container, codec and width, is copied into slices that are decoded without a word, and played by FFmpeg,
/// GStreamer and a browser.
pub(crate) async fn are_copied(stack: &Stack, task: &Task, users: &[(&str, &str, &str, u32)]) {
    let (bucket, dir) = (stack.bucket(), tempfile::tempdir().expect("a directory"));
    for key in bucket.keys(&task.prefix).await {
        let name = key.strip_prefix(&task.prefix).expect("a listed object");
        let object = bucket.get(&key).await.expect("a listed object");
        std::fs::write(dir.path().join(name), &object.data).expect("a file");
    }
    let delivery = Delivery::before(stack.bucket()).await;
    let mut urls = Vec::new();
    for (uid, container, codec, width) in users {
        let list = format!("{}_{}__uid_s_{uid}__uid_e_video.m3u8", task.sid, task.cname);
        let text = std::fs::read_to_string(dir.path().join(&list)).expect("a playlist");
        let parsed = playlist::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut widths = Vec::new();
        for entry in &parsed.entries {
            let slice = dir.path().join(&entry.name);
            assert_eq!(slice.extension(), Some(container.as_ref()), "{text}");
            let stream = &probe::streams(&slice).await[0];
            assert_eq!(stream.codec_name, *codec, "{text}");
            widths.push(stream.width);
            // Of pictures in several sizes FFmpeg shows each, the largest last, and complains that all have the same time.
            match *width > PLAIN_WIDTH {
                true => {
                    let how = ["-fps_mode", "vfr", "-f", "null", "-"];
                    let (_, said) = probe::decode(&["-xerror"], &slice, &how).await;
                    assert_eq!(said, "", "{}", slice.display());
                }
                false => assert_eq!(probe::warnings(&slice).await, "", "{}", slice.display()),
            }
            assert_is_played(&slice).await;
        }
        // Of pictures in several sizes a browser sends those that its machine and its network have room for.
        let sizes = if *width > PLAIN_WIDTH {
            vec![*width, width / 2, width / 4]
        } else {
            vec![*width]
        };
        assert!(widths.iter().all(|width| sizes.contains(width)), "{uid}: {widths:?}");
        let name = if *container == "webm" {
            &parsed.entries[0].name
        } else {
            &list
        };
        urls.push(delivery.url(&format!("{}{name}", task.prefix)));
    }
    let seen = seen_in_browser(stack, urls).await;
    assert_eq!(seen.len(), users.len());
    for ((_, _, codec, _), seen) in users.iter().zip(&seen) {
        assert_shown(codec, Colour::Green, seen);
    }
}

async fn assert_is_played(slice: &Path) {
    let packets = probe::packets(slice).await;
    assert!(packets[0].key, "{}", slice.display());
    let played = played_by_gstreamer(slice).await;
    assert!(
        played.len() * 4 >= packets.len() * 3,
        "{}: GStreamer plays {} pictures of {}",
        slice.display(),
        played.len(),
        packets.len()
    );
    let other = played
        .iter()
        .map(|picture| picture.at((0.5, 0.7)))
        .find(|seen| *seen != Colour::Green);
    assert_eq!(other, None, "{}", slice.display());
}

//! Encrypted channels: recorded in clear with the right secret, and not at all without it.

use std::collections::HashMap;
use std::path::Path;

use protocol::ProblemCode;
use protocol::TrackKind::{Audio, Video};
use serde_json::json;
use tapedeck_tests::customer::Task;
use tapedeck_tests::publisher::Publisher;
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::{probe, wait};

use crate::steps::{self, CAPTURE_LIMIT, record_for};

const SECRET: &str = "correct horse battery staple";
/// Pictures that are compared at least: four seconds.
const PICTURES: usize = 100;
/// Pictures that a B-frame can be away from its place in the order of decoding.
const REORDERED: usize = 3;

pub(crate) async fn encrypted_channels_are_recorded_in_clear(stack: &Stack) {
    let (customer, dir) = (stack.customer(), tempfile::tempdir().expect("a directory"));
    let secret = dir.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).expect("a file");
    let media = "-f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=sample_rate=48000 -t 90 \
                 -c:v libx264 -preset ultrafast -bf 2 -g 25 -pix_fmt yuv420p -c:a";
    let aac = steps::make_media(dir.path(), "aac.mp4", &format!("{media} aac")).await;
    let opus = steps::make_media(dir.path(), "opus.mp4", &format!("{media} libopus")).await;
    // Channel, how it is published, and with what decryptionMode and secret it is recorded.
    let channels = [
        ("encryptedone", "aes-128-xts", &aac, Some((1, SECRET))),
        ("encryptedtwo", "aes-128-ecb", &opus, Some((2, SECRET))),
        ("encryptedthree", "aes-256-xts", &opus, Some((3, SECRET))),
        ("encryptedwrong", "aes-256-xts", &opus, Some((3, "another secret"))),
        ("encryptednone", "aes-256-xts", &aac, None),
    ];
    let mut publishers = Vec::new();
    let mut tasks = Vec::new();
    for (cname, mode, file, _) in &channels {
        let url = stack.publish_url(cname, "1");
        publishers.push(Publisher::encrypted(&url, file, mode, &secret, stack.logs()));
    }
    for (cname, _, _, decryption) in &channels {
        let task = customer.record(cname, |request| {
            if let Some((mode, secret)) = decryption {
                request["recordingConfig"]["decryptionMode"] = json!(mode);
                request["recordingConfig"]["secret"] = json!(secret);
            }
        });
        tasks.push(task.await);
    }
    for task in &tasks[..3] {
        steps::await_playlists(&customer, task, 2).await;
    }
    for task in &tasks[3..] {
        await_refusal(stack, task).await;
    }
    record_for(8).await;
    publishers.iter_mut().for_each(Publisher::assert_alive);

    for ((_, _, file, _), task) in channels.iter().zip(&tasks[..3]) {
        steps::stop(&customer, task).await;
        let recording = Recording::fetch(&stack.bucket(), task).await;
        assert_eq!(recording.names(), [("1", Audio), ("1", Video)]);
        recording.check().await;
        assert_same_pictures(file, &recording.track("1", Video).file).await;
    }
    for task in &tasks[3..] {
        let reply = customer.stop(task).await;
        assert_eq!((reply.status, reply.code()), (206, Some(435)), "{}", reply.body);
        assert_eq!(stack.bucket().keys(&task.prefix).await, [] as [&str; 0]);
    }
}

/// The node says that the channel's media cannot be decrypted, and not with what.
async fn await_refusal(stack: &Stack, task: &Task) {
    let problems = wait::until(&format!("a problem of {}", task.cname), CAPTURE_LIMIT, async || {
        let report = stack.report(&task.sid).await?;
        let told = report
            .problems
            .iter()
            .filter(|problem| problem.code == ProblemCode::DecryptionFailed);
        (told.count() == 2).then_some(report.problems)
    })
    .await;
    let text = format!("{problems:?}");
    assert!(
        text.contains("audio of user 1") && text.contains("video of user 1"),
        "{text}"
    );
    assert!(!text.contains(SECRET) && !text.contains("another secret"), "{text}");
}

/// The recorded pictures are some of the file's, one after the other, to the last bit.
async fn assert_same_pictures(file: &Path, recorded: &Path) {
    let (sent, kept) = (probe::pictures(file).await, probe::pictures(recorded).await);
    let numbers: HashMap<_, _> = sent
        .iter()
        .enumerate()
        .map(|(number, picture)| (picture, number))
        .collect();
    assert!(kept.len() >= PICTURES, "{} pictures", kept.len());
    // The end of a recording is cut in decoding order, which can leave a hole among the last pictures.
    let kept = &kept[..kept.len() - REORDERED];
    let first = *numbers.get(&kept[0]).expect("a picture of the file");
    assert_eq!(kept[..], sent[first..first + kept.len()], "{}", recorded.display());
}

//! Mixed recording, from publishers to one playlist and MP4 files in the bucket.

use serde_json::json;
use tapedeck_tests::mixed::{Colour, Mixed, pictures};
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::steps::{self, CAPTURE_LIMIT, record_for};

pub(crate) async fn users_are_mixed_where_the_layout_puts_them(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "mixed");
    let _users = [("1", "red"), ("2", "0x00ff00")].map(|(uid, colour)| {
        let media = Media::plain_and_tone(colour);
        Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, Transport::Tcp, stack.logs())
    });
    let task = customer
        .record_in("mix", cname, |request| {
            request["recordingConfig"]["transcodingConfig"] = json!({
                "width": 640, "height": 360, "fps": 15, "bitrate": 500, "mixedVideoLayout": 1,
            });
            request["recordingFileConfig"]["avFileType"] = json!(["hls", "mp4"]);
        })
        .await;
    wait::until("both users are mixed", CAPTURE_LIMIT, async || {
        let report = stack.report(&task.sid).await?;
        report.mix.filter(|mix| mix.frames > 60).map(drop)
    })
    .await;
    record_for(4).await;
    let layout = json!({ "cname": task.cname, "uid": task.uid, "clientRequest": {
        "mixedVideoLayout": 2, "maxResolutionUid": "2", "backgroundColor": "#0000ff",
    }});
    customer.post(&task.path("updateLayout"), &layout).await.expect(200);
    record_for(6).await;
    let files = steps::stop(&customer, &task).await;
    assert_eq!(files.len(), 2, "{files:?}");

    let mixed = Mixed::fetch(&stack.bucket(), &task).await;
    mixed.check().await;
    assert_eq!(mixed.mp4.len(), 1);
    assert!(mixed.duration() > 10.0, "{} s", mixed.duration());
    for file in [&mixed.file, &mixed.mp4[0]] {
        let pictures = pictures(file, 4).await;
        let halves = |picture: &tapedeck_tests::mixed::Picture| {
            [0.25, 0.75].map(|x| picture.at(x, 0.5)) == [Colour::Red, Colour::Green]
        };
        let split = pictures.iter().filter(|picture| halves(picture)).count();
        assert!(split >= 8, "{}: {split} pictures in halves", file.display());
        let last = pictures.last().expect("pictures");
        let seen = [(0.4, 0.5), (0.9, 0.1), (0.9, 0.9)].map(|(x, y)| last.at(x, y));
        assert_eq!(seen, [Colour::Green, Colour::Red, Colour::Blue], "{}", file.display());
    }
}

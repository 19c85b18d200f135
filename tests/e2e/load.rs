//! Many publishers at once.

use protocol::TrackKind::{Audio, Video};
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;

use crate::steps::{self, record_for};

const PUBLISHERS: usize = 20;

pub(crate) async fn twenty_publishers_without_a_lost_packet(stack: &mut Stack) {
    let (customer, cname, dir) = (stack.customer(), "load", tempfile::tempdir().expect("a directory"));
    // Encoded once: the publishers' own work must not be what is measured.
    let options = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=120 \
                   -f lavfi -i sine=frequency=440:sample_rate=48000:duration=120 \
                   -c:v libx264 -preset ultrafast -b:v 600k -g 25 -c:a aac -b:a 64k";
    let file = steps::make_media(dir.path(), "load.mp4", options).await;
    let media = Media::file(file.to_str().expect("UTF-8"));
    let mut users: Vec<_> = (1..=PUBLISHERS)
        .map(|uid| stack.publish_url(cname, &uid.to_string()))
        .map(|url| Publisher::ffmpeg(&url, &media, Transport::Tcp, stack.logs()))
        .collect();
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 2 * PUBLISHERS).await;
    record_for(20).await;
    users.iter_mut().for_each(Publisher::assert_alive);
    let report = stack.report(&task.sid).await.expect("the node's report");
    assert_eq!((report.lost_packets, &*report.problems), (0, &[][..]));
    steps::stop(&customer, &task).await;

    let recording = Recording::fetch(&stack.bucket(), &task).await;
    assert_eq!(recording.tracks.len(), 2 * PUBLISHERS);
    recording.check().await;
    for uid in 1..=PUBLISHERS {
        for kind in [Audio, Video] {
            let track = recording.track(&uid.to_string(), kind);
            assert_eq!(track.breaks(), 0, "{}", track.file_name());
            let (frame, steps) = (track.frame(), track.steps());
            let worst = steps.iter().copied().fold(0.0, f64::max);
            assert!(
                worst < 1.5 * frame,
                "{}: {worst} s from one frame to the next, of {frame} s each",
                track.file_name()
            );
            assert!(track.duration() > 18.0, "{}: {} s", track.file_name(), track.duration());
        }
    }
}

//! VP8 and VP9 in the containers that an app sets for them. The users are cameras to these apps.

use tapedeck_tests::customer::Customer;

use super::*;

/// What an app sets, and a user as its slices have them.
const SET: [(&str, Sent); 2] = [
    (
        "mp4",
        Sent {
            extension: "mp4",
            is_hls: true,
            is_for_browsers: false,
            ..USERS[1]
        },
    ),
    (
        "webm",
        Sent {
            extension: "webm",
            is_hls: false,
            ..USERS[2]
        },
    ),
];

/// Recordings of users of a channel.
pub(super) struct Elsewhere([(Customer, Task, Sent); 2]);

impl Elsewhere {
    pub(super) async fn begin(stack: &Stack, cname: &str) -> Self {
        let begun = SET.map(async |(container, sent)| {
            let streams = json!({ sent.uid: stack.publish_url(cname, sent.uid) });
            let settings = json!({
                "recorder": { "vpx_container": container },
                "source": { "type": "static", "streams": streams },
            });
            let customer = stack.new_app(&settings).await;
            let task = customer.record(&format!("{cname}{container}"), |_| {}).await;
            steps::await_playlists(&customer, &task, 2).await;
            (customer, task, sent)
        });
        let [mp4, webm] = begun;
        Self([mp4.await, webm.await])
    }

    pub(super) async fn check(self, bucket: &Bucket, dir: &Path) {
        for (customer, task, sent) in self.0 {
            assert_eq!(steps::stop(&customer, &task).await.len(), 2);
            let video = fetch(bucket, &task, &sent, "video", dir).await;
            super::check(&video, &sent).await;
        }
    }
}

//! As many publishers at once as one channel has.

use super::support::{Server, ffmpeg_publish_file, retina, sample, take_packets, tcp};

const PUBLISHERS: usize = 20;
/// Some seconds of each stream.
const PACKETS: usize = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_publishers_lose_no_packet_over_tcp() {
    let server = Server::start().await;
    let file = sample().await;
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|uid| ffmpeg_publish_file(file, &server.url(&uid.to_string())))
        .collect();
    server.joined(PUBLISHERS).await;
    let mut players = tokio::task::JoinSet::new();
    for uid in 0..PUBLISHERS {
        let url = server.url(&uid.to_string());
        players.spawn(async move {
            let mut session = retina(&url, tcp(), None).await;
            take_packets(&mut session, PACKETS).await
        });
    }
    let lost = players.join_all().await;
    assert_eq!(lost, [0; PUBLISHERS]);
    assert_eq!(
        server.registry.snapshot("app", "room").users.len(),
        PUBLISHERS,
        "a publisher fell out"
    );
    for publisher in publishers {
        publisher.kill().await;
    }
    server.joined(0).await;
}

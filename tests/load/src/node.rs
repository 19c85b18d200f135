//! Sessions at a media node: WHIP and WHEP.

use str0m::media::Direction;

use crate::http::call;
use crate::peer::Peer;

pub(crate) async fn publish(url: &str, peer: &mut Peer) {
    let offer = peer.offer(Direction::SendOnly);
    peer.answered(&post(&format!("{url}/whip/load/room/1"), offer).await);
}

pub(crate) async fn play(url: &str) -> Peer {
    let mut peer = Peer::new().await;
    let offer = peer.offer(Direction::RecvOnly);
    peer.answered(&post(&format!("{url}/whep/load/room/1"), offer).await);
    peer
}

async fn post(url: &str, offer: String) -> String {
    let (status, text) = call("POST", url, "application/sdp", &offer).await;
    assert_eq!(status, 201, "{text}");
    text
}

//! Sessions at a media node: WHIP and WHEP.

use std::net::{IpAddr, Ipv4Addr};

use str0m::media::Direction;

use crate::http::call;
use crate::peer::Peer;

pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub async fn publish(url: &str, number: usize) -> Peer {
    let mut peer = Peer::new(HERE).await;
    let offer = peer.offer(Direction::SendOnly);
    peer.answered(&post(&format!("{url}/whip/load/room/{number}"), offer).await);
    peer
}

pub async fn play(url: &str) -> Peer {
    let mut peer = Peer::new(HERE).await;
    let offer = peer.offer(Direction::RecvOnly);
    peer.answered(&post(&format!("{url}/whep/load/room/1"), offer).await);
    peer
}

async fn post(url: &str, offer: String) -> String {
    let (status, text) = call("POST", url, "application/sdp", &offer).await;
    assert_eq!(status, 201, "{text}");
    text
}

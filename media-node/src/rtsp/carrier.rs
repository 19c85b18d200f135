//! How the packets of one track travel between a client and this server.

use std::net::IpAddr;
use std::net::SocketAddr;

use bytes::BytesMut;
use rtsp_types::headers::{self};
use rtsp_types::{Request, StatusCode};

use super::reply::Refusal;
use super::transport::{self, Answer, Lower};
use super::udp::PortPair;
use super::wire;
use crate::hub::{Flow, Packet};

pub(super) enum Carrier {
    /// Channels of the connection itself.
    Interleaved { rtp: u8, rtcp: u8 },
    /// The server's ports, and the client's.
    Udp {
        ports: PortPair,
        rtp: SocketAddr,
        rtcp: SocketAddr,
    },
}

/// The carriers of a session by track; `None` for what is not set up.
#[derive(Default)]
pub(super) struct Carriers(Vec<Option<Carrier>>);

impl Carriers {
    pub(super) fn new(tracks: usize) -> Self {
        Self(std::iter::repeat_with(|| None).take(tracks).collect())
    }

    /// Sets up a track as the request's Transport header wishes and answers what that header is answered with.
    pub(super) fn set_up(
        &mut self,
        track: usize,
        request: &Request<Vec<u8>>,
        local: IpAddr,
        peer: IpAddr,
    ) -> Result<String, Refusal> {
        let unsupported = || {
            let reason = "Transport must be unicast RTP/AVP over TCP (interleaved) or UDP";
            Refusal::new(StatusCode::UnsupportedTransport, reason)
        };
        let header = request.header(&headers::TRANSPORT).ok_or_else(unsupported)?;
        let offer = transport::choose(header.as_str()).ok_or_else(unsupported)?;
        if self.0.get(track).is_none() {
            return Err(Refusal::not_found("No such track"));
        }
        self.put(track, None);
        let (carrier, answer) = match offer.lower {
            Lower::Interleaved(wish) => {
                let (rtp, rtcp) = self.free_channels(wish).ok_or_else(unsupported)?;
                (Carrier::Interleaved { rtp, rtcp }, Answer::Interleaved { rtp, rtcp })
            }
            Lower::Udp(rtp, rtcp) => {
                let ports = PortPair::bind(local).map_err(|error| {
                    tracing::warn!(%error, "no UDP ports for a track");
                    Refusal::new(StatusCode::ServiceUnavailable, "No free UDP ports: use TCP")
                })?;
                let answer = Answer::Udp {
                    rtp: ports.port,
                    rtcp: ports.port + 1,
                };
                let (rtp, rtcp) = (SocketAddr::new(peer, rtp), SocketAddr::new(peer, rtcp));
                (Carrier::Udp { ports, rtp, rtcp }, answer)
            }
        };
        self.put(track, Some(carrier));
        Ok(transport::answer(&offer, answer))
    }

    /// The track and flow of an interleaved channel.
    pub(super) fn by_channel(&self, channel: u8) -> Option<(usize, Flow)> {
        self.iter().find_map(|(track, carrier)| match carrier {
            Carrier::Interleaved { rtp, .. } if *rtp == channel => Some((track, Flow::Rtp)),
            Carrier::Interleaved { rtcp, .. } if *rtcp == channel => Some((track, Flow::Rtcp)),
            _ => None,
        })
    }

    /// Puts an interleaved packet into `out`, or sends a datagram. False when the packet is lost.
    pub(super) async fn send(&self, packet: &Packet, out: &mut BytesMut) -> bool {
        match (self.0.get(packet.track).and_then(Option::as_ref), packet.flow) {
            (None, _) => false,
            (Some(Carrier::Interleaved { rtp, .. }), Flow::Rtp) => wire::put_interleaved(out, *rtp, &packet.payload),
            (Some(Carrier::Interleaved { rtcp, .. }), Flow::Rtcp) => wire::put_interleaved(out, *rtcp, &packet.payload),
            (Some(Carrier::Udp { ports, rtp, .. }), Flow::Rtp) => {
                ports.send(Flow::Rtp, &packet.payload, *rtp).await.is_ok()
            }
            (Some(Carrier::Udp { ports, rtcp, .. }), Flow::Rtcp) => {
                ports.send(Flow::Rtcp, &packet.payload, *rtcp).await.is_ok()
            }
        }
    }

    /// Puts what is sent to a publisher into `out`, or sends a datagram.
    pub(super) async fn tell(&self, track: usize, report: Vec<u8>, out: &mut BytesMut) {
        let packet = Packet {
            track,
            flow: Flow::Rtcp,
            payload: report.into(),
        };
        // A publisher does without one of them.
        let _ = self.send(&packet, out).await;
    }

    /// The tracks that are set up.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Carrier)> {
        self.0
            .iter()
            .enumerate()
            .filter_map(|(track, carrier)| Some((track, carrier.as_ref()?)))
    }

    pub(super) fn is_complete(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    pub(super) fn any_interleaved(&self) -> bool {
        self.iter()
            .any(|(_, carrier)| matches!(carrier, Carrier::Interleaved { .. }))
    }

    fn put(&mut self, track: usize, carrier: Option<Carrier>) {
        if let Some(place) = self.0.get_mut(track) {
            *place = carrier;
        }
    }

    /// The wish, if it is free, else the first free pair.
    fn free_channels(&self, wish: Option<(u8, u8)>) -> Option<(u8, u8)> {
        let free =
            |&(rtp, rtcp): &(u8, u8)| rtp != rtcp && self.by_channel(rtp).is_none() && self.by_channel(rtcp).is_none();
        wish.filter(free)
            .or_else(|| (0..=u8::MAX - 1).step_by(2).map(|rtp| (rtp, rtp + 1)).find(free))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rtsp_types::{Method, Version};

    use super::*;

    fn set_up(carriers: &mut Carriers, track: usize, transport: &str) -> Result<String, StatusCode> {
        let request = Request::builder(Method::Setup, Version::V1_0)
            .header(headers::TRANSPORT, transport)
            .build(vec![]);
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        carriers
            .set_up(track, &request, ip, ip)
            .map_err(|refusal| refusal.status)
    }

    #[tokio::test]
    async fn each_track_has_channels_of_its_own() {
        let mut carriers = Carriers::new(3);
        assert_eq!(
            set_up(&mut carriers, 0, "RTP/AVP/TCP;interleaved=2-3").unwrap(),
            "RTP/AVP/TCP;unicast;interleaved=2-3"
        );
        assert_eq!(
            set_up(&mut carriers, 1, "RTP/AVP/TCP;interleaved=3-4").unwrap(),
            "RTP/AVP/TCP;unicast;interleaved=0-1"
        );
        assert!(!carriers.is_complete());
        assert_eq!(
            set_up(&mut carriers, 2, "RTP/AVP/TCP").unwrap(),
            "RTP/AVP/TCP;unicast;interleaved=4-5"
        );
        assert!(carriers.is_complete());
        assert_eq!(
            set_up(&mut carriers, 2, "RTP/AVP/TCP;interleaved=4-5").unwrap(),
            "RTP/AVP/TCP;unicast;interleaved=4-5"
        );
        assert_eq!(carriers.by_channel(1), Some((1, Flow::Rtcp)));
        assert_eq!(carriers.by_channel(2), Some((0, Flow::Rtp)));
        assert_eq!(carriers.by_channel(9), None);
        assert_eq!(set_up(&mut carriers, 3, "RTP/AVP/TCP"), Err(StatusCode::NotFound));
        assert_eq!(
            set_up(&mut carriers, 0, "RTP/AVP;multicast"),
            Err(StatusCode::UnsupportedTransport)
        );
    }

    #[tokio::test]
    async fn udp_is_answered_with_the_ports_of_the_server() {
        let mut carriers = Carriers::new(1);
        let answer = set_up(&mut carriers, 0, "RTP/AVP;unicast;client_port=5000-5001;mode=record").unwrap();
        let (_, Carrier::Udp { ports, rtcp, .. }) = carriers.iter().next().unwrap() else {
            panic!("not UDP")
        };
        let (rtp_port, rtcp_port) = (ports.port, ports.port + 1);
        assert_eq!(rtcp.port(), 5001);
        assert_eq!(
            answer,
            format!("RTP/AVP;unicast;client_port=5000-5001;server_port={rtp_port}-{rtcp_port};mode=record")
        );
        assert!(!carriers.any_interleaved());
    }
}

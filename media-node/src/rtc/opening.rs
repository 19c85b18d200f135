//! The connection that an offer leads to: what is said in its answer, and by which ways it comes.

use std::net::SocketAddr;
use std::time::Instant;

use str0m::bwe::Bitrate;
use str0m::change::SdpOffer;
use str0m::net::TcpType;
use str0m::{Candidate, Rtc, RtcConfig};

use super::offer::{Format, Offer, OfferError};
use super::watch::TELL_EVERY;

/// By which ways a client may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ways {
    Udp,
    Tcp,
    Both,
    /// By TCP; by datagrams as well once it has begun anew.
    TcpFirst,
}

impl Ways {
    /// As rooms number them.
    pub(super) fn of(protocol: u8) -> Self {
        match protocol {
            0 => Self::Udp,
            1 => Self::Tcp,
            2 => Self::Both,
            _ => Self::TcpFirst,
        }
    }
}

/// The connection that an offer leads to, and its answer.
///
/// `first_estimate`: of what the client can take, in bits a second, where that is to be estimated.
pub(super) fn open(
    offer: &Offer,
    formats: &[Format],
    first_estimate: Option<u64>,
    candidates: &[SocketAddr],
    ways: Ways,
) -> Result<(Rtc, String), OfferError> {
    let mut config = RtcConfig::new()
        .clear_codecs()
        .set_rtp_mode(true)
        .set_ice_lite(true)
        .set_stats_interval(Some(TELL_EVERY));
    if let Some(estimate) = first_estimate {
        config = config.enable_bwe(Some(Bitrate::from(estimate)));
    }
    for format in formats {
        format.add_to(config.codec_config());
    }
    let mut rtc = config.build(Instant::now());
    if ways != Ways::Tcp && ways != Ways::TcpFirst {
        add_datagrams(&mut rtc, candidates);
    }
    if ways != Ways::Udp {
        add(&mut rtc, candidates, |address| {
            Candidate::builder()
                .tcp()
                .host(address)
                .tcptype(TcpType::Passive)
                .build()
        });
    }
    let text = accept(&mut rtc, offer)?;
    Ok((rtc, text))
}

/// Lets the client come by datagrams.
pub(super) fn add_datagrams(rtc: &mut Rtc, candidates: &[SocketAddr]) {
    add(rtc, candidates, |address| Candidate::host(address, "udp"));
}

fn add<E>(rtc: &mut Rtc, addresses: &[SocketAddr], candidate: impl Fn(SocketAddr) -> Result<Candidate, E>) {
    for candidate in addresses.iter().filter_map(|address| candidate(*address).ok()) {
        rtc.add_local_candidate(candidate);
    }
}

/// The answer to an offer: the first one, or another one of the same client.
pub(super) fn accept(rtc: &mut Rtc, offer: &Offer) -> Result<String, OfferError> {
    let malformed = |error: &dyn std::fmt::Display| OfferError::Malformed(error.to_string());
    let offered = SdpOffer::from_sdp_string(&offer.text()).map_err(|error| malformed(&error))?;
    let answer = rtc.sdp_api().accept_offer(offered).map_err(|error| malformed(&error))?;
    Ok(offer.answered(&answer.to_sdp_string()))
}

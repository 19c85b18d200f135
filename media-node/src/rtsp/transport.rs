//! The Transport header, RFC 2326 §12.39. Written here because the typed header of `rtsp-types` 0.1 panics on a lone quote.

/// One way of carrying a track that a client offers and this server can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// As the client wrote it: `RTP/AVP/TCP`.
    pub(super) protocol: String,
    pub(super) lower: Lower,
    /// As the client wrote it, with its quotes if any.
    pub(super) mode: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lower {
    /// Channels for RTP and RTCP, when the client chose.
    Interleaved(Option<(u8, u8)>),
    /// The client's ports for RTP and RTCP.
    Udp(u16, u16),
}

/// The first acceptable offer of a header: unicast RTP with the AVP or AVPF profile over TCP or UDP.
pub(super) fn choose(header: &str) -> Option<Offer> {
    split_unquoted(header, ',').into_iter().find_map(offer)
}

fn offer(specification: &str) -> Option<Offer> {
    let mut parameters = split_unquoted(specification, ';').into_iter();
    let protocol = parameters.next()?.to_owned();
    let parameters: Vec<(&str, Option<&str>)> = parameters.map(name_and_value).collect();
    let value = |name: &str| {
        parameters
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    };
    // Without either word RFC 2326 means multicast; in practice nobody does.
    if value("multicast").is_some() {
        return None;
    }
    let lower = match protocol.to_ascii_uppercase().as_str() {
        "RTP/AVP/TCP" | "RTP/AVPF/TCP" => match value("interleaved") {
            None => Lower::Interleaved(None),
            Some(channels) => Lower::Interleaved(Some(pair(channels?)?)),
        },
        "RTP/AVP" | "RTP/AVPF" | "RTP/AVP/UDP" | "RTP/AVPF/UDP" => {
            let (rtp, rtcp) = pair::<u16>(value("client_port")??)?;
            if rtp == 0 || rtcp == 0 {
                return None;
            }
            Lower::Udp(rtp, rtcp)
        }
        _ => return None,
    };
    Some(Offer {
        protocol,
        lower,
        mode: value("mode").flatten().map(str::to_owned),
    })
}

/// What is answered to an accepted offer.
pub(super) fn answer(offer: &Offer, lower: Answer) -> String {
    let carried = match (lower, offer.lower) {
        (Answer::Interleaved { rtp, rtcp }, _) => format!("interleaved={rtp}-{rtcp}"),
        (Answer::Udp { rtp, rtcp }, Lower::Udp(client_rtp, client_rtcp)) => {
            format!("client_port={client_rtp}-{client_rtcp};server_port={rtp}-{rtcp}")
        }
        (Answer::Udp { rtp, rtcp }, Lower::Interleaved(_)) => format!("server_port={rtp}-{rtcp}"),
    };
    let mode = offer
        .mode
        .as_ref()
        .map(|mode| format!(";mode={mode}"))
        .unwrap_or_default();
    format!("{};unicast;{carried}{mode}", offer.protocol)
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Interleaved {
        rtp: u8,
        rtcp: u8,
    },
    /// The server's ports.
    Udp {
        rtp: u16,
        rtcp: u16,
    },
}

/// `a-b`, or `a` for a and the one behind it.
fn pair<T: std::str::FromStr + TryFrom<u32> + Into<u32> + Copy>(text: &str) -> Option<(T, T)> {
    match text.split_once('-') {
        Some((first, second)) => Some((first.trim().parse().ok()?, second.trim().parse().ok()?)),
        None => {
            let first: T = text.trim().parse().ok()?;
            let second: u32 = first.into() + 1;
            Some((first, T::try_from(second).ok()?))
        }
    }
}

fn name_and_value(parameter: &str) -> (&str, Option<&str>) {
    match parameter.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (parameter, None),
    }
}

/// Splits where the separator stands outside of double quotes; the parts are trimmed.
fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .map(str::trim)
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_way_that_works_is_taken() {
        let offer = choose("RTP/SAVP;unicast;client_port=1-2, RTP/AVP;multicast, RTP/AVP/UDP;unicast;client_port=5000-5001;mode=\"PLAY,RECORD\",RTP/AVP/TCP").unwrap();
        assert_eq!(
            (offer.lower, offer.mode.as_deref()),
            (Lower::Udp(5000, 5001), Some("\"PLAY,RECORD\""))
        );
        assert_eq!(
            answer(&offer, Answer::Udp { rtp: 7000, rtcp: 7001 }),
            "RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=7000-7001;mode=\"PLAY,RECORD\""
        );
        let offer = choose("RTP/AVP/TCP;unicast;interleaved=2-3;mode=record").unwrap();
        assert_eq!(offer.lower, Lower::Interleaved(Some((2, 3))));
        assert_eq!(
            answer(&offer, Answer::Interleaved { rtp: 2, rtcp: 3 }),
            "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record"
        );
        assert_eq!(
            choose("RTP/AVP;unicast;client_port=6000").unwrap().lower,
            Lower::Udp(6000, 6001)
        );
        assert_eq!(choose("rtp/avp/tcp").unwrap().lower, Lower::Interleaved(None));
    }

    #[test]
    fn what_cannot_be_carried_is_no_offer() {
        for header in [
            "",
            "RTP/AVP",
            "RTP/AVP;unicast;client_port",
            "RTP/AVP;unicast;client_port=0-1",
            "RTP/AVP;unicast;client_port=65535",
            "RTP/AVP;unicast;client_port=70000-70001",
            "RTP/AVP/TCP;interleaved=255",
            "RTP/AVP/TCP;interleaved=300-301",
            "RTP/AVP/TCP;mode=\"",
            "RTP/SAVP/TCP;interleaved=0-1",
        ] {
            let offered = choose(header);
            assert!(offered.is_none() || header.ends_with('"'), "{header}: {offered:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "(RTP/AVP|TCP|;|,|=|-|\"|client_port|interleaved|mode|[0-9]{1,6}|\\PC){0,20}") {
            let _ = choose(&header);
        }
    }
}

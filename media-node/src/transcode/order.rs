use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::TrackKind;

use crate::hub::Publication;
use crate::stream::{Fmtp, told_reorder_depth};

/// Whether a publication's pictures are sent in another order than they are shown (B-frames), which browsers show as they come: by
/// what its parameter sets say, or by what it has sent.
pub fn is_out_of_order(publication: &Publication) -> bool {
    let tracks = publication.description.tracks().iter().enumerate();
    let mut pictures = tracks.filter(|(_, track)| track.kind == TrackKind::Video);
    pictures.any(|(index, track)| publication.is_out_of_order(index) || is_told(&track.codec, &track.parameters))
}

fn is_told(codec: &str, parameters: &str) -> bool {
    if codec != "H264" {
        return false;
    }
    let parameters = Fmtp::parse(parameters);
    // The sequence parameter set stands first (RFC 6184 section 8.1).
    let first = parameters
        .get("sprop-parameter-sets")
        .and_then(|sets| sets.split(',').next());
    let set = first.and_then(|set| STANDARD.decode(set.trim()).ok());
    set.and_then(|set| told_reorder_depth(&set))
        .is_some_and(|depth| depth > 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::channel::StreamPath;
    use crate::hub::{Description, Flow, Manner};
    use crate::stream::testing::SpsBits;

    fn publication(parameters: &str) -> Arc<Publication> {
        let sdp = format!("v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 {parameters}\r\n");
        let path = StreamPath::parse("/a/b/c").unwrap();
        let description = Description::parse(sdp.as_bytes()).unwrap();
        Arc::new(Publication::new(path, description, Manner::Once))
    }

    fn send(publication: &Publication, timestamps: &[u32]) {
        for (sequence, timestamp) in timestamps.iter().enumerate() {
            let mut packet = vec![0x80, 96, 0, sequence as u8];
            packet.extend(timestamp.to_be_bytes());
            packet.extend([0, 0, 0, 7, 1]);
            publication.relay(0, Flow::Rtp, packet.into());
        }
    }

    #[test]
    fn pictures_out_of_order_are_told_by_their_times() {
        let in_order = publication("packetization-mode=1");
        send(&in_order, &[u32::MAX - 10, u32::MAX - 10, 5, 5, 3_600, 7_200]);
        assert!(!is_out_of_order(&in_order));
        let b_frames = publication("packetization-mode=1");
        send(&b_frames, &[0, 10_800, 3_600, 7_200]);
        assert!(is_out_of_order(&b_frames));
        let began_anew = publication("packetization-mode=1");
        send(&began_anew, &[4_000_000, 0, 3_600]);
        assert!(!is_out_of_order(&began_anew));
    }

    #[test]
    fn pictures_out_of_order_are_told_by_their_parameter_sets() {
        let with = |reorder: Option<u32>| {
            let mut sps = SpsBits::new(320, 192, 2);
            sps.reorder_frames = reorder;
            publication(&format!("sprop-parameter-sets={},aO8=", STANDARD.encode(sps.nal())))
        };
        assert!(is_out_of_order(&with(Some(2))));
        assert!(!is_out_of_order(&with(Some(0))));
        assert!(!is_out_of_order(&with(None)), "it does not say so");
        assert!(!is_out_of_order(&publication("sprop-parameter-sets=*")));
    }
}

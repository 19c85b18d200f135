use proptest::prelude::*;

use super::*;
use crate::rtc::fragment::Fragment;

/// As Chromium offers it, shortened.
pub(in crate::rtc) const CHROMIUM: &str = include_str!("chromium.sdp");

fn first(_: &Section, _: &[Format]) -> Result<usize, OfferError> {
    Ok(0)
}

#[test]
fn one_format_of_each_medium_is_kept_with_how_it_is_sent_again() {
    let offer = Offer::parse(CHROMIUM).unwrap();
    let (narrowed, formats) = offer.narrowed(first).unwrap();
    let text = narrowed.text();
    assert_eq!(
        formats.iter().map(|format| format.name).collect::<Vec<_>>(),
        ["OPUS", "VP8"]
    );
    for kept in [
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n",
        "a=rtpmap:97 rtx/90000",
        "a=rtcp-fb:96 nack pli",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    for gone in ["H264", "red/", "ulpfec", "flexfec"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    assert!(str0m::change::SdpOffer::from_sdp_string(&text).is_ok());
}

#[test]
fn the_only_medium_may_have_no_name_and_then_has_none_in_the_answer() {
    let offer = Offer::parse("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n").unwrap();
    let text = offer.text();
    assert!(
        text.contains("a=group:BUNDLE 0\r\n") && text.contains("a=mid:0\r\n"),
        "{text}"
    );
    let answer = "v=0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\n";
    let told = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=recvonly\r\n";
    assert_eq!(offer.answered(answer), told);
    let alone = Offer::parse("v=0\r\nm=audio 9 X 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n").unwrap();
    assert!(alone.text().contains("a=group:BUNDLE 0\r\n"));
    assert_eq!(alone.answered(answer), answer.replace("a=group:BUNDLE 0\r\n", ""));
    let named = Offer::parse(CHROMIUM).unwrap();
    assert_eq!(named.answered(answer), answer);
}

#[test]
fn a_client_is_not_asked_to_say_how_its_picture_has_to_be_turned() {
    let offer = Offer::parse(CHROMIUM).unwrap();
    assert!(
        offer.text().contains("video-orientation"),
        "one that says so all the same is understood"
    );
    let answer = "v=0\r\nm=audio\r\nm=video\r\na=extmap:13 urn:3gpp:video-orientation\r\na=extmap:1 other\r\n";
    let told = answer.replace("a=extmap:13 urn:3gpp:video-orientation\r\n", "");
    assert_eq!(offer.answered(answer), told);
    let player = Offer::parse(&CHROMIUM.replace("a=sendonly", "a=recvonly")).unwrap();
    assert_eq!(player.answered(answer), answer, "who plays is told");
}

#[test]
fn layers_are_kept_where_a_client_sends_some() {
    let layered = |simulcast: &str| {
        let text = CHROMIUM.replace("a=sendonly", &format!("a=sendonly\r\n{simulcast}"));
        Offer::parse(&text).unwrap().narrowed(first).unwrap().0
    };
    let extensions = "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n";
    let rids = "a=rid:q send pt=96\r\na=rid:h send\r\na=rid:f send\r\n";
    let offer = layered(&format!("{extensions}{rids}a=simulcast:send q,x;~h;f\r\n"));
    let video = &offer.sections[1];
    assert_eq!(video.layers(), ["q", "h", "f"]);
    assert_eq!(offer.sections[0].layers(), [""; 0]);
    let text = offer.text();
    assert!(text.contains("a=rid:q send\r\n") && !text.contains("a=rid:l"), "{text}");
    assert_eq!(text.matches("a=simulcast:").collect::<Vec<_>>().len(), 1);
    assert!(text.contains("a=simulcast:send q;h;f\r\n"), "{text}");
    assert!(text.contains("rtp-stream-id"), "{text}");
    assert!(str0m::change::SdpOffer::from_sdp_string(&text).is_ok());
    for none in ["q", "q;h;f;a;b", "q;;f", "q;h/", "", "q;aaaaaaaaaaaaaaaaaaaaaa"] {
        let offer = layered(&format!("{extensions}a=simulcast:send {none}\r\n"));
        assert_eq!(offer.sections[1].layers(), [""; 0], "{none}");
        assert!(!offer.text().contains("rtp-stream-id"));
    }
    let received = CHROMIUM.replace("a=sendonly", "a=recvonly\r\na=simulcast:send q;h");
    assert_eq!(Offer::parse(&received).unwrap().sections[1].layers(), [""; 0]);
}

#[test]
fn a_client_that_tells_what_arrives_is_known() {
    let offer = Offer::parse(CHROMIUM).unwrap();
    let video = &offer.sections[1];
    let vp8 = &video.formats()[0];
    assert!(video.tells_arrivals(vp8));
    let without = Offer::parse(&CHROMIUM.replace("rmcat-transport-wide-cc", "x")).unwrap();
    assert!(!without.sections[1].tells_arrivals(vp8));
    let without = Offer::parse(&CHROMIUM.replace("transport-cc", "x")).unwrap();
    assert!(!without.sections[1].tells_arrivals(vp8));
}

#[test]
fn formats_say_what_they_are() {
    let offer = Offer::parse(CHROMIUM).unwrap();
    let video = &offer.sections[1];
    assert!(video.sends && !video.receives && video.mid == "1");
    let formats = video.formats();
    let h264 = formats
        .iter()
        .find(|format| format.name == "H264" && format.fits_networks())
        .unwrap();
    assert_eq!((h264.payload_type, h264.resend), (103, Some(104)));
    assert_eq!(
        h264.described(),
        "m=video 0 RTP/AVP 103\r\na=rtpmap:103 H264/90000\r\n\
         a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n\
         a=rtcp-fb:103 nack pli\r\n"
    );
    assert_eq!(parameter(&h264.parameters, "profile-level-id"), Some("42001f"));
    let opus = &offer.sections[0].formats()[0];
    assert!(opus.described().contains("a=rtpmap:111 opus/48000/2\r\n"));
}

#[test]
fn what_is_no_offer_of_one_audio_and_one_video_is_refused_with_the_reason() {
    let malformed = |text: &str| matches!(Offer::parse(text), Err(OfferError::Malformed(_)));
    assert!(malformed("") && malformed("v=0\r\n") && malformed("v=0\r\nnonsense\r\nm=audio 9 X 0\r\n"));
    assert!(malformed(&format!("v=0\r\n{}", "a=x\r\n".repeat(20_000))));
    let unnamed = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";
    assert!(malformed(&format!("v=0\r\n{unnamed}{unnamed}a=mid:1\r\n")));
    let two = Offer::parse(&format!("v=0\r\n{unnamed}{unnamed}"));
    assert!(two.is_err_and(|error| error.to_string().contains("offer them with a=mid")));
    let data = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n";
    assert!(matches!(Offer::parse(data), Err(OfferError::NotTaken(_))));
    let pcmu = Offer::parse("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n").unwrap();
    assert_eq!(pcmu.narrowed(first), Err(pcmu.sections[0].none()));
    let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n";
    let other = audio.replace("a=mid:0", "a=mid:1");
    let twice = Offer::parse(&format!("v=0\r\na=group:BUNDLE 0 1\r\n{audio}{other}")).unwrap();
    assert!(matches!(twice.narrowed(first), Err(OfferError::NotTaken(_))));
}

#[test]
fn directions_are_read_where_they_stand() {
    let sends = |text: &str| {
        let offer = Offer::parse(text).unwrap();
        (offer.sections[0].sends, offer.sections[0].receives)
    };
    assert_eq!(sends("v=0\r\nm=audio 9 X 0\r\na=mid:0\r\n"), (true, true));
    assert_eq!(
        sends("v=0\r\na=recvonly\r\nm=audio 9 X 0\r\na=mid:0\r\n"),
        (false, true)
    );
    assert_eq!(
        sends("v=0\r\na=recvonly\r\nm=audio 9 X 0\r\na=mid:0\r\na=sendonly\r\n"),
        (true, false)
    );
    assert_eq!(
        sends("v=0\r\nm=audio 0 X 0\r\na=mid:0\r\na=sendonly\r\n"),
        (false, false)
    );
    assert_eq!(
        sends("v=0\r\nm=audio 0 X 0\r\na=mid:0\r\na=bundle-only\r\na=sendonly\r\n"),
        (true, false)
    );
}

#[test]
fn an_offer_is_made_anew_with_other_credentials() {
    let fragment = Fragment::parse(
        "a=ice-options:trickle\r\na=group:BUNDLE 0 1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=ice-ufrag:new1\r\na=ice-pwd:secret\r\n\
         a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n",
    );
    assert_eq!(
        fragment.candidates,
        ["candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"]
    );
    let restarted = Offer::parse(CHROMIUM).unwrap().restarted(&fragment).unwrap().text();
    assert_eq!(restarted.matches("a=ice-ufrag:new1\r\n").count(), 2);
    assert_eq!(restarted.matches("a=ice-ufrag:").count(), 2);
    let offer = Offer::parse(CHROMIUM).unwrap();
    let again = Fragment::parse("a=ice-ufrag:AbCd\r\na=ice-pwd:0123456789abcdefghijklmn\r\n");
    assert!(offer.restarted(&again).unwrap().has_credentials_of(&offer));
    assert!(!offer.restarted(&fragment).unwrap().has_credentials_of(&offer));
    assert!(offer.restarted(&Fragment::default()).is_none());
    assert!(
        Offer::parse(CHROMIUM)
            .unwrap()
            .restarted(&Fragment::default())
            .is_none()
    );
    let told = Fragment::of_answer("v=0\r\nm=audio\r\na=ice-ufrag:u\r\na=mid:0\r\nm=video\r\na=ice-ufrag:u\r\n");
    assert_eq!(told, "a=ice-ufrag:u\r\n");
}

proptest! {
    #[test]
    fn no_offer_panics(text in "\\PC*", at in 0usize..3_000, insert in "\\PC{0,20}") {
        let _ = Offer::parse(&text);
        let mut changed = CHROMIUM.to_owned();
        let at = (at..=changed.len()).find(|at| changed.is_char_boundary(*at)).unwrap_or(0);
        changed.insert_str(at.min(changed.len()), &insert);
        if let Ok(offer) = Offer::parse(&changed)
            && let Ok((narrowed, _)) = offer.narrowed(first) {
            prop_assert!(Offer::parse(&narrowed.text()).is_ok());
        }
        let _ = Fragment::parse(&text);
    }
}

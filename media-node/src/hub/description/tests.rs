use proptest::prelude::*;

use super::*;

const FFMPEG: &str = "v=0\r\n\
    o=- 0 0 IN IP4 10.1.2.3\r\n\
    s=No Name\r\n\
    c=IN IP4 10.1.2.3\r\n\
    t=0 0\r\n\
    a=tool:libavformat\r\n\
    m=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z2QAC6zZ,aOvjyyLA; profile-level-id=64000B\r\n\
    a=control:streamid=0\r\n\
    m=audio 5004/2 RTP/AVP 97\r\n\
    b=AS:128\r\n\
    a=recvonly\r\n\
    a=rtpmap:97 MPEG4-GENERIC/44100/1\r\n\
    a=control:rtsp://10.1.2.3/a/b/c/streamid=1\r\n";

#[test]
fn players_get_the_codecs_and_none_of_the_addresses() {
    let description = Description::parse(FFMPEG.as_bytes()).unwrap();
    let sdp = std::str::from_utf8(description.for_players()).unwrap();
    assert_eq!(
        sdp,
        "v=0\r\n\
         o=- 0 0 IN IP4 0.0.0.0\r\n\
         s=No Name\r\n\
         c=IN IP4 0.0.0.0\r\n\
         t=0 0\r\n\
         a=tool:libavformat\r\n\
         a=control:*\r\n\
         m=video 0 RTP/AVP 96\r\n\
         a=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z2QAC6zZ,aOvjyyLA; profile-level-id=64000B\r\n\
         a=control:trackID=0\r\n\
         m=audio 0 RTP/AVP 97\r\n\
         b=AS:128\r\n\
         a=rtpmap:97 MPEG4-GENERIC/44100/1\r\n\
         a=control:trackID=1\r\n"
    );
    assert_eq!(description.track_count(), 2);
    let kinds = |sdp: &str| {
        let kinds = Description::parse(sdp.as_bytes()).unwrap().kinds();
        (kinds.audio, kinds.video)
    };
    assert_eq!(kinds(FFMPEG), (true, true));
    assert_eq!(kinds("v=0\r\nm=audio 0 RTP/AVP 0\r\n"), (true, false));
    assert_eq!(kinds("v=0\r\nm=application 0 RTP/AVP 96\r\n"), (false, true));
    assert_eq!(kinds("v=0\r\nm=AUDIO 0 RTP/AVP 0\r\n"), (false, true));
    let absolute = "rtsp://10.1.2.3/a/b/c/streamid=1";
    let controls: Vec<_> = description.controls().iter().flatten().collect();
    assert_eq!(controls, ["streamid=0", absolute]);
}

#[test]
fn tracks_are_picked_as_often_as_they_are_named() {
    let description = Description::parse(FFMPEG.as_bytes()).unwrap();
    let codecs = |tracks: &[usize]| {
        let picked = description.picked(tracks).unwrap();
        let codecs = picked.tracks().iter().map(|track| track.codec.clone());
        codecs.collect::<Vec<_>>()
    };
    assert_eq!(codecs(&[1, 0, 0, 7]), ["MPEG4-GENERIC", "H264", "H264"]);
    assert_eq!(codecs(&[1]), ["MPEG4-GENERIC"]);
    let same = description.picked(&[0, 1]).unwrap();
    assert_eq!(same.for_players(), description.for_players());
    assert_eq!(description.picked(&[]).unwrap_err(), DescriptionError::TrackCount(0));
}

#[test]
fn tracks_are_named_by_what_the_publisher_says_of_them() {
    let described = |sdp: &str| {
        let description = Description::parse(sdp.as_bytes()).unwrap();
        let tracks = description.tracks().iter();
        tracks
            .map(|track| (track.kind, track.codec.clone()))
            .collect::<Vec<_>>()
    };
    let of = |kind, codec: &str| (kind, codec.to_owned());
    let expected = [of(TrackKind::Video, "H264"), of(TrackKind::Audio, "MPEG4-GENERIC")];
    assert_eq!(described(FFMPEG), expected);
    let fixed = "v=0\r\ns=-\r\nm=audio 0 RTP/AVP 8\r\nm=video 0 RTP/AVP 99\r\na=rtpmap:99\r\n";
    assert_eq!(
        described(fixed),
        [of(TrackKind::Audio, "PCMA"), of(TrackKind::Video, "")]
    );
    let description = Description::parse(FFMPEG.as_bytes()).unwrap();
    assert!(
        description.tracks()[0]
            .parameters
            .starts_with("packetization-mode=1; sprop-parameter-sets=Z2QA")
    );
}

#[test]
fn lines_that_nobody_needs_may_be_wrong() {
    let as_it_is = Description::parse(FFMPEG.as_bytes()).unwrap();
    for (right, wrong) in [
        ("o=- 0 0 IN IP4 10.1.2.3", "o=Channel1 3910280086 3910366486 IN IP4"),
        ("o=- 0 0 IN IP4 10.1.2.3", "o=- -1 x"),
        ("c=IN IP4 10.1.2.3", "c=IN "),
        ("t=0 0", "t=0 0.0"),
        (
            "t=0 0",
            "t=0 0\r\nr=never\r\nz=\r\nk=clear:x\r\nx=y\r\ne=\r\np=\r\nu=:\r\ni=",
        ),
        ("m=audio 5004/2 RTP/AVP 97", "m=audio 5004/2  rtp/avp 97"),
        (
            "m=video 0",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=control:trackID=9\r\nm=video 0",
        ),
    ] {
        let description = Description::parse(FFMPEG.replace(right, wrong).as_bytes()).unwrap();
        let got = std::str::from_utf8(description.for_players()).unwrap();
        let expected = std::str::from_utf8(as_it_is.for_players()).unwrap();
        let without_origin = |sdp: &str| {
            sdp.lines()
                .filter(|line| !line.starts_with("o="))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(without_origin(got), without_origin(expected), "{wrong}");
        assert_eq!(description.track_count(), 2);
    }
    let wrong = FFMPEG.replace("b=AS:128", "b=AS:1.5");
    let description = Description::parse(wrong.as_bytes()).unwrap();
    assert!(!std::str::from_utf8(description.for_players()).unwrap().contains("b="));
}

#[test]
fn what_is_not_a_stream_is_refused() {
    let error = |sdp: &str| Description::parse(sdp.as_bytes()).unwrap_err();
    assert!(matches!(error("hello"), DescriptionError::Malformed(_)));
    assert!(matches!(
        error("v=0\r\ns=-\r\nbroken\r\na=x\r\n"),
        DescriptionError::Malformed(_)
    ));
    assert_eq!(error("v=0\r\ns=-\r\n"), DescriptionError::TrackCount(0));
    let many = format!("v=0\r\ns=-\r\n{}", "m=audio 0 RTP/AVP 0\r\n".repeat(9));
    assert_eq!(error(&many), DescriptionError::TrackCount(9));
    assert_eq!(
        error("v=0\r\ns=-\r\nm=audio 0 RTP/SAVP 0\r\n"),
        DescriptionError::NotRtp
    );
}

#[test]
fn a_description_without_origin_and_name_becomes_readable() {
    let description = Description::parse(b"v=0\n  \r\nm=audio 0 RTP/AVP 0\r\n\r").unwrap();
    let again = Session::parse(description.for_players()).unwrap();
    assert_eq!((again.session_name.as_str(), again.origin.sess_id.as_str()), ("-", "0"));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Description::parse(&bytes);
    }

    #[test]
    fn no_mutation_panics(at in 0..FFMPEG.len(), byte: u8) {
        let mut bytes = FFMPEG.as_bytes().to_vec();
        bytes[at] = byte;
        if let Ok(description) = Description::parse(&bytes) {
            prop_assert!(Description::parse(description.for_players()).is_ok());
        }
    }
}

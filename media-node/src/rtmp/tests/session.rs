use bytes::Bytes;

use super::dice::Dice;
use super::support::{
    AUDIO, VIDEO, command, commands, connect, hello, information, large_chunks, message, messages, opening,
};
use crate::rtmp::amf::{self, Value};
use crate::rtmp::session::{Event, MediaKind, Session, SessionError, Wish};

struct Peer {
    session: Session,
    events: Vec<Event>,
}

impl Peer {
    fn new(bytes: &[u8]) -> Self {
        let mut peer = Self {
            session: Session::default(),
            events: Vec::new(),
        };
        peer.say(bytes).unwrap();
        peer
    }

    fn say(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        self.session.input().extend_from_slice(bytes);
        self.session.received(bytes.len());
        while let Some(event) = self.session.next()? {
            self.events.push(event);
        }
        Ok(())
    }

    fn answers(&mut self) -> Vec<(String, Vec<Value>)> {
        commands(self.session.out())
    }
}

fn media(kind: MediaKind, timestamp: u32, tag: &'static [u8]) -> Event {
    Event::Media {
        kind,
        timestamp,
        tag: Bytes::from_static(tag),
    }
}

#[test]
fn a_publisher_is_led_to_its_stream() {
    let mut peer = Peer::new(&opening("app/room?token=t", "7"));
    let wish = Wish {
        app: "app/room?token=t".to_owned(),
        key: "7".to_owned(),
    };
    assert_eq!(peer.events, [Event::Publish(wish)]);
    peer.session.accept("Publishing");
    let answers = peer.answers();
    let names: Vec<_> = answers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["_result", "_result", "onStatus"]);
    assert_eq!(information(&answers[0].1).0, "NetConnection.Connect.Success");
    assert_eq!(answers[1].1[1], Value::Number(1.0));
    assert_eq!(information(&answers[2].1).0, "NetStream.Publish.Start");
    assert_eq!(
        &peer.session.out()[1 + 1536..1 + 2 * 1536],
        &hello()[1..1 + 1536],
        "S2 echoes C1"
    );
}

#[test]
fn media_is_that_of_the_published_stream() {
    let mut peer = Peer::new(
        &[
            hello(),
            large_chunks(),
            connect("a/b"),
            message(4, AUDIO, 1, 5, b"early"),
        ]
        .concat(),
    );
    assert_eq!(peer.events, []);
    peer.say(&opening("a/b", "1")[hello().len()..]).unwrap();
    peer.events.clear();
    let metadata = Value::Object(vec![
        ("videocodecid".to_owned(), Value::Number(7.0)),
        ("audiocodecid".to_owned(), Value::Number(0.0)),
    ]);
    let set = amf::write(&[Value::text("@setDataFrame"), Value::text("onMetaData"), metadata]);
    peer.say(&message(4, 18, 1, 0, &set)).unwrap();
    peer.say(&message(4, AUDIO, 1, 5, b"sound")).unwrap();
    peer.say(&message(6, VIDEO, 2, 5, b"of another")).unwrap();
    let aggregate = [
        &[VIDEO, 0, 0, 1, 0, 3, 232, 0, 0, 0, 0, b'p', 0, 0, 0, 12][..],
        &[AUDIO, 0, 0, 1, 0, 3, 252, 0, 0, 0, 0, b's', 0, 0, 0, 12],
    ]
    .concat();
    peer.say(&message(6, 22, 1, 70, &aggregate)).unwrap();
    let expected = [
        Event::Metadata {
            audio: false,
            video: true,
        },
        media(MediaKind::Audio, 5, b"sound"),
        media(MediaKind::Video, 70, b"p"),
        media(MediaKind::Audio, 90, b"s"),
    ];
    assert_eq!(peer.events, expected);
    peer.events.clear();
    peer.say(&command(
        0,
        &[
            Value::text("FCUnpublish"),
            Value::Number(6.0),
            Value::Null,
            Value::text("1"),
        ],
    ))
    .unwrap();
    peer.say(&command(
        0,
        &[
            Value::text("deleteStream"),
            Value::Number(7.0),
            Value::Null,
            Value::Number(1.0),
        ],
    ))
    .unwrap();
    peer.say(&message(4, AUDIO, 1, 9, b"late")).unwrap();
    assert_eq!(peer.events, [Event::Unpublish]);
}

#[test]
fn many_small_tags_in_one_message_take_no_memory() {
    let mut peer = Peer::new(&opening("a/b", "1"));
    let tag = [AUDIO, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];
    peer.say(&message(6, 22, 1, 0, &tag.repeat(100_000))).unwrap();
    assert!(peer.events.len() <= 1 + 1_024, "{}", peer.events.len());
    peer.say(&message(4, AUDIO, 1, 9, b"sound")).unwrap();
    assert_eq!(peer.events.last(), Some(&media(MediaKind::Audio, 9, b"sound")));
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let mut peer = Peer::new(&[hello(), large_chunks(), connect("")].concat());
    let (name, values) = peer.answers().remove(0);
    assert_eq!(
        (name.as_str(), information(&values).0.as_str()),
        ("_error", "NetConnection.Connect.Rejected")
    );

    let mut peer = Peer::new(&opening("a/b", "1"));
    peer.say(&opening("a/b", "2")[opening("a/b", "2").len() - super::support::publish("2").len()..])
        .unwrap();
    peer.say(&command(
        1,
        &[Value::text("play"), Value::Number(5.0), Value::Null, Value::text("1")],
    ))
    .unwrap();
    peer.session.refuse("NetStream.Publish.BadName", "The key is wrong");
    let codes: Vec<_> = peer
        .answers()
        .iter()
        .skip(2)
        .map(|(_, values)| information(values))
        .collect();
    assert_eq!(codes[0].0, "NetStream.Publish.BadName");
    assert_eq!(codes[1].0, "NetStream.Play.Failed");
    assert_eq!(
        codes[2],
        ("NetStream.Publish.BadName".to_owned(), "The key is wrong".to_owned())
    );
    assert_eq!(peer.events.len(), 1);
}

#[test]
fn what_is_no_rtmp_is_told_from_it() {
    let mut session = Session::default();
    session.input().extend_from_slice(b"GET / HTTP/1.1\r\n");
    assert_eq!(session.next(), Err(SessionError::Version(b'G')));
    let mut peer = Peer::new(&[hello(), large_chunks()].concat());
    assert_eq!(peer.say(&message(2, 1, 0, 0, b"cut")), Err(SessionError::Control));
}

#[test]
fn what_comes_is_acknowledged_and_pings_are_answered() {
    let mut peer = Peer::new(&[hello(), large_chunks(), connect("a/b")].concat());
    peer.say(&message(2, 5, 0, 0, &1u32.to_be_bytes())).unwrap();
    peer.say(&message(2, 4, 0, 0, &[0, 6, 1, 2, 3, 4])).unwrap();
    peer.say(&message(4, AUDIO, 9, 0, &vec![0; 70_000])).unwrap();
    let answers = messages(peer.session.out());
    let of = |kind| {
        answers
            .iter()
            .filter(move |message| message.kind == kind)
            .map(|message| message.payload.clone())
    };
    assert_eq!(of(4).last().unwrap(), &[0, 7, 1, 2, 3, 4][..]);
    assert_eq!(of(3).count(), 1, "not more often than 64 KiB, whatever the peer wants");
}

/// Mutations of a whole session: the parser lives, and holds no more than what came.
#[test]
fn no_mutation_panics() {
    let mut whole = opening("app/room", "7");
    for n in 0..20u32 {
        whole.extend(message(6, VIDEO, 1, n * 40, &[0x17, 1, 0, 0, 80, 0, 0, 0, 2, 0x65, 9]));
        whole.extend(message(4, AUDIO, 1, n * 40, &[0xaf, 1, 1, 2, 3]));
    }
    let mut dice = Dice::new(7);
    for _ in 0..20_000 {
        // The handshake holds nothing that is read.
        let mut bytes = whole[hello().len()..].to_vec();
        dice.mutate(&mut bytes);
        let bytes = [hello(), bytes].concat();
        let mut peer = Peer {
            session: Session::default(),
            events: Vec::new(),
        };
        let step = 1 + dice.roll(bytes.len());
        let _ = bytes.chunks(step).try_for_each(|part| peer.say(part));
        assert!(peer.session.out().len() < 1 << 20);
    }
}

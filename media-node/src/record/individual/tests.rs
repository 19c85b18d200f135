use std::sync::Arc;
use std::time::Duration;

use protocol::{Directive, EndCause, ProblemCode, Roster, Selection, StreamName, StreamTypes, Subscription, TrackKind};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::capture::Wanted;
use crate::record::follow::testing::{
    CAMERA, FakeCaptures, FakeRosters, eventually, everything, roster, send, subscription,
};
use crate::record::follow::{Presence, Shared};
use crate::record::status::Board;
use crate::record::testing::{DirSink, audio, complaints, file_names, shifted, units_in, video};
use crate::record::{Ending, Options, Status};
use crate::spool::{PlaylistKey, Slice};
use crate::stream::{Clock, PictureLimit, StreamEnd, StreamEvent, Track};

/// A channel whose users and streams the test moves, and a recording of it.
struct RecordedChannel {
    sink: Arc<DirSink>,
    rosters: mpsc::Sender<Roster>,
    captures: FakeCaptures,
    desired: watch::Sender<Desired>,
    status: watch::Receiver<Status>,
    recording: JoinHandle<Ending>,
}

impl RecordedChannel {
    fn start(options: Options) -> Self {
        Self::start_with(options, Presence::Bystanders, None)
    }

    fn start_with(options: Options, presence: Presence, pictures: Option<protocol::Snapshots>) -> Self {
        let sink = Arc::new(DirSink::new());
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let clock = Clock::new(now.as_millis() as u64);
        let board = SharedBoard::new(Board::new(clock.wall_ms(0), None));
        let recorder = Individual {
            slices: true,
            files: None,
            sink: sink.clone(),
            clock,
            board: board.clone(),
            names: file_names(),
            coding: PictureCoding::default(),
            snapshots: pictures.map(|wanted| Snapshots::new(wanted, sink.clone(), options.picture_limit)),
        };
        let shared = Shared {
            clock,
            board,
            options,
            keys: None,
            decodes: true,
            presence,
            followed: Default::default(),
            interruption: CancellationToken::new(),
        };
        let (rosters, roster_queue) = mpsc::channel(4);
        let captures = FakeCaptures::default();
        let directive = Directive::Record;
        let (desired, desired_now) = watch::channel(Desired {
            epoch: 1,
            directive,
            subscription: everything(),
            scene: None,
            keys: None,
            terms: Default::default(),
        });
        let (status_sender, status) = watch::channel(Status::default());
        let recording = tokio::spawn(follow::run(
            shared,
            FakeRosters(roster_queue),
            captures.clone(),
            recorder,
            desired_now,
            status_sender,
        ));
        Self {
            sink,
            rosters,
            captures,
            desired,
            status,
            recording,
        }
    }

    async fn roster(&self, users: &[(&str, &[(StreamName, u64)])]) {
        self.rosters.send(roster(users)).await.unwrap();
    }

    async fn stop(self, directive: Directive) -> (EndCause, Arc<DirSink>, Status) {
        self.desired.send_modify(|desired| desired.directive = directive);
        let ending = timeout(Duration::from_secs(10), self.recording).await.unwrap().unwrap();
        let Ending::Over(cause) = ending else {
            panic!("nothing has interrupted it")
        };
        (cause, self.sink, self.status.borrow().clone())
    }

    async fn until(&mut self, condition: impl Fn(&Status) -> bool) -> Status {
        timeout(Duration::from_secs(10), self.status.wait_for(condition))
            .await
            .unwrap()
            .unwrap()
            .clone()
    }

    fn slices(&self, uid: &str, track: TrackKind) -> Vec<Slice> {
        slices(&self.sink, uid, track)
    }
}

fn slices(sink: &DirSink, uid: &str, track: TrackKind) -> Vec<Slice> {
    sink.slices_of(&PlaylistKey { uid: uid.into(), track })
}

/// Units in a playlist, all of which must decode cleanly.
fn recorded(sink: &DirSink, uid: &str, track: TrackKind) -> usize {
    let slices = slices(sink, uid, track);
    if slices.is_empty() {
        return 0;
    }
    assert_eq!(complaints(&sink.playlist(&slices)), "", "{track:?} of {uid}");
    slices.iter().map(|slice| units_in(&sink.path(slice))).sum()
}

fn restarts(sink: &DirSink, uid: &str, track: TrackKind) -> usize {
    let tags = slices(sink, uid, track).into_iter().flat_map(|slice| slice.tags);
    tags.filter(|tag| tag.contains("EVENT=START")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_commits_all_that_was_captured() {
    let mut channel = RecordedChannel::start(Options::default());
    assert!(
        channel
            .until(|status| status.idle_since_ms.is_some())
            .await
            .first_media_ms
            .is_none()
    );
    let (both, audio_only) = (
        channel.captures.session("a/camera"),
        channel.captures.session("b/camera"),
    );
    channel.roster(&[("a", CAMERA), ("b", CAMERA)]).await;
    send(&both, Track::Video, video(), &video().units[..700]).await;
    send(&both, Track::Audio, audio(), &audio().units[..700]).await;
    send(&audio_only, Track::Audio, audio(), &audio().units[..300]).await;
    channel
        .until(|status| status.idle_since_ms.is_none() && status.first_media_ms.is_some())
        .await;
    let (cause, sink, _) = channel.stop(Directive::Stop(EndCause::Stopped)).await;
    assert_eq!(cause, EndCause::Stopped);
    assert_eq!(recorded(&sink, "a", TrackKind::Video), 700);
    assert_eq!(recorded(&sink, "a", TrackKind::Audio), 700);
    assert_eq!(recorded(&sink, "b", TrackKind::Audio), 300);
    assert_eq!(recorded(&sink, "b", TrackKind::Video), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_come_from_the_session_that_is_recorded() {
    for alone in [false, true] {
        let pictures = protocol::Snapshots {
            interval_ms: 10_000,
            alone,
        };
        let channel = RecordedChannel::start_with(Options::default(), Presence::Bystanders, Some(pictures));
        let (both, audio_only) = (
            channel.captures.session("a/camera"),
            channel.captures.session("b/camera"),
        );
        channel.roster(&[("a", CAMERA), ("b", CAMERA)]).await;
        send(&both, Track::Audio, audio(), &audio().units[..300]).await;
        // Less than waits for pictures at most, however slow they are.
        send(&both, Track::Video, video(), &video().units[..500]).await;
        send(&audio_only, Track::Audio, audio(), &audio().units[..300]).await;
        let opened = channel.captures.opened();
        let (cause, sink, status) = channel.stop(Directive::Stop(EndCause::Stopped)).await;
        assert_eq!((cause, status.problems), (EndCause::Stopped, Vec::new()));
        assert_eq!(opened.len(), 2, "{opened:?}");
        let taken: Vec<_> = sink
            .pictures()
            .into_iter()
            .map(|(picture, _)| (picture.uid, picture.start_us))
            .collect();
        let of_a = |at_us| ("a".to_owned(), at_us);
        assert_eq!(taken, [of_a(0), of_a(10_000_000)]);
        let units = |uid, track| recorded(&sink, uid, track);
        let written = [
            units("a", TrackKind::Video),
            units("a", TrackKind::Audio),
            units("b", TrackKind::Audio),
        ];
        assert_eq!(written, if alone { [0, 0, 0] } else { [500, 300, 300] });
        assert!(status.first_media_ms.is_some() && status.idle_since_ms.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_too_large_to_decode_are_recorded_by_copy_and_told_once() {
    let options = Options {
        picture_limit: PictureLimit::new(64, 64),
        ..Options::default()
    };
    let pictures = protocol::Snapshots {
        interval_ms: 10_000,
        alone: false,
    };
    let channel = RecordedChannel::start_with(options, Presence::Bystanders, Some(pictures));
    let session = channel.captures.session("a/camera");
    channel.roster(&[("a", CAMERA)]).await;
    send(&session, Track::Video, video(), &video().units[..250]).await;
    send(&session, Track::Video, video(), &video().units[250..500]).await;
    let (_, sink, status) = channel.stop(Directive::Stop(EndCause::Stopped)).await;
    assert_eq!(recorded(&sink, "a", TrackKind::Video), 500);
    assert_eq!(sink.pictures().len(), 0);
    let told: Vec<_> = status
        .problems
        .iter()
        .filter(|problem| problem.code == ProblemCode::PictureTooLarge)
        .collect();
    assert_eq!(told.len(), 1, "{:?}", status.problems);
    for part in ["camera of user a", "320×1", "64×64", "TAPEDECK_MAX_PICTURE"] {
        assert!(told[0].message.contains(part), "{part}: {}", told[0].message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_ends_it_too() {
    let channel = RecordedChannel::start(Options::default());
    assert_eq!(channel.stop(Directive::Release).await.0, EndCause::LeaseLost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_publisher_and_a_leaving_user_lose_nothing() {
    let channel = RecordedChannel::start(Options::default());
    let first = channel.captures.session("a/camera");
    let second = channel.captures.session("a/camera");
    let third = channel.captures.session("a/camera");
    channel.roster(&[("a", CAMERA)]).await;
    send(&first, Track::Video, video(), &video().units[..200]).await;
    first.send(StreamEvent::Ended(StreamEnd::Finished)).await.unwrap();
    // The publisher is back at once, before the roster tells of it.
    send(
        &second,
        Track::Video,
        video(),
        &shifted(&video().units[..200], 10_000_000),
    )
    .await;
    channel.roster(&[]).await;
    // It left, but not all that it sent has come through.
    send(
        &second,
        Track::Video,
        video(),
        &shifted(&video().units[200..300], 10_000_000),
    )
    .await;
    second.send(StreamEvent::Ended(StreamEnd::Finished)).await.unwrap();
    let sink = channel.sink.clone();
    eventually("committed when left", || {
        slices(&sink, "a", TrackKind::Video).len() == 2
    })
    .await;
    channel.roster(&[("a", &[(StreamName::Camera, 2)])]).await;
    send(
        &third,
        Track::Video,
        video(),
        &shifted(&video().units[..200], 30_000_000),
    )
    .await;
    let (_, sink, status) = channel.stop(Directive::Stop(EndCause::Idle)).await;
    assert_eq!(recorded(&sink, "a", TrackKind::Video), 700);
    assert_eq!(restarts(&sink, "a", TrackKind::Video), 3);
    assert_eq!(status.problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_pause_is_captured_and_its_time_is_not_idle() {
    let mut channel = RecordedChannel::start(Options::default());
    let first = channel.captures.session("a/camera");
    channel.roster(&[("a", CAMERA)]).await;
    send(&first, Track::Video, video(), &video().units[..200]).await;
    let to = |directive| move |desired: &mut Desired| desired.directive = directive;
    channel.desired.send_modify(to(Directive::Pause));
    eventually("the slice is committed", || {
        channel.slices("a", TrackKind::Video).len() == 1
    })
    .await;
    assert!(first.is_closed(), "nobody listens");
    // The channel empties, and a user joins whom nobody opens.
    channel.roster(&[]).await;
    channel.roster(&[("b", CAMERA)]).await;
    channel.until(|status| status.idle_since_ms.is_none()).await;
    assert_eq!(channel.captures.opened().len(), 1);
    let again = channel.captures.session("a/camera");
    channel.roster(&[("a", CAMERA)]).await;
    channel.desired.send_modify(to(Directive::Record));
    send(
        &again,
        Track::Video,
        video(),
        &shifted(&video().units[..200], 60_000_000),
    )
    .await;
    let (_, sink, status) = channel.stop(Directive::Stop(EndCause::Stopped)).await;
    assert_eq!(recorded(&sink, "a", TrackKind::Video), 400);
    assert_eq!(restarts(&sink, "a", TrackKind::Video), 2);
    assert_eq!(status.problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_changes_what_is_recorded() {
    let channel = RecordedChannel::start(Options::default());
    let camera = channel.captures.session("a/camera");
    channel.roster(&[("a", CAMERA)]).await;
    send(&camera, Track::Video, video(), &video().units[..200]).await;
    send(&camera, Track::Audio, audio(), &audio().units[..100]).await;
    channel
        .desired
        .send_modify(|desired| desired.subscription = subscription(StreamTypes::Both, Selection::None));
    eventually("video is ended", || channel.slices("a", TrackKind::Video).len() == 1).await;
    send(&camera, Track::Video, video(), &video().units[200..300]).await;
    send(&camera, Track::Audio, audio(), &audio().units[100..200]).await;
    eventually("audio is open", || !camera.is_closed()).await;
    assert_eq!(channel.captures.opened().len(), 1, "the session goes on");
    // Whom nobody wants is not captured at all.
    channel
        .desired
        .send_modify(|desired| desired.subscription.audio = Selection::Except(vec!["a".into()]));
    eventually("audio is ended", || channel.slices("a", TrackKind::Audio).len() == 1).await;
    assert!(camera.is_closed());
    // More than the session was opened for takes another one.
    let again = channel.captures.session("a/camera");
    channel
        .desired
        .send_modify(|desired| desired.subscription = subscription(StreamTypes::Video, Selection::All));
    send(
        &again,
        Track::Video,
        video(),
        &shifted(&video().units[..50], 20_000_000),
    )
    .await;
    let opened = channel.captures.opened();
    assert_eq!(
        opened.last().map(|(_, want)| *want),
        Some(Wanted {
            audio: false,
            video: true
        })
    );
    let (_, sink, _) = channel.stop(Directive::Stop(EndCause::Stopped)).await;
    assert_eq!(recorded(&sink, "a", TrackKind::Video), 250);
    assert_eq!(recorded(&sink, "a", TrackKind::Audio), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_nobody_wants_recorded_keeps_the_channel_from_being_idle() {
    let mut channel = RecordedChannel::start(Options::default());
    channel.until(|status| status.idle_since_ms.is_some()).await;
    let nobody = Selection::Only(vec!["9".into()]);
    channel.desired.send_modify(|desired| {
        desired.subscription = Subscription {
            audio: nobody.clone(),
            ..subscription(StreamTypes::Both, nobody.clone())
        };
    });
    channel.roster(&[("1", CAMERA)]).await;
    channel.until(|status| status.idle_since_ms.is_none()).await;
    channel.roster(&[]).await;
    channel.until(|status| status.idle_since_ms.is_some()).await;
    assert_eq!(channel.captures.opened(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_there_and_sends_nothing_keeps_a_communication_channel_from_being_idle() {
    for (presence, is_idle) in [
        (Presence::Everybody, false),
        (Presence::Bystanders, true),
        (Presence::Nobody, true),
    ] {
        let mut channel = RecordedChannel::start_with(Options::default(), presence, None);
        let _silent = channel.captures.session("a/camera");
        channel.roster(&[("a", CAMERA)]).await;
        let captures = channel.captures.clone();
        eventually("the silent user's stream is opened", || !captures.opened().is_empty()).await;
        channel.until(|status| status.idle_since_ms.is_some() == is_idle).await;
        channel.roster(&[]).await;
        channel.until(|status| status.idle_since_ms.is_some()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_source_is_told_once_and_tried_again() {
    let mut channel = RecordedChannel::start(Options::default());
    channel.roster(&[("a", CAMERA)]).await;
    let captures = channel.captures.clone();
    eventually("tried five times", || captures.opened().len() >= 5).await;
    let session = channel.captures.session("a/camera");
    send(&session, Track::Video, video(), &video().units[..50]).await;
    let status = channel.until(|status| status.first_media_ms.is_some()).await;
    let codes: Vec<_> = status.problems.iter().map(|problem| problem.code.clone()).collect();
    assert_eq!(codes, [ProblemCode::SourceUnreachable]);
    assert!(
        status.problems[0].message.contains("user a"),
        "{}",
        status.problems[0].message
    );
    let (_, sink, _) = channel.stop(Directive::Stop(EndCause::Stopped)).await;
    assert_eq!(recorded(&sink, "a", TrackKind::Video), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_and_unsupported_codecs_are_told() {
    let mut channel = RecordedChannel::start(Options::default());
    let session = channel.captures.session("a/camera");
    channel.roster(&[("a", CAMERA)]).await;
    for _ in 0..2 {
        session
            .send(StreamEvent::Unsupported(Track::Audio, "Opus".into()))
            .await
            .unwrap();
    }
    session.send(StreamEvent::Lost(Track::Video, 3)).await.unwrap();
    session.send(StreamEvent::Lost(Track::Audio, 4)).await.unwrap();
    session.send(StreamEvent::Lost(Track::Audio, 1)).await.unwrap();
    let status = channel.until(|status| status.lost_packets == 8).await;
    let codes: Vec<_> = status.problems.iter().map(|problem| problem.code.clone()).collect();
    let expected = [
        ProblemCode::UnsupportedCodec,
        ProblemCode::PacketsLost,
        ProblemCode::PacketsLost,
    ];
    assert_eq!(codes, expected, "once for each track");
    let problem = &status.problems[0];
    assert!(
        problem.message.contains("user a") && problem.message.contains("Opus"),
        "{}",
        problem.message
    );
    channel.stop(Directive::Stop(EndCause::Stopped)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_camera_is_no_three_problems() {
    let mut channel = RecordedChannel::start(Options::default());
    let captures = channel.captures.clone();
    let refusing = || async {
        let session = captures.session("a/camera");
        let codecs = [(Track::Audio, "gsm"), (Track::Video, "h265")];
        for (track, codec) in codecs {
            session
                .send(StreamEvent::Unsupported(track, codec.into()))
                .await
                .unwrap();
        }
        let reason = "the source offers nothing that can be recorded".to_owned();
        session
            .send(StreamEvent::Ended(StreamEnd::Failed(reason)))
            .await
            .unwrap();
    };
    for _ in 0..5 {
        refusing().await;
    }
    channel.roster(&[("a", CAMERA)]).await;
    eventually("opened five times", || captures.opened().len() >= 5).await;
    let status = channel.until(|status| !status.problems.is_empty()).await;
    let told: Vec<_> = status.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "audio of user a is gsm and video is h265, which cannot be recorded: publish H.264, H.265, VP8, VP9, AV1 or Motion \
             JPEG video, and audio in AAC, Opus, MP3, PCMU, PCMA, G.722 or L16, each described as its RTP format has it"
        ]
    );
    channel.stop(Directive::Stop(EndCause::Stopped)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_named_audio_is_the_users_audio_when_the_camera_has_none() {
    let channel = RecordedChannel::start(Options::default());
    let (camera, extra) = (
        channel.captures.session("a/camera"),
        channel.captures.session("a/audio"),
    );
    let (camera_b, extra_b) = (
        channel.captures.session("b/camera"),
        channel.captures.session("b/audio"),
    );
    let streams: &[(StreamName, u64)] = &[(StreamName::Camera, 1), (StreamName::Audio, 2)];
    channel.roster(&[("a", streams), ("b", streams)]).await;
    send(&camera, Track::Video, video(), &video().units[..50]).await;
    send(&extra, Track::Audio, audio(), &audio().units[..100]).await;
    // The camera of b has audio, so its other audio waits until that ends.
    send(&camera_b, Track::Audio, audio(), &audio().units[..100]).await;
    eventually("taken", || camera_b.capacity() == camera_b.max_capacity()).await;
    sleep(Duration::from_millis(200)).await;
    send(&extra_b, Track::Audio, audio(), &audio().units[..100]).await;
    eventually("taken", || extra_b.capacity() == extra_b.max_capacity()).await;
    sleep(Duration::from_millis(200)).await;
    camera_b.send(StreamEvent::Ended(StreamEnd::Finished)).await.unwrap();
    let sink = channel.sink.clone();
    eventually("ended", || slices(&sink, "b", TrackKind::Audio).len() == 1).await;
    for unit in &audio().units[100..150] {
        extra_b
            .send(StreamEvent::Unit(Track::Audio, unit.clone()))
            .await
            .unwrap();
    }
    let (_, sink, _) = channel.stop(Directive::Stop(EndCause::Stopped)).await;
    assert_eq!(recorded(&sink, "a", TrackKind::Video), 50);
    assert_eq!(recorded(&sink, "a", TrackKind::Audio), 100);
    assert_eq!(recorded(&sink, "b", TrackKind::Audio), 150);
    assert_eq!(restarts(&sink, "b", TrackKind::Audio), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_beyond_the_limit_are_told_of() {
    let mut channel = RecordedChannel::start(Options {
        max_users: 1,
        ..Options::default()
    });
    let first = channel.captures.session("a/camera");
    channel.roster(&[("a", CAMERA), ("b", CAMERA)]).await;
    send(&first, Track::Audio, audio(), &audio().units[..10]).await;
    let status = channel.until(|status| !status.problems.is_empty()).await;
    assert_eq!(status.problems[0].code, ProblemCode::TooManyUsers);
    assert!(
        channel
            .captures
            .opened()
            .iter()
            .all(|(url, _)| url.starts_with("a/camera"))
    );
    channel.stop(Directive::Stop(EndCause::Stopped)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_is_full_goes_on_with_the_users_it_has_had() {
    let mut channel = RecordedChannel::start(Options {
        max_users_in_all: 1,
        ..Options::default()
    });
    let sink = channel.sink.clone();
    let first = channel.captures.session("a/camera");
    channel.roster(&[("a", CAMERA)]).await;
    send(&first, Track::Audio, audio(), &audio().units[..50]).await;
    first.send(StreamEvent::Ended(StreamEnd::Finished)).await.unwrap();
    channel.roster(&[]).await;
    eventually("a has left", || slices(&sink, "a", TrackKind::Audio).len() == 1).await;
    let second = channel.captures.session("a/camera");
    channel.roster(&[("b", CAMERA)]).await;
    let status = channel.until(|status| !status.problems.is_empty()).await;
    assert_eq!(status.problems[0].code, ProblemCode::TooManyUsers);
    channel.roster(&[("b", CAMERA), ("a", CAMERA)]).await;
    send(&second, Track::Audio, audio(), &audio().units[50..100]).await;
    let (_, sink, status) = channel.stop(Directive::Stop(EndCause::Stopped)).await;
    assert_eq!(recorded(&sink, "a", TrackKind::Audio), 100);
    assert_eq!(recorded(&sink, "b", TrackKind::Audio), 0);
    assert_eq!(status.problems.len(), 1, "{:?}", status.problems);
}

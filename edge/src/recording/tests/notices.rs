//! What is told of a recording: events for the customer, incidents for the operator.

use protocol::{
    EndCause, Fault, FileKind, Happening, Job, JobRequest, Occurrence, Phase, Problem, ProblemCode, Report,
    StorageKind, TrackKind, Vod, VodVideo,
};

use super::bench::*;
use super::listening::*;
use super::samples::*;
use crate::recording::{Command, Event, House, Input, Reply, Request, Standing, Start, What, Who};

fn problem(code: &str, at_ms: u64) -> Problem {
    Problem {
        fault: Fault::Destination,
        code: ProblemCode::from(code.to_owned()),
        message: code.to_owned(),
        at_ms,
    }
}

#[test]
fn the_life_of_a_recording_is_told_in_order() {
    let mut bench = Bench::started("s1", ticket("a"));
    let begun = |uid: &str| Happening::SliceStarted {
        uid: uid.to_owned(),
        track: TrackKind::Video,
        start_ms: T0,
        interrupted_ms: None,
    };
    bench.report("s1", "n1", 1, |report| {
        report.first_media_ms = Some(T0);
        report.occurrences.list = vec![Occurrence {
            number: 1,
            what: begun("7"),
        }];
    });
    bench.stop("s1", true);
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.cause = Some(EndCause::Stopped);
        report.files = vec![file("a", 2, 1)];
    });
    bench.report("s1", "n1", 1, |report| {
        ended(EndCause::Stopped)(report);
        report.files = vec![file("a", 2, 2)];
    });
    let cause = EndCause::Stopped;
    assert_eq!(
        bench.events("s1"),
        [
            Event::RecorderStarted,
            Event::UploaderStarted,
            Event::Happened(begun("7")),
            Event::RecorderLeft { cause },
            Event::Progress {
                uploaded: 2,
                recorded: 2
            },
            Event::Uploaded {
                files: vec![file("a", 2, 2)]
            },
            Event::Exited { cause, complete: true },
        ]
    );
    assert_eq!(bench.arrived("s1"), (0..7).collect::<Vec<_>>());
    let node = || "n1".to_owned();
    assert_eq!(
        bench.what("s1"),
        [
            What::Requested,
            What::Started { node: node(), epoch: 1 },
            What::MediaBegan { first_media_ms: T0 },
            What::StopOrdered {
                cause,
                by: Who::Operator
            },
            What::CaptureEnded { cause },
            What::Ended { cause },
        ]
    );
}

#[test]
fn without_media_nothing_is_uploaded_and_a_lost_node_is_an_error() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, ended(EndCause::Idle));
    let cause = EndCause::Idle;
    assert_eq!(
        bench.events("s1")[2..],
        [Event::RecorderLeft { cause }, Event::Exited { cause, complete: true }]
    );

    let mut bench = Bench::started("s1", ticket("a"));
    bench.pass(31 * MINUTE);
    let events = bench.events("s1");
    assert!(matches!(&events[2], Event::Problem(problem) if problem.code == ProblemCode::NodeLost));
    let cause = EndCause::NodeLost;
    assert_eq!(events[3..], [Event::Exited { cause, complete: false }]);
    let (node, what) = ("n1".to_owned(), bench.what("s1"));
    assert!(what.contains(&What::LeaseLost { node, epoch: 1 }), "{what:?}");

    // The node comes back, uploads what it has, and tells what happened before it was lost.
    bench.report("s1", "n1", 1, |report| {
        ended(EndCause::LeaseLost)(report);
        report.files = vec![file("a", 3, 3)];
        report.occurrences = log(1, 1..=1);
    });
    let events = bench.events("s1");
    assert!(
        matches!(&events[4..], [Event::Happened(_), Event::Progress { .. }, Event::Uploaded { files }] if files.len() == 1),
        "{events:?}"
    );
}

#[test]
fn what_happens_on_a_node_is_told_once_and_confirmed() {
    let mut bench = Bench::started("s1", ticket("a"));
    let confirmed = |through| Some(protocol::Confirmed { log: 1, through });
    assert_eq!(bench.happen(1..=3), confirmed(3));
    assert_eq!(bench.happen(2..=4), confirmed(4));
    bench.crash();
    assert_eq!(bench.happen(1..=2), confirmed(4), "a late report");
    let (desired, _) = bench.report("s1", "n2", 1, |report| report.occurrences = log(1, 1..=9));
    assert_eq!(
        desired.directive,
        protocol::Directive::Release,
        "a node that never had the recording"
    );
    // The same node on an empty disk.
    bench.report("s1", "n1", 1, |report| report.occurrences = log(2, 1..=1));
    let happened = [1, 2, 3, 4, 1].map(stream);
    assert_eq!(
        bench.receiver.logs["s1"].happenings(),
        happened.iter().collect::<Vec<_>>()
    );
}

#[test]
fn each_problem_is_told_once() {
    let mut bench = Bench::started("s1", ticket("a"));
    let mut tell = |problems: Vec<Problem>| {
        bench.report("s1", "n1", 1, |report| report.problems = problems);
        bench.crash();
    };
    tell(vec![problem("a", 1)]);
    tell(vec![problem("a", 1), problem("b", 1)]);
    tell(vec![problem("b", 1), problem("a", 2)]);
    let codes: Vec<_> = bench.events("s1")[2..]
        .iter()
        .map(|event| match event {
            Event::Problem(problem) => (problem.code.clone(), problem.at_ms),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        codes,
        [("a", 1), ("b", 1), ("a", 2)].map(|(code, at_ms)| (ProblemCode::from(code.to_owned()), at_ms))
    );
    assert_eq!(bench.what("s1").len(), 2 + 3);
}

#[test]
fn the_death_of_the_token_is_told_when_it_comes_before_the_end() {
    let starts = |token_expires_ms| {
        let mut bench = Bench::new();
        let start = Start {
            token_expires_ms,
            ..start("s1", ticket("a"))
        };
        bench.run_on(start, "n1");
        bench
    };
    let told = |bench: &Bench| bench.events("s1").contains(&Event::TokenExpired);
    let mut bench = starts(Some(T0 + 8_000));
    bench.pass(7_999);
    assert!(!told(&bench));
    bench.pass(1);
    assert!(told(&bench));
    bench.report("s1", "n1", 1, |_| {});
    bench.pass(10_000);
    let times = bench
        .events("s1")
        .iter()
        .filter(|event| **event == Event::TokenExpired)
        .count();
    assert_eq!(times, 1);

    let mut bench = starts(Some(T0 + HOUR));
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    bench.pass(2 * HOUR);
    assert!(!told(&bench));
    let mut bench = starts(None);
    bench.pass(MINUTE);
    assert!(!told(&bench));
}

#[test]
fn calls_that_do_not_fit_are_told_now_and_then() {
    let mut bench = Bench::started("s1", ticket("a"));
    let misfits = |bench: &Bench| {
        let events = bench.events("s1");
        events
            .iter()
            .filter(|event| matches!(event, Event::Misfit { .. }))
            .count()
    };
    for _ in 0..3 {
        bench.start("s9", ticket("a"));
    }
    assert_eq!(misfits(&bench), 1);
    bench.pass(9_000);
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.cause = Some(EndCause::Failed);
    });
    bench.pass(1_000);
    bench.stop("s1", true);
    assert_eq!(misfits(&bench), 2);
    bench.report("s1", "n1", 1, ended(EndCause::Failed));
    bench.pass(10_000);
    bench.stop("s1", true);
    assert_eq!(misfits(&bench), 2, "not after the end");
}

#[test]
fn progress_is_told_once_a_minute_and_not_while_it_waits() {
    let mut bench = Bench::started("s1", ticket("a"));
    let minutes = |bench: &mut Bench, count: u64| {
        for _ in 0..count * 12 {
            bench.pass(5_000);
            bench.report("s1", "n1", 1, |report| report.files = vec![file("a", 4, 3)]);
        }
    };
    let told = |bench: &Bench| {
        let events = bench.events("s1");
        events
            .iter()
            .filter(|event| {
                **event
                    == Event::Progress {
                        uploaded: 3,
                        recorded: 4,
                    }
            })
            .count()
    };
    minutes(&mut bench, 3);
    assert_eq!(told(&bench), 3);
    bench.deliveries = Some(Vec::new());
    minutes(&mut bench, 3);
    assert_eq!(told(&bench), 4);
}

#[test]
fn an_upload_to_a_video_on_demand_service_is_told() {
    let mut spec = spec();
    spec.storage.kind = StorageKind::AliyunVod;
    let mut bench = Bench::new();
    bench.start_spec_on("s1", ticket("a"), spec, "n1");
    let vod = |ids: &'static [&str], complete| {
        move |report: &mut Report| {
            let videos = ids.iter().map(|id| VodVideo {
                name: format!("{id}.m3u8"),
                video_id: (*id).to_owned(),
            });
            report.vod = Some(Vod {
                videos: videos.collect(),
                complete,
            })
        }
    };
    assert_eq!(bench.view("s1").vod, Some(Vod::default()));
    bench.report("s1", "n1", 1, vod(&[], false));
    bench.report("s1", "n1", 1, vod(&["v"], false));
    bench.report("s1", "n1", 1, |_| {});
    bench.report("s1", "n1", 1, vod(&["v", "w"], true));
    bench.report("s1", "n1", 1, vod(&["w"], true));
    let started = |id: &str| Event::VodStarted { video_id: id.into() };
    assert_eq!(
        bench.events("s1")[2..],
        [started("v"), started("w"), Event::VodCompleted]
    );
    let vod = bench.view("s1").vod.unwrap();
    assert_eq!((vod.videos.len(), vod.complete), (2, true));
}

#[test]
fn the_next_node_goes_on_with_the_videos() {
    let mut spec = spec();
    spec.storage.kind = StorageKind::AliyunVod;
    let mut bench = Bench::new();
    bench.start_spec_on("s1", ticket("a"), spec, "n1");
    let video = VodVideo {
        name: "a.m3u8".to_owned(),
        video_id: "v".to_owned(),
    };
    let told = vec![video.clone()];
    bench.report("s1", "n1", 1, |report| {
        report.vod = Some(Vod {
            videos: told,
            complete: false,
        });
    });
    let request = JobRequest {
        node_id: "n1".to_owned(),
        recorder: key(),
        sid: "s1".to_owned(),
        epoch: 1,
    };
    let (_, reply, _) = bench.ask(Request::Job { request, line: None });
    let Some(Reply::Job(Ok(job))) = reply else {
        panic!("{reply:?}")
    };
    let job: Job = serde_json::from_str(job.as_str()).unwrap();
    assert_eq!(job.assignment.videos, [video]);
}

#[test]
fn a_recording_to_a_bucket_has_no_videos() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| report.vod = Some(Vod::default()));
    assert_eq!(bench.view("s1").vod, None);
}

#[test]
fn a_start_that_no_node_takes_leaves_nothing() {
    let mut bench = Bench::new();
    let (_, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    let node = Err("none".to_owned());
    bench.step(Input::Placed {
        sid: "s1".to_owned(),
        epoch,
        node,
    });
    assert!(bench.state.is_empty() && bench.receiver.logs.is_empty());
}

#[test]
fn a_backup_that_takes_over_and_gives_back_is_told() {
    let mut bench = Bench::started("s1", ticket("a"));
    let backed_up = |files, complete| Some(protocol::BackedUp { files, complete });
    bench.report("s1", "n1", 1, |report| report.backed_up = backed_up(1, true));
    assert!(
        !bench
            .events("s1")
            .iter()
            .any(|event| matches!(event, Event::BackedUp { .. }))
    );
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.files = vec![file("a", 2, 0)];
        report.backed_up = backed_up(2, false);
    });
    for _ in 0..2 {
        bench.report("s1", "n1", 1, |report| {
            report.phase = Phase::Draining;
            report.backed_up = backed_up(2, true);
        });
    }
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Ended;
        report.files = vec![file("a", 2, 2)];
    });
    let events = bench.events("s1");
    let place = |wanted: fn(&Event) -> bool| {
        let places: Vec<_> = events.iter().enumerate().filter(|(_, event)| wanted(event)).collect();
        assert_eq!(places.len(), 1, "{events:?}");
        places[0].0
    };
    let backed_up = place(|event| matches!(event, Event::BackedUp { files } if files.len() == 1));
    let uploaded = place(|event| matches!(event, Event::Uploaded { .. }));
    assert!(backed_up < uploaded, "{events:?}");
    let what = bench.what("s1");
    let took_over = what.iter().position(|what| *what == What::BackupTookOver);
    let emptied = what.iter().position(|what| *what == What::BackupEmptied);
    assert!(took_over.is_some() && took_over < emptied, "{what:?}");
}

#[test]
fn each_file_of_a_recording_in_the_apps_own_store_is_told_once_all_are_there() {
    let house = House {
        store: "store".into(),
        kept_ms: Some(1),
        label: "a label".into(),
    };
    let mut bench = Bench::new();
    let start = Start {
        house: Some(house.clone()),
        ..start("s1", ticket("a"))
    };
    bench.run_on(start, "n1");
    assert_eq!(bench.view("s1").house, Some(house.clone()));
    let files = vec![file("a.m3u8", 2, 2), file("a.mp4", 1, 1)];
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.files = files.clone();
    });
    let told = |bench: &mut Bench| {
        let ready = bench.events("s1").into_iter().filter_map(|event| match event {
            Event::FileReady { file, house } => Some((file.name, *house)),
            _ => None,
        });
        ready.collect::<Vec<_>>()
    };
    assert_eq!(told(&mut bench), []);
    for _ in 0..2 {
        bench.report("s1", "n1", 1, |report| {
            ended(EndCause::Idle)(report);
            report.files = files.clone();
        });
        assert_eq!(
            told(&mut bench),
            [
                ("a.m3u8".to_owned(), house.clone()),
                ("a.mp4".to_owned(), house.clone())
            ]
        );
    }
}

#[test]
fn each_standing_of_a_recording_in_the_apps_own_store_is_told_once_and_in_order() {
    let mut bench = Bench::new();
    let begins = Start {
        house: Some(House::default()),
        ..start("s1", ticket("a"))
    };
    bench.run_on(begins, "n1");
    let media = |report: &mut Report| report.first_media_ms = Some(T0);
    for _ in 0..2 {
        bench.report("s1", "n1", 1, media);
    }
    bench.call(Command::Pause(target("s1", Some("a"))));
    bench.crash();
    bench.report("s1", "n1", 1, media);
    bench.call(Command::Resume(target("s1", Some("a"))));
    bench.stop("s1", true);
    bench.report("s1", "n1", 1, |report| {
        media(report);
        report.phase = Phase::Draining;
        report.files = vec![file("a.mp4", 0, 0)];
        report.files[0].kind = FileKind::Mp4;
    });
    for uploaded in [0, 1] {
        bench.report("s1", "n1", 1, |report| {
            media(report);
            report.phase = Phase::Draining;
            report.files = vec![file("a.mp4", 1, uploaded)];
        });
    }
    bench.report("s1", "n1", 1, |report| {
        media(report);
        ended(EndCause::Stopped)(report);
    });
    let standings = bench.events("s1").into_iter().filter_map(|event| match event {
        Event::Stands { view } => Some(view.standing),
        _ => None,
    });
    assert_eq!(
        standings.collect::<Vec<_>>(),
        [
            Standing::Waiting,
            Standing::Capturing,
            Standing::Paused,
            Standing::Capturing,
            Standing::Closing,
            Standing::Finishing,
            Standing::Uploading,
            Standing::Done,
        ]
    );

    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, media);
    let is_told = |event: &Event| matches!(event, Event::Stands { .. });
    assert!(
        !bench.events("s1").iter().any(is_told),
        "the customer has no use for it"
    );
}

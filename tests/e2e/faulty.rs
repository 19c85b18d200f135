//! What devices and networks do wrong, each by a user of its own: it costs no more than it has to, for each user and in the mix.

use futures_util::future::join_all;
use protocol::ProblemCode;
use protocol::TrackKind::{Audio, Video};
use serde_json::json;
use tapedeck_tests::faulty::{Clip, Fault, Faulty, STALL, Sent};
use tapedeck_tests::heard::Sound;
use tapedeck_tests::mixed::{Colour, Mixed, pictures};
use tapedeck_tests::publisher::Transport;
use tapedeck_tests::recorded::{Recording, Track};
use tapedeck_tests::stack::Stack;

use crate::composed::{counters, verdict};
use crate::steps::{self, record_for};

const FAULTS: [Fault; 14] = [
    Fault::MarkedSlices,
    Fault::Reports,
    Fault::Padding,
    Fault::ChangingSets,
    Fault::EarlySets,
    Fault::Description,
    Fault::Sources,
    Fault::StrayPictures,
    Fault::StraySounds,
    Fault::JitteringSounds,
    Fault::Twice,
    Fault::Overtaken,
    Fault::Stall,
    Fault::Lost,
];

const COLOURS: [(&str, Colour); 6] = [
    ("0xff0000", Colour::Red),
    ("0x00ff00", Colour::Green),
    ("0x0000ff", Colour::Blue),
    ("0xffff00", Colour::Yellow),
    ("0xff00ff", Colour::Magenta),
    ("0x00ffff", Colour::Cyan),
];

/// For how long they publish, in seconds.
const SECONDS: u64 = 20;
/// The length of the pieces in which sound is looked at, in seconds.
const WINDOW: f64 = 0.1;
/// Half as loud as other publishers are.
const PRESENT: f64 = 0.03;
/// Pictures, and frames of sound, that a user's recording may lack: the recorder comes to it a little later.
const SLACK: usize = 5;
/// A picture is predicted from those since the last key frame.
const GROUP: usize = 15;

fn uid(number: usize) -> String {
    (101 + number).to_string()
}

fn tone(number: usize) -> u32 {
    300 + 150 * number as u32
}

pub(crate) async fn each_fault_costs_no_more_than_it_has_to(stack: &Stack) {
    publish_all(stack, "faulty", [Transport::Tcp, Transport::Udp]).await;
    if steps::is_soak() {
        publish_all(stack, "faultyother", [Transport::Udp, Transport::Tcp]).await;
    }
}

/// Users with even and odd numbers come by one transport each.
async fn publish_all(stack: &Stack, cname: &str, transports: [Transport; 2]) {
    let dir = tempfile::tempdir().expect("a directory");
    let clips = join_all(FAULTS.iter().enumerate().map(async |(number, fault)| {
        let (colour, _) = COLOURS[number % COLOURS.len()];
        let make = async |coding| Clip::make(dir.path(), colour, tone(number), coding, 2 * SECONDS as u32).await;
        match fault {
            Fault::MarkedSlices => make(":slices=4").await,
            Fault::ChangingSets => make(" -level 3.0").await.alternating_with(make(" -level 3.1").await),
            _ => make("").await,
        }
    }))
    .await;
    let customer = stack.customer();
    let individual = customer.record(cname, |_| {}).await;
    let mix = customer
        .record_as("9001", &format!("{cname}mix"), "mix", cname, |request| {
            let picture = json!({ "width": 320, "height": 180, "fps": 15, "bitrate": 300, "mixedVideoLayout": 1 });
            steps::mix_to(request, picture);
        })
        .await;
    let users = clips
        .into_iter()
        .zip(FAULTS)
        .enumerate()
        .map(|(number, (clip, fault))| {
            Faulty::publish(
                &stack.publish_url(cname, &uid(number)),
                clip,
                transports[number % 2],
                fault,
            )
        });
    let users: Vec<_> = users.collect();
    steps::await_playlists(&customer, &individual, 2 * FAULTS.len()).await;
    record_for(SECONDS).await;
    let sent = join_all(users.into_iter().map(Faulty::end)).await;
    let counted = counters(stack, &mix).await;
    let problems = stack.report(&individual.sid).await.expect("a report").problems;
    customer.stop(&mix).await.expect(200);
    steps::stop(&customer, &individual).await;

    let recording = Recording::fetch(&stack.bucket(), &individual).await;
    // FFmpeg says of frames of sound that overlap what it says of broken files.
    let jittering = FAULTS
        .iter()
        .position(|fault| *fault == Fault::JitteringSounds)
        .map(uid);
    let is_even = |track: &&Track| track.name.kind != Audio || Some(&track.name.uid) != jittering.as_ref();
    join_all(recording.tracks.iter().filter(is_even).map(Track::check)).await;
    let mut faults = Vec::new();
    for (number, (fault, sent)) in FAULTS.into_iter().zip(sent).enumerate() {
        let uid = uid(number);
        let told = problems
            .iter()
            .filter(|problem| problem.message.contains(&format!("user {uid}")));
        let told: Vec<_> = told.map(|problem| problem.code.clone()).collect();
        let (video, audio) = (recording.track(&uid, Video), recording.track(&uid, Audio));
        let wrong = [
            in_pictures(video, fault, sent),
            in_sound(audio, fault, sent),
            in_what_is_told(&told, fault),
        ];
        faults.extend(wrong.concat().into_iter().map(|wrong| format!("{fault:?}: {wrong}")));
    }
    let verdict = verdict(&counted);
    assert!(faults.is_empty(), "{faults:#?}\n{verdict}");

    let mixed = Mixed::fetch(&stack.bucket(), &mix).await;
    mixed.check().await;
    let sound = Sound::read(&mixed.file).await;
    // Each piece that is missing makes two windows faint at most.
    let allowed = 2 * (counted.samples_missing as f64 / 48_000.0 / WINDOW).ceil() as usize;
    let faults = FAULTS.into_iter().enumerate();
    let faults: Vec<_> = faults
        .filter_map(|(number, fault)| {
            in_the_mix(&sound, tone(number), fault, allowed).map(|wrong| format!("{fault:?}: {wrong}"))
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}\n{verdict}");
    check_colours(&mixed, &verdict).await;
}

fn in_pictures(track: &Track, fault: Fault, sent: Sent) -> Vec<String> {
    let mut wrong = Vec::new();
    let (pictures, allowed) = (count(track), sent.lost * GROUP + SLACK);
    if pictures + allowed < sent.pictures || pictures > sent.pictures {
        wrong.push(format!("{pictures} pictures of {sent:?}"));
    }
    if track.breaks() > sent.lost {
        wrong.push(format!("{} discontinuities", track.breaks()));
    }
    wrong.extend(wrong_step(track, fault));
    wrong
}

fn in_sound(track: &Track, fault: Fault, sent: Sent) -> Vec<String> {
    let mut wrong = Vec::new();
    let sounds = count(track);
    if sounds + SLACK < sent.sounds || sounds > sent.sounds {
        wrong.push(format!("{sounds} frames of sound of {sent:?}"));
    }
    if track.breaks() > 0 {
        wrong.push(format!("{} discontinuities in the sound", track.breaks()));
    }
    wrong.extend(wrong_step(track, fault));
    wrong
}

fn count(track: &Track) -> usize {
    track.slices.iter().map(|slice| slice.packets.len()).sum()
}

/// The longest time from one frame to the next, if it is not what the fault explains.
fn wrong_step(track: &Track, fault: Fault) -> Option<String> {
    let longest = track.steps().into_iter().fold(0.0, f64::max);
    let hole = match fault {
        Fault::Stall => STALL.as_secs_f64(),
        _ => 0.0,
    };
    let is_right = (hole..hole + 0.25).contains(&longest) || fault == Fault::Lost;
    (!is_right).then(|| format!("{}: {longest:.3} s from one frame to the next", track.file_name()))
}

fn in_what_is_told(told: &[ProblemCode], fault: Fault) -> Vec<String> {
    let expected = match fault {
        Fault::Lost => Some(ProblemCode::PacketsLost),
        Fault::Stall => Some(ProblemCode::SourceClock),
        _ => None,
    };
    // A machine that is busy makes any publisher late.
    let other = told
        .iter()
        .find(|code| **code != ProblemCode::SourceClock && Some(*code) != expected.as_ref());
    let missing = expected.filter(|code| !told.contains(code));
    let wrong = other.map(|code| format!("{code} is told")).into_iter();
    wrong.chain(missing.map(|code| format!("{code} is not told"))).collect()
}

/// Whether a tone is heard from its beginning to its end but for so many windows, and what a stall takes.
fn in_the_mix(sound: &Sound, tone: u32, fault: Fault, allowed: usize) -> Option<String> {
    let windows = (sound.duration() / WINDOW) as usize;
    let heard: Vec<usize> = (0..windows)
        .filter(|window| {
            // A mix brings what came late back by as much as half a per cent of its speed.
            let near = tone / 200;
            let mut pitches = (tone - near..=tone + near).step_by(4);
            pitches.any(|pitch| sound.level(*window as f64 * WINDOW, WINDOW, pitch) >= PRESENT)
        })
        .collect();
    let (Some(first), Some(last)) = (heard.first(), heard.last()) else {
        return Some("it is not heard in the mix".to_owned());
    };
    let (long, faint) = (last - first + 1, last - first + 1 - heard.len());
    let hole = match fault {
        Fault::Stall => (STALL.as_secs_f64() / WINDOW) as usize + 4,
        _ => 1,
    };
    let whole = (SECONDS as f64 / WINDOW) as usize;
    (long + hole < whole || faint > allowed + hole)
        .then(|| format!("of {long} windows of the mix {faint} are faint, and {allowed} may be"))
}

/// Behind all faults each user is there in its colour.
async fn check_colours(mixed: &Mixed, verdict: &str) {
    let pictures = pictures(&mixed.file, 1).await;
    let places = (0..16).map(|cell| (f64::from(cell % 4) / 4.0 + 0.125, f64::from(cell / 4) / 4.0 + 0.125));
    let places: Vec<_> = places.collect();
    let expected = |colour| {
        (0..FAULTS.len())
            .filter(|number| COLOURS[number % COLOURS.len()].1 == colour)
            .count()
    };
    let shows_all = |picture: &tapedeck_tests::mixed::Picture| {
        let seen: Vec<_> = places.iter().map(|place| picture.at(*place)).collect();
        COLOURS
            .iter()
            .all(|(_, colour)| seen.iter().filter(|seen| *seen == colour).count() == expected(*colour))
    };
    let whole = pictures.iter().filter(|picture| shows_all(picture)).count();
    assert!(
        whole as u64 + 4 >= SECONDS,
        "{whole} pictures show all users: {verdict}"
    );
}

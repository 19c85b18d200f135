//! What is seen and heard in mixed recordings of live channels.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use protocol::{MixCounters, Phase};
use serde_json::{Value, json};
use tapedeck_tests::customer::{Customer, Task};
use tapedeck_tests::heard::{ABSENT, PRESENT, Sound};
use tapedeck_tests::mixed::{Colour, Mixed, Picture, pictures};
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::sync::{flashes_in, offsets};
use tapedeck_tests::{probe, wait};

use crate::steps::{self, CAPTURE_LIMIT, now_ms, record_for};

/// How long after the answer to a call or a join what it changes is in the recording, in milliseconds.
const SETTLED_MS: i64 = 2_000;

/// Waits until the mix has so many pictures since its present process began.
pub(crate) async fn await_frames(stack: &Stack, task: &Task, frames: u64) -> MixCounters {
    wait::until(
        &format!("{frames} pictures of {}", task.sid),
        CAPTURE_LIMIT,
        async || {
            let report = stack.report(&task.sid).await?;
            report
                .mix
                .filter(|mix| report.phase == Phase::Recording && mix.frames >= frames)
        },
    )
    .await
}

pub(crate) async fn counters(stack: &Stack, task: &Task) -> MixCounters {
    let report = stack.report(&task.sid).await.expect("the node knows the recording");
    report.mix.expect("counters of a mix")
}

/// What a failure has to be read with: on a machine that is too slow pictures and sound are missing by design.
pub(crate) fn verdict(mix: &MixCounters) -> String {
    if mix.frames_shed > 0 {
        format!("THE MACHINE WAS TOO SLOW, which may be all that is wrong here: {mix:?}")
    } else {
        format!("the node kept up: {mix:?}")
    }
}

async fn change(customer: &Customer, task: &Task, call: &str, client_request: Value) {
    let body = json!({ "cname": task.cname, "uid": task.uid, "clientRequest": client_request });
    customer.post(&task.path(call), &body).await.expect(200);
}

/// Five users, in the order of their uids.
const USERS: [(&str, &str, u32); 5] = [
    ("1", "0xff0000", 400),
    ("2", "0x00ff00", 700),
    ("3", "0x0000ff", 1100),
    ("4", "0xffffff", 1600),
    ("5", "0xffff00", 2300),
];

const FPS: u32 = 15;

/// The length of the pieces in which sound is looked at, in seconds.
const WINDOW: f64 = 0.1;

/// What is seen and heard for a while, in Unix milliseconds.
struct Stretch {
    name: &'static str,
    from_ms: i64,
    to_ms: i64,
    /// At fractions of the picture's width and height.
    seen: &'static [((f64, f64), Colour)],
    heard: &'static [u32],
}

/// The course of a recording that is under way.
struct Course {
    stretches: Vec<Stretch>,
    since_ms: i64,
}

impl Course {
    /// What has changed before this is answered; it is looked for from the time when it has settled.
    fn changed(&mut self) {
        self.since_ms = now_ms() + SETTLED_MS;
    }

    /// Lets what was changed last stay for some seconds.
    async fn lasts(
        &mut self,
        name: &'static str,
        seconds: u64,
        seen: &'static [((f64, f64), Colour)],
        heard: &'static [u32],
    ) {
        record_for(seconds + SETTLED_MS as u64 / 1000).await;
        self.stretches.push(Stretch {
            name,
            from_ms: self.since_ms,
            to_ms: now_ms(),
            seen,
            heard,
        });
    }

    /// What is not as it should be in a file that begins at a time, when so much of the users' sound did not come.
    async fn faults(&self, file: &Path, start_ms: i64, missing: Duration) -> Vec<String> {
        let pictures = pictures(file, FPS).await;
        let sound = Sound::read(file).await;
        let mut faults = Vec::new();
        let mut faint = 0;
        for stretch in &self.stretches {
            let seconds = |ms: i64| (ms - start_ms) as f64 / 1000.0;
            let (from, to) = (seconds(stretch.from_ms), seconds(stretch.to_ms));
            faults.extend(stretch.wrong_pictures(&pictures, from, to));
            let windows = ((to - from) / WINDOW) as usize;
            for at in (0..windows).map(|window| from + window as f64 * WINDOW) {
                for (.., tone) in USERS {
                    let (level, wanted) = (sound.level(at, WINDOW, tone), stretch.heard.contains(&tone));
                    faint += usize::from(wanted && level < PRESENT);
                    if !wanted && level > ABSENT {
                        faults.push(format!("{}: {tone} Hz at {at:.1} s, level {level:.3}", stretch.name));
                    }
                }
            }
            println!("{}: {:.1} s, {windows} windows of sound", stretch.name, to - from);
        }
        // Each piece that is missing makes two windows faint at most.
        let allowed = 2 * (missing.as_secs_f64() / WINDOW).ceil() as usize;
        if faint > allowed {
            faults.push(format!(
                "tones are faint in {faint} windows; by the counters, in {allowed} at most"
            ));
        }
        faults
    }
}

impl Stretch {
    fn wrong_pictures(&self, pictures: &[Picture], from: f64, to: f64) -> Option<String> {
        let range = (from * f64::from(FPS)).ceil() as usize..(to * f64::from(FPS)) as usize;
        let own = pictures.get(range.clone()).filter(|own| !own.is_empty());
        let Some(own) = own else {
            return Some(format!("{}: pictures {range:?} of {}", self.name, pictures.len()));
        };
        let seen = |picture: &Picture| self.seen.iter().map(|(at, _)| picture.at(*at)).collect::<Vec<_>>();
        let wanted: Vec<_> = self.seen.iter().map(|(_, colour)| *colour).collect();
        let wrong: Vec<_> = own.iter().map(seen).filter(|seen| *seen != wanted).collect();
        let first = wrong.first()?;
        Some(format!(
            "{}: {} of {} pictures are wrong, as {first:?}",
            self.name,
            wrong.len(),
            own.len()
        ))
    }
}

pub(crate) async fn each_user_is_where_and_when_the_calls_say(stack: &Stack) {
    use Colour::{Black, Blue, Cyan, Green, Red, White, Yellow};
    let (customer, cname) = (stack.customer(), "mixed");
    let join = async |number: usize| {
        let (uid, colour, tone) = USERS[number];
        let media = Media::plain_and_tone(colour, tone);
        let user = Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, Transport::Tcp, stack.logs());
        wait::until(&format!("user {uid} has joined"), CAPTURE_LIMIT, async || {
            let roster = stack.roster(cname).await;
            roster.users.iter().any(|user| user.uid == uid).then_some(())
        })
        .await;
        user
    };
    let mut users = Vec::new();
    for number in 0..3 {
        users.push(join(number).await);
    }
    let task = customer
        .record_in("mix", cname, |request| {
            request["recordingConfig"]["transcodingConfig"] = json!({
                "width": 640, "height": 360, "fps": 15, "bitrate": 500, "mixedVideoLayout": 1,
            });
            request["recordingFileConfig"]["avFileType"] = json!(["hls", "mp4"]);
        })
        .await;
    await_frames(stack, &task, 15).await;
    let mut course = Course {
        stretches: Vec::new(),
        since_ms: 0,
    };
    const TOP: [(f64, f64); 2] = [(0.25, 0.25), (0.75, 0.25)];
    const BOTTOM: [(f64, f64); 2] = [(0.25, 0.75), (0.75, 0.75)];
    course.changed();
    let quarters = &[(TOP[0], Red), (TOP[1], Green), (BOTTOM[0], Blue), (BOTTOM[1], Black)];
    course.lasts("three users", 3, quarters, &[400, 700, 1100]).await;
    for number in 3..5 {
        users.push(join(number).await);
    }
    course.changed();
    let nine = &[
        ((0.1, 0.1), Red),
        ((0.5, 0.1), Green),
        ((0.9, 0.1), Blue),
        ((0.1, 0.5), White),
        ((0.5, 0.5), Yellow),
        ((0.9, 0.5), Black),
        ((0.5, 0.9), Black),
    ];
    course.lasts("five users", 3, nine, &[400, 700, 1100, 1600, 2300]).await;
    users.remove(1).leave().await;
    course.changed();
    let without = &[(TOP[0], Red), (TOP[1], Blue), (BOTTOM[0], White), (BOTTOM[1], Yellow)];
    course
        .lasts("user 2 has left", 3, without, &[400, 1100, 1600, 2300])
        .await;
    let vertical = json!({ "mixedVideoLayout": 2, "maxResolutionUid": "5", "backgroundColor": "#00ffff" });
    change(&customer, &task, "updateLayout", vertical).await;
    course.changed();
    let vertical = &[
        ((0.4, 0.5), Yellow),
        ((0.4, 0.04), Black),
        ((0.9, 0.12), Red),
        ((0.9, 0.37), Blue),
        ((0.9, 0.62), White),
        ((0.9, 0.87), Cyan),
    ];
    course
        .lasts("another layout", 3, vertical, &[400, 1100, 1600, 2300])
        .await;
    let lists = json!({ "streamSubscribe": {
        "audioUidList": { "subscribeAudioUids": ["4"] },
        "videoUidList": { "unSubscribeVideoUids": ["3"] },
    }});
    change(&customer, &task, "update", lists).await;
    course.changed();
    let fewer = &[
        ((0.4, 0.5), Yellow),
        ((0.9, 0.12), Red),
        ((0.9, 0.37), White),
        ((0.9, 0.62), Cyan),
    ];
    course.lasts("other subscriptions", 3, fewer, &[1600]).await;
    users.iter_mut().for_each(Publisher::assert_alive);
    let query = customer.query(&task).await.expect(200).body["serverResponse"].clone();
    let mix = counters(stack, &task).await;
    let files = steps::stop(&customer, &task).await;

    let (stem, prefix) = (format!("{}_{cname}", task.sid), &task.prefix);
    let names = [format!("{prefix}{stem}_0.mp4"), format!("{prefix}{stem}.m3u8")];
    for list in [&files, query["fileList"].as_array().expect("a list")] {
        assert_eq!(
            list.iter().map(|file| &file["fileName"]).collect::<Vec<_>>(),
            [&names[0], &names[1]]
        );
        assert!(list.iter().all(|file| file["fileName"] == file["filename"]));
    }
    assert_eq!(query["fileListMode"], "json");
    let mixed = Mixed::fetch(&stack.bucket(), &task).await;
    mixed.check().await;
    let starts_ms: Vec<_> = files
        .iter()
        .map(|file| file["sliceStartTime"].as_i64().expect("a time"))
        .collect();
    assert_eq!(starts_ms, [mixed.slices[0].0; 2]);
    let missing = Duration::from_secs_f64(mix.samples_missing as f64 / 48_000.0);
    for (file, start_ms) in [&mixed.mp4[0], &mixed.file].into_iter().zip(starts_ms) {
        let faults = course.faults(file, start_ms, missing).await;
        assert!(faults.is_empty(), "{}: {faults:#?}\n{}", file.display(), verdict(&mix));
    }
}

pub(crate) async fn flash_and_beep_keep_together_in_a_mix(stack: &Stack) {
    let seconds = if steps::is_soak() { 600 } else { 20 };
    let (customer, cname) = (stack.customer(), "mixedflashes");
    let opus = Media::flash_and_opus_beep().beeping_at(3000);
    let dir = tempfile::tempdir().expect("a directory");
    let file = steps::make_file(dir.path(), "opus.mkv", &opus.file_options(seconds + 60)).await;
    let url = |uid| stack.publish_url(cname, uid);
    let fast = Media::flash_and_beep().beeping_at(1000).paced(1.0002);
    let slow = Media::flash_and_beep().beeping_at(2000).in_opus().paced(0.9998);
    let mut users = Vec::new();
    for (number, join) in [
        &(|| Publisher::ffmpeg(&url("1"), &fast, Transport::Tcp, stack.logs())) as &dyn Fn() -> Publisher,
        &|| Publisher::ffmpeg(&url("2"), &slow, Transport::Udp, stack.logs()),
        &|| Publisher::gstreamer_file(&url("3"), &file, Transport::Tcp, stack.logs()),
    ]
    .into_iter()
    .enumerate()
    {
        users.push(join());
        wait::until("one more user", CAPTURE_LIMIT, async || {
            (stack.roster(cname).await.users.len() > number).then_some(())
        })
        .await;
    }
    let task = customer
        .record_in("mix", cname, |request| {
            request["recordingConfig"]["transcodingConfig"] = json!({
                "width": 640, "height": 360, "fps": 30, "bitrate": 500, "mixedVideoLayout": 1,
            });
        })
        .await;
    await_frames(stack, &task, 30).await;
    record_for(seconds).await;
    users.iter_mut().for_each(Publisher::assert_alive);
    let verdict = verdict(&counters(stack, &task).await);
    customer.stop(&task).await.expect(200);
    let mixed = Mixed::fetch(&stack.bucket(), &task).await;
    mixed.check().await;
    let tracks = probe::starts(&mixed.slices[0].1).await;
    let sound = Sound::read(&mixed.file).await;
    for (number, what) in ["AAC, fast clock", "Opus by UDP, slow clock", "Opus by GStreamer"]
        .into_iter()
        .enumerate()
    {
        // The middle of the user's quarter.
        let (x, y) = (80 + number % 2 * 320, 45 + number / 2 * 180);
        let part = format!("crop=160:90:{x}:{y}");
        let flashes = flashes_in(&mixed.file, &part).await;
        let beeps: Vec<_> = sound
            .onsets(1000 * (number as u32 + 1))
            .into_iter()
            .map(|beep| beep + tracks.audio)
            .collect();
        let mut apart = offsets(&flashes, &beeps);
        assert!(
            apart.len() as u64 + 3 >= seconds,
            "{what}: {} flashes, {} beeps in {seconds} s\n{verdict}",
            flashes.len(),
            beeps.len()
        );
        apart.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let (usual, worst) = (apart[apart.len() * 95 / 100], apart[apart.len() - 1]);
        println!(
            "{what}: {} events, beep behind flash by {:.0} ms (95 %), {:.0} ms at most",
            apart.len(),
            usual * 1000.0,
            worst * 1000.0
        );
        assert!(usual.abs() <= 0.080, "{what}: {apart:?}\n{verdict}");
    }
}

pub(crate) async fn the_low_stream_is_mixed_where_it_is_asked_for(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "mixedlow");
    let _streams = [("1", "0xff0000"), ("1/low", "0x00ff00")].map(|(path, colour)| {
        let media = Media::plain_and_tone(colour, 440);
        Publisher::ffmpeg(&stack.publish_url(cname, path), &media, Transport::Tcp, stack.logs())
    });
    wait::until("both streams", CAPTURE_LIMIT, async || {
        let roster = stack.roster(cname).await;
        roster.users.first().filter(|user| user.streams.len() == 2).map(drop)
    })
    .await;
    let recordings = [(0, Colour::Red), (1, Colour::Green)].map(async |(quality, colour)| {
        let prefix = format!("{cname}{quality}");
        let uid = (9000 + quality).to_string();
        let task = customer
            .record_as(&uid, &prefix, "mix", cname, |request| {
                let config = &mut request["recordingConfig"];
                config["videoStreamType"] = json!(quality);
                config["transcodingConfig"] = json!({ "width": 320, "height": 180, "mixedVideoLayout": 1 });
            })
            .await;
        await_frames(stack, &task, 60).await;
        customer.stop(&task).await.expect(200);
        let mixed = Mixed::fetch(&stack.bucket(), &task).await;
        mixed.check().await;
        let seen: Vec<_> = pictures(&mixed.file, 15)
            .await
            .iter()
            .map(|picture| picture.at((0.5, 0.5)))
            .collect();
        // The mix begins with the first sound; a key frame of the stream comes within a second.
        let (_, after) = seen.split_at(30.min(seen.len()));
        assert!(
            after.len() >= 25 && after.iter().all(|seen| *seen == colour),
            "{quality}: {seen:?}"
        );
    });
    join_all(recordings).await;
}

//! A feeder that is fed in virtual time, and a spool for what it makes.

use protocol::{Layout, StreamName, StreamTypes};

use super::feeder::{Feeder, Made, MixSpec, Present, Wishes};
use crate::media::Picture;
use crate::mix::testing::{Timed, aac_format, everybody, scene, settings};
use crate::mix::{MixOptions, Output};
pub(super) use crate::record::testing::open_spool;
use crate::stream::{Format, H264Format, StreamEvent, Track};

pub fn wishes(present: &[&str]) -> Wishes {
    Wishes {
        paused: false,
        scene: scene(Layout::BestFit),
        subscription: everybody(),
        present: present.iter().map(|uid| there(uid)).collect(),
    }
}

pub fn there(uid: &str) -> Present {
    Present {
        uid: uid.to_owned(),
        ..Present::default()
    }
}

pub fn spec() -> MixSpec {
    let settings = settings(320, 180, 15);
    MixSpec {
        epoch_ms: 0,
        output: settings.output,
        types: StreamTypes::Both,
        options: MixOptions {
            jitter_us: settings.jitter_us,
            video_encoder: settings.video_encoder,
            audio_encoder: settings.audio_encoder,
            workers: 1,
            ..MixOptions::default()
        },
        mp3: false,
        split_us: None,
    }
}

pub fn h264() -> Format {
    Format::H264(H264Format {
        sps: Default::default(),
        pps: Default::default(),
        width: 160,
        height: 90,
        reorder_depth: 0,
    })
}

/// What happens to a feeder at a time.
pub enum Step {
    Wish(Wishes),
    Event(&'static str, StreamName, StreamEvent),
    Image(&'static str, Picture),
}

#[derive(Default)]
pub struct Script(Vec<(i64, Step)>);

impl Script {
    pub fn at(&mut self, at_us: i64, step: Step) {
        self.0.push((at_us, step));
    }

    /// A stream of a user with the formats of its tracks in front.
    pub fn stream(&mut self, uid: &'static str, stream: StreamName, units: Timed) {
        let mut begun = [false; 2];
        for (track, unit) in units {
            let at_us = unit.dts_us;
            if !std::mem::replace(&mut begun[track as usize], true) {
                let format = if track == Track::Video { h264() } else { aac_format() };
                self.at(at_us, Step::Event(uid, stream, StreamEvent::Format(track, format)));
            }
            self.at(at_us, Step::Event(uid, stream, StreamEvent::Unit(track, unit)));
        }
    }

    /// Plays it in steps of 20 ms up to `end_us`.
    pub fn play(mut self, feeder: &mut Feeder, end_us: i64) -> Vec<Made> {
        self.0.sort_by_key(|(at_us, _)| *at_us);
        let mut steps = self.0.into_iter().peekable();
        let mut made = Vec::new();
        for now_us in (0..end_us).step_by(20_000) {
            while let Some((_, step)) = steps.next_if(|(at_us, _)| *at_us <= now_us) {
                match step {
                    Step::Wish(wishes) => feeder.follow(wishes, now_us, &mut |out| made.push(out)),
                    Step::Event(uid, stream, event) => {
                        if let Err(error) = feeder.event(uid, stream, event, now_us) {
                            feeder.fail(error, now_us, &mut |out| made.push(out));
                        }
                    }
                    Step::Image(url, picture) => feeder.image(url.into(), picture, now_us),
                }
            }
            feeder.advance(now_us, &mut |out| made.push(out));
        }
        feeder.end(end_us, &mut |out| made.push(out));
        made
    }
}

/// The units of each mix.
pub fn mixes(made: Vec<Made>) -> Vec<Vec<Output>> {
    let mut mixes = Vec::new();
    for made in made {
        match made {
            Made::Begin(tracks) => {
                assert_eq!(tracks.len(), 2);
                mixes.push(Vec::new());
            }
            Made::Unit(unit) => mixes.last_mut().unwrap().push(unit),
            Made::Pause | Made::End | Made::Failed(_) | Made::Overload(_) => {}
        }
    }
    mixes
}

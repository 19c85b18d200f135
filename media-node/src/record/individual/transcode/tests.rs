//! Opus as libopus makes it goes in; what comes out is decoded, and its beeps are where they were sent.

use super::{Coding, TranscodeError, Transcoder};
use crate::media::{AudioCodec, AudioDecoder};
use crate::record::testing::{Coded, coded_opus, coded_pcm};
use crate::stream::{AccessUnit, Format, OpusFormat, PcmCoding, PcmFormat};

const RATE: f64 = 48_000.0;
const SECONDS: usize = 8;
/// By how much codecs blur a beep, in seconds.
const EXACT: f64 = 0.003;
const AAC_FRAME_US: i64 = 21_334;

/// A beep of 100 ms at each full second, on a second channel of another pitch.
fn beeps(channels: usize, encoder: &[&str]) -> Coded {
    crate::media::init().unwrap();
    coded_opus(&beeping(48_000, channels), encoder)
}

fn beeping(rate: u32, channels: usize) -> String {
    let tones = ["1000", "1500"].map(|pitch| format!("if(lt(mod(t\\,1)\\,0.1)\\,0.8*sin(2*PI*{pitch}*t)\\,0)"));
    format!("aevalsrc='{}':s={rate}:d={SECONDS}", tones[..channels].join("|"))
}

fn opus(coded: &Coded) -> &OpusFormat {
    match &coded.format {
        Format::Opus(opus) => opus,
        other => panic!("{other:?}"),
    }
}

fn transcode(coded: &Coded, units: &[AccessUnit]) -> (Format, Vec<AccessUnit>) {
    let mut transcoder = Transcoder::new(&coded.format, Coding::Aac("aac")).unwrap();
    let format = transcoder.format();
    let mut aac = Vec::new();
    for unit in units {
        transcoder.unit(unit, &mut aac).unwrap();
    }
    transcoder.finish(&mut aac).unwrap();
    (format, aac)
}

/// The frames follow one another without a hole.
fn assert_whole(aac: &[AccessUnit]) {
    for pair in aac.windows(2) {
        let step = pair[1].pts_us - pair[0].pts_us;
        assert!((AAC_FRAME_US - 1..=AAC_FRAME_US).contains(&step), "{step} us");
    }
}

/// For each channel, the times in seconds at which it gets loud.
fn onsets(format: &Format, aac: &[AccessUnit]) -> Vec<Vec<f64>> {
    let Format::Aac(format) = format else {
        panic!("{format:?}")
    };
    let config = format.config.to_vec();
    let mut decoder = AudioDecoder::new(&AudioCodec::Aac { config }).unwrap();
    let channels = usize::from(format.channels);
    let (mut found, mut loud_at) = (vec![Vec::new(); channels], vec![f64::MIN; channels]);
    for unit in aac {
        let Some(sound) = decoder.decode(&unit.data).unwrap() else {
            continue;
        };
        assert_eq!(usize::from(sound.channels()), channels);
        let (left, right) = sound.planar().unwrap();
        for (channel, samples) in [left, right].into_iter().take(channels).enumerate() {
            for (index, _) in samples.iter().enumerate().filter(|(_, sample)| sample.abs() > 0.2) {
                let at = unit.pts_us as f64 / 1e6 + index as f64 / RATE;
                if at - loud_at[channel] > 0.05 {
                    found[channel].push(at);
                }
                loud_at[channel] = at;
            }
        }
    }
    found
}

/// Beeps begin at these full seconds and at no other time.
fn assert_beeps(found: &[f64], at: &[usize]) {
    let exact = |(found, at): (&f64, &usize)| (found - *at as f64).abs() < EXACT;
    assert!(
        found.len() == at.len() && found.iter().zip(at).all(exact),
        "{found:?} instead of {at:?}"
    );
}

fn seconds(of: std::ops::Range<usize>) -> Vec<usize> {
    of.collect()
}

#[test]
fn beeps_stay_where_they_are_in_all_modes_of_opus() {
    let modes: [(usize, &[&str]); 5] = [
        (1, &["-b:a", "48k"]),
        (2, &["-b:a", "96k"]),
        (1, &["-b:a", "12k", "-application", "voip", "-frame_duration", "60"]),
        (2, &["-b:a", "32k", "-application", "voip", "-frame_duration", "40"]),
        (
            2,
            &["-b:a", "128k", "-application", "lowdelay", "-frame_duration", "2.5"],
        ),
    ];
    for (channels, options) in modes {
        let coded = beeps(channels, options);
        assert_eq!(usize::from(opus(&coded).channels), channels);
        let (format, aac) = transcode(&coded, &coded.units);
        assert_whole(&aac);
        let found = onsets(&format, &aac);
        assert_eq!(found.len(), channels);
        for channel in found {
            assert_beeps(&channel, &seconds(0..SECONDS));
        }
    }
}

#[test]
fn beeps_stay_where_they_are_in_each_other_codec() {
    crate::media::init().unwrap();
    for (coding, sample_rate, channels, options) in [
        (PcmCoding::MuLaw, 8_000, 1, "pcm_mulaw mulaw"),
        (PcmCoding::ALaw, 16_000, 2, "pcm_alaw alaw"),
        (PcmCoding::G722, 16_000, 1, "g722 g722"),
        (PcmCoding::L16, 44_100, 2, "pcm_s16be s16be"),
        (PcmCoding::L16, 48_000, 1, "pcm_s16be s16be"),
        (PcmCoding::L16, 11_025, 1, "pcm_s16be s16be"),
    ] {
        let pcm = PcmFormat {
            coding,
            sample_rate,
            channels,
        };
        let coded = coded_pcm(&beeping(sample_rate, usize::from(channels)), options, pcm.clone());
        // One packet in nine is lost between the beeps, and all of two seconds.
        let kept = coded.units.iter().enumerate().filter(|(number, unit)| {
            let quiet = (200_000..900_000).contains(&unit.pts_us.rem_euclid(1_000_000));
            let lost = quiet && number % 9 == 0;
            !(lost || (3_500_000..5_500_000).contains(&unit.pts_us))
        });
        let units: Vec<_> = kept.map(|(_, unit)| unit.clone()).collect();
        let (format, aac) = transcode(&coded, &units);
        assert_whole(&aac);
        let found = onsets(&format, &aac);
        assert_eq!(found.len(), usize::from(channels), "{pcm:?}");
        for channel in found {
            assert_beeps(&channel, &[0, 1, 2, 3, 6, 7]);
        }
        let end_us = coded.units.last().unwrap().pts_us + 20_000;
        let beyond_us = aac.last().unwrap().pts_us + AAC_FRAME_US - end_us;
        assert!((-1_000..=2 * AAC_FRAME_US).contains(&beyond_us), "{pcm:?}: {beyond_us}");
    }
}

#[test]
fn the_time_line_may_begin_anywhere() {
    let coded = beeps(1, &[]);
    let mut units = coded.units.clone();
    units.iter_mut().for_each(|unit| unit.pts_us += 3_600_000_007);
    let (format, aac) = transcode(&coded, &units);
    let found = &onsets(&format, &aac)[0];
    assert_beeps(found, &seconds(3600..3600 + SECONDS));
    let (first, last) = (aac[0].pts_us - units[0].pts_us, aac.last().unwrap());
    assert_eq!(
        first / 1000,
        -21,
        "the run-up of the encoder lies before the first sample"
    );
    assert!(
        last.pts_us + AAC_FRAME_US >= units.last().unwrap().pts_us + 20_000,
        "nothing is missing"
    );
}

#[test]
fn lost_packets_and_pauses_become_silence() {
    let coded = beeps(2, &["-frame_duration", "20"]);
    // Every ninth packet, and those of a pause with a beep in it.
    let kept =
        |(number, unit): &(usize, &AccessUnit)| number % 9 != 0 && !(2_500_000..4_700_000).contains(&unit.pts_us);
    let units: Vec<_> = coded
        .units
        .iter()
        .enumerate()
        .filter(kept)
        .map(|(_, unit)| unit.clone())
        .collect();
    assert!(units.len() < coded.units.len() * 3 / 4);
    let (format, aac) = transcode(&coded, &units);
    assert_whole(&aac);
    for channel in onsets(&format, &aac) {
        // A lost packet may take the beginning of a beep with it.
        let in_time = |found: &f64| found.fract() < 0.1 || found.fract() > 1.0 - EXACT;
        assert!(channel.iter().all(in_time), "{channel:?}");
        let whole: Vec<usize> = channel.iter().map(|found| found.round() as usize).collect();
        assert!([1, 2, 5, 6].iter().all(|second| whole.contains(second)), "{channel:?}");
        assert!(![3, 4].iter().any(|second| whole.contains(second)), "{channel:?}");
    }
}

#[test]
fn packets_of_silence_count_as_time() {
    let coded = beeps(1, &["-frame_duration", "20"]);
    let mut units = coded.units.clone();
    // A sender that has nothing to say sends nothing but the TOC byte.
    for unit in units
        .iter_mut()
        .filter(|unit| (200_000..900_000).contains(&unit.pts_us.rem_euclid(1_000_000)))
    {
        unit.data = unit.data.slice(..1);
    }
    let (format, aac) = transcode(&coded, &units);
    assert_whole(&aac);
    assert_beeps(&onsets(&format, &aac)[0], &seconds(0..SECONDS));
}

#[test]
fn inaccurate_timestamps_do_not_add_up() {
    let coded = beeps(1, &["-frame_duration", "20"]);
    let mut units = coded.units.clone();
    for (number, unit) in units.iter_mut().enumerate() {
        // Back and forth by 4 ms, and a clock that is set forward by 30 ms and back again.
        unit.pts_us += if number % 2 == 0 { 4_000 } else { -4_000 };
        unit.pts_us += if (110..190).contains(&number) { 30_000 } else { 0 };
    }
    let (format, aac) = transcode(&coded, &units);
    assert_whole(&aac);
    let found = &onsets(&format, &aac)[0];
    assert_eq!(found.len(), SECONDS, "{found:?}");
    for (second, at) in found.iter().enumerate() {
        let sent = second as f64 + if second == 3 { 0.030 } else { 0.0 };
        assert!((at - sent).abs() < 0.010, "{second}: {at}");
    }
}

#[test]
fn what_cannot_be_decoded_is_told_and_leaves_a_hole() {
    let coded = beeps(1, &["-frame_duration", "20"]);
    let mut transcoder = Transcoder::new(&coded.format, Coding::Aac("aac")).unwrap();
    let format = transcoder.format();
    let mut aac = Vec::new();
    for (number, unit) in coded.units.iter().enumerate() {
        let broken = AccessUnit {
            // Code 3 with more frames than there are bytes.
            data: vec![0xff, 0x30, 0xff].into(),
            ..unit.clone()
        };
        if number % 50 == 30 {
            let told = transcoder.unit(&broken, &mut aac);
            assert!(matches!(told, Err(TranscodeError::Decode(_))), "{told:?}");
        } else {
            transcoder.unit(unit, &mut aac).unwrap();
        }
    }
    transcoder.finish(&mut aac).unwrap();
    assert_whole(&aac);
    assert_beeps(&onsets(&format, &aac)[0], &seconds(0..SECONDS));
}

#[test]
fn without_an_encoder_there_is_an_error() {
    crate::media::init().unwrap();
    let made = Transcoder::new(
        &Format::Opus(OpusFormat { channels: 2 }),
        Coding::Aac("no_such_encoder"),
    );
    assert!(matches!(made.err(), Some(TranscodeError::Encode(_))));
}

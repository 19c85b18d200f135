use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::time::{MissedTickBehavior, interval};

use super::NotMade;
use super::maker::{Made, Maker};
use super::opus::ToOpus;
use super::plain::ToPlain;
use crate::channel::MediaTrack;
use crate::hub::{Description, Flow, Manner, Packet, Publication, Receiver, Vacancy, rtp};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What waits to be decoded; what does not fit is dropped.
const QUEUE_BYTES: usize = 1 << 20;

const PLAIN_TYPE: u8 = 96;
const PLAIN: &[u8] =
    b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-fb:96 nack pli\r\n";
const OPUS_TYPE: u8 = 111;
const OPUS: &[u8] =
    b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\n";

/// Begins to make Opus of a publication's sound, in a thread of its own.
pub(super) fn begin_opus(source: &Arc<Publication>, track: usize) -> Result<Arc<Publication>, NotMade> {
    let (media, clock_rate) = described(source, track)?;
    let to_opus = ToOpus::new(media, clock_rate).map_err(NotMade::Failed)?;
    begin(source, track, Box::new(to_opus), (OPUS, OPUS_TYPE))
}

/// Begins to make a picture without B-frames of a publication's, in a thread of its own.
pub(super) fn begin_plain(source: &Arc<Publication>, track: usize) -> Result<Arc<Publication>, NotMade> {
    let (media, clock_rate) = described(source, track)?;
    let to_plain = ToPlain::new(media, clock_rate).map_err(NotMade::Failed)?;
    begin(source, track, Box::new(to_plain), (PLAIN, PLAIN_TYPE))
}

fn described(source: &Publication, track: usize) -> Result<(&MediaTrack, u32), NotMade> {
    let description = &source.description;
    let media = description.tracks().get(track);
    let described = media.zip(description.clock_rates().get(track).copied());
    described.ok_or_else(|| NotMade::Failed("there is none".to_owned()))
}

fn begin(
    source: &Arc<Publication>,
    track: usize,
    maker: Box<dyn Maker>,
    (description, payload_type): (&[u8], u8),
) -> Result<Arc<Publication>, NotMade> {
    let failed = |reason: &dyn std::fmt::Display| NotMade::Failed(reason.to_string());
    let description = Description::parse(description).map_err(|error| failed(&error))?;
    let made = Arc::new(Publication::new(source.path.clone(), description, Manner::Once));
    let joined = source.join(track, QUEUE_BYTES, true);
    let (kept, packets) = joined
        .map_err(|_| failed(&"the stream has as many players as it may have"))?
        .apart();
    let work = Work {
        source: source.clone(),
        made: made.clone(),
        kept,
        packets,
        maker,
        payload_type,
        sequence: 0,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| failed(&error))?;
    // Decoding has no place among tasks that have to be quick.
    std::thread::Builder::new()
        .name("transcode".to_owned())
        .spawn(move || runtime.block_on(work.run()))
        .map_err(|error| failed(&error))?;
    Ok(made)
}

struct Work {
    source: Arc<Publication>,
    made: Arc<Publication>,
    /// What came since the last keyframe before anybody wanted anything.
    kept: VecDeque<Packet>,
    packets: Receiver,
    maker: Box<dyn Maker>,
    payload_type: u8,
    sequence: u16,
}

impl Work {
    async fn run(mut self) {
        let path = self.source.path.clone();
        let codec = self
            .made
            .description
            .tracks()
            .first()
            .map(|track| track.codec.clone())
            .unwrap_or_default();
        tracing::info!(%path, codec, "a track is transcoded");
        if let Err(error) = self.catch_up() {
            tracing::info!(%path, codec, %error, "what came before cannot be decoded");
        }
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut vacancy = Vacancy::default();
        let reason = loop {
            tokio::select! {
                packet = self.packets.next() => match packet.map(|packet| self.take(&packet)) {
                    Some(Ok(())) => {}
                    Some(Err(error)) => break error.to_string(),
                    None => break "the stream has ended".to_owned(),
                },
                now = looks.tick() => {
                    if vacancy.is_over(self.made.has_players(), now) {
                        break "nobody plays it".to_owned();
                    }
                }
                () = self.made.keyframes.due() => self.maker.want_keyframe(),
                () = self.source.ended.cancelled() => break "the stream has ended".to_owned(),
            }
        };
        tracing::info!(%path, codec, reason, "a track is transcoded no more");
    }

    fn catch_up(&mut self) -> Result<(), crate::media::MediaError> {
        for packet in std::mem::take(&mut self.kept) {
            match (packet.flow, rtp::unpacked(&packet.payload)) {
                (Flow::Rtp, Some(coded)) => self.maker.past(&coded)?,
                (Flow::Rtp, None) => {}
                (Flow::Rtcp, _) => self.report(&packet.payload),
            }
        }
        Ok(())
    }

    fn take(&mut self, packet: &Packet) -> Result<(), crate::media::MediaError> {
        if packet.flow == Flow::Rtcp {
            self.report(&packet.payload);
            return Ok(());
        }
        let Some(coded) = rtp::unpacked(&packet.payload) else {
            return Ok(());
        };
        let mut made = Vec::new();
        self.maker.packet(&coded, &mut made)?;
        for payload in made {
            let packet = self.packet(&payload);
            self.made.relay(0, Flow::Rtp, packet.freeze());
        }
        Ok(())
    }

    fn packet(&mut self, made: &Made) -> BytesMut {
        let mut packet = BytesMut::with_capacity(12 + made.data.len());
        packet.put_u8(0x80);
        packet.put_u8(self.payload_type | u8::from(made.marker) << 7);
        packet.put_u16(self.sequence);
        packet.put_u32(made.timestamp);
        packet.put_u32(SSRC);
        packet.put_slice(&made.data);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }

    /// Passes on what the sender's clock says, in the timestamps of what is made.
    fn report(&self, report: &[u8]) {
        let told = rtp::reported_time(report);
        let Some((at, timestamp)) = told.and_then(|(at, _)| Some((at, self.maker.timestamp(at)?))) else {
            return;
        };
        let moved = rtp::with_later_timestamp(report, timestamp.wrapping_sub(at));
        let reporter = report
            .get(4..8)
            .and_then(<[u8]>::first_chunk)
            .map(|ssrc| u32::from_be_bytes(*ssrc));
        if let Some((moved, reporter)) = moved.zip(reporter) {
            let renamed = rtp::with_reporter(&moved, reporter, SSRC).unwrap_or(moved);
            self.made.relay(0, Flow::Rtcp, renamed.into());
        }
    }
}

/// Of the only source that the publication has.
const SSRC: u32 = 1;

impl Drop for Work {
    fn drop(&mut self) {
        // Also where decoding has failed in a way that nobody has thought of.
        self.made.end();
    }
}

#[cfg(test)]
mod tests;

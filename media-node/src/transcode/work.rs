use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::NotMade;
use super::opus::{OpusFrame, ToOpus};
use crate::hub::{Description, Flow, Manner, Overflow, Packet, Publication, Receiver, rtp};

/// Sound that nobody has played for so long is made no more: players that come back find it.
const LINGER: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What waits to be decoded; what does not fit is dropped.
const QUEUE_BYTES: usize = 1 << 20;

const PAYLOAD_TYPE: u8 = 111;
const OPUS: &[u8] =
    b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\n";

/// Begins to make Opus of a publication's sound, in a thread of its own.
pub(super) fn begin(source: &Arc<Publication>, track: usize) -> Result<Arc<Publication>, NotMade> {
    let failed = |reason: &dyn std::fmt::Display| NotMade::Failed(reason.to_string());
    let description = &source.description;
    let (Some(media), Some(clock_rate)) = (description.tracks().get(track), description.clock_rates().get(track))
    else {
        return Err(failed(&"there is none"));
    };
    let to_opus = ToOpus::new(media, *clock_rate).map_err(|reason| failed(&reason))?;
    let made = Description::parse(OPUS).map_err(|error| failed(&error))?;
    let sound = Arc::new(Publication::new(source.path.clone(), made, Manner::Once));
    let subscription = source.subscribe(&[track], QUEUE_BYTES, Overflow::Drop, false);
    let subscription = subscription.map_err(|_| failed(&"the stream has as many players as it may have"))?;
    let work = Work {
        source: source.clone(),
        sound: sound.clone(),
        packets: subscription.packets,
        to_opus,
        sequence: 0,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| failed(&error))?;
    // Decoding has no place among tasks that have to be quick.
    std::thread::Builder::new()
        .name("sound".to_owned())
        .spawn(move || runtime.block_on(work.run()))
        .map_err(|error| failed(&error))?;
    Ok(sound)
}

struct Work {
    source: Arc<Publication>,
    sound: Arc<Publication>,
    packets: Receiver,
    to_opus: ToOpus,
    sequence: u16,
}

impl Work {
    async fn run(mut self) {
        let path = self.source.path.clone();
        tracing::info!(%path, "the sound is made Opus");
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut played = Instant::now();
        let reason = loop {
            tokio::select! {
                packet = self.packets.next() => match packet.map(|packet| self.take(&packet)) {
                    Some(Ok(())) => {}
                    Some(Err(error)) => break error.to_string(),
                    None => break "the stream has ended".to_owned(),
                },
                now = looks.tick() => {
                    if self.sound.has_players() {
                        played = now;
                    }
                    if now.saturating_duration_since(played) >= LINGER {
                        break "nobody plays it".to_owned();
                    }
                }
                () = self.source.ended.cancelled() => break "the stream has ended".to_owned(),
            }
        };
        tracing::info!(%path, reason, "the sound is made Opus no more");
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
        self.to_opus.packet(&coded, &mut made)?;
        for frame in made {
            let packet = self.packet(&frame);
            self.sound.relay(0, Flow::Rtp, packet.freeze());
        }
        Ok(())
    }

    fn packet(&mut self, frame: &OpusFrame) -> BytesMut {
        let mut packet = BytesMut::with_capacity(12 + frame.data.len());
        packet.put_u8(0x80);
        packet.put_u8(PAYLOAD_TYPE);
        packet.put_u16(self.sequence);
        packet.put_u32(frame.timestamp);
        packet.put_u32(SSRC);
        packet.put_slice(&frame.data);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }

    /// Passes on what the sender's clock says, in the timestamps of Opus.
    fn report(&self, report: &[u8]) {
        let told = rtp::reported_time(report);
        let Some((at, timestamp)) = told.and_then(|(at, _)| Some((at, self.to_opus.timestamp(at)?))) else {
            return;
        };
        let moved = rtp::with_later_timestamp(report, timestamp.wrapping_sub(at));
        let reporter = report
            .get(4..8)
            .and_then(<[u8]>::first_chunk)
            .map(|ssrc| u32::from_be_bytes(*ssrc));
        if let Some((moved, reporter)) = moved.zip(reporter) {
            let renamed = rtp::with_reporter(&moved, reporter, SSRC).unwrap_or(moved);
            self.sound.relay(0, Flow::Rtcp, renamed.into());
        }
    }
}

/// Of the only source that the publication has.
const SSRC: u32 = 1;

impl Drop for Work {
    fn drop(&mut self) {
        // Also where decoding has failed in a way that nobody has thought of.
        self.sound.end();
    }
}

#[cfg(test)]
mod tests;

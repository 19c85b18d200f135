use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::codec::FramedRead;

use super::datagrams::Datagrams;
use super::dial::Source;
use super::exchange::{Exchange, Over};
use super::resync::Resync;
use super::track::Out;
use crate::rtsp::wire::{Incoming, Wire};

const READ_BUFFER: usize = 64 << 10;
/// How often what waits for its packets is looked at.
const TICK: Duration = Duration::from_millis(20);

/// Passes on what a client and a source send, until one of them closes its connection. A client that takes nothing holds the
/// source back. `keyframe_wanted`: what the client makes of the packets lacks one.
///
/// # Errors
/// Why the source's stream broke off, for a person.
pub(super) async fn run(
    client: TcpStream,
    source: Source,
    mut exchange: Exchange,
    keyframe_wanted: &Notify,
) -> Result<(), String> {
    // Without it only small answers are somewhat slower.
    let _ = client.set_nodelay(true);
    let began = Instant::now();
    let (read, mut to_client) = client.into_split();
    let mut from_client = FramedRead::new(read, Wire::default());
    let mut from_source = FramedRead::with_capacity(source.read, Resync::default(), READ_BUFFER);
    from_source.read_buffer_mut().extend_from_slice(&source.first);
    let mut to_source = source.write;
    let (mut datagrams, mut from_ports) = Datagrams::new(source.local, source.peer);
    let mut out = Out::default();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ended = loop {
        let step = tokio::select! {
            frame = from_client.next() => match frame {
                Some(Ok(Incoming::Request(request))) => exchange.request(*request, &mut datagrams, &mut out),
                // Reports and answers of the client are nothing that a source needs.
                Some(Ok(_)) => Ok(()),
                // It has heard enough, or cannot any more.
                Some(Err(_)) | None => break Ok(()),
            },
            frame = from_source.next() => match frame {
                Some(Ok(incoming)) => exchange.incoming(incoming, &mut datagrams, ms(began), &mut out),
                Some(Err(error)) => break Err(format!("what the source sends cannot be read: {error}")),
                None => break Ok(()),
            },
            Some((pair, flow, payload)) = from_ports.recv() => {
                exchange.datagram(pair, flow, payload, ms(began), &mut out);
                Ok(())
            }
            _ = ticks.tick() => {
                exchange.release(ms(began), &mut out);
                Ok(())
            }
            () = keyframe_wanted.notified() => {
                exchange.want_keyframe(ms(began), &mut out);
                Ok(())
            }
        };
        match step {
            Ok(()) => {}
            Err(Over::Source) => break Ok(()),
            Err(Over::Stranger) => break Err("another program of this machine took its place".to_owned()),
            Err(Over::TooMuch) => break Err("the source does not answer".to_owned()),
        }
        for (pair, ports) in out.met.drain(..) {
            datagrams.greet(pair, ports).await;
        }
        for (pair, report) in out.reports.drain(..) {
            datagrams.report(pair, &report).await;
        }
        if !out.source.is_empty() {
            if let Err(error) = to_source.send(&out.source).await {
                break Err(format!("the source cannot be written to: {error}"));
            }
            out.source.clear();
        }
        if !out.client.is_empty() {
            if to_client.write_all(&out.client).await.is_err() {
                break Ok(());
            }
            out.client.clear();
        }
    };
    // What the client is still to get goes before its end; that it is gone makes no difference.
    let _ = to_client.write_all(&out.client).await;
    let _ = to_client.shutdown().await;
    if !out.source.is_empty() {
        let _ = to_source.send(&out.source).await;
    }
    to_source.close().await;
    ended
}

fn ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

//! One session: a client's connection, which publishes one stream or plays one. It has a task of its own, so that a fault in
//! it ends nobody else's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use str0m::net::{DatagramRecv, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::burst::Burst;
use super::end::{CONNECTING, End, SILENCE};
use super::figures::{Counted, Counters};
use super::fragment::Fragment;
use super::offer::{Format, Offer, OfferError};
use super::opening::{self, Ways};
use super::outlet::Outlet;
use super::purpose::Purpose;
use super::room::{Sources, Wish};
use super::route::{Datagram, Place, Routes, Wire};
use super::watch::Watched;
use crate::clock::unix_ms;
use crate::hub::Ticket;

/// Datagrams that are taken before anything else is looked at.
const BATCH: usize = 32;
/// Wishes of the client that wait.
pub(super) const MAX_COMMANDS: usize = 8;

/// A session that is to begin.
pub(super) struct Begin {
    pub(super) wanted: Wanted,
    pub(super) commands: mpsc::Receiver<Command>,
    /// Where the answer goes.
    pub(super) answer: oneshot::Sender<Result<String, OfferError>>,
}

/// What a session is to be.
pub(super) struct Wanted {
    pub(super) offer: Offer,
    /// The formats of the offer's media.
    pub(super) formats: Vec<Format>,
    pub(super) purpose: Purpose,
    pub(super) ways: Ways,
    /// Its place among the clients of the channel server.
    pub(super) ticket: Ticket,
    /// When it is not allowed any more.
    pub(super) expires: Option<tokio::time::Instant>,
}

/// What a client wants of its session.
pub(super) enum Command {
    /// To tell candidates, or begin anew by another network; the answer is what this side says to the latter.
    Trickle(Fragment, oneshot::Sender<Result<Option<String>, OfferError>>),
    /// To continue with another offer: other media, another network, or both.
    Renew {
        offer: Box<Offer>,
        sources: Option<Sources>,
        answer: oneshot::Sender<Result<String, OfferError>>,
    },
    /// What its room wants of it.
    Wish(Wish),
    /// To end.
    End(oneshot::Sender<()>),
}

/// What the sessions of a worker share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) routes: Routes,
    pub(super) outlet: Outlet,
    /// Where clients reach the worker.
    pub(super) candidates: Vec<SocketAddr>,
    pub(super) counters: Arc<Counters>,
    pub(super) shutdown: CancellationToken,
}

struct Session {
    rtc: Rtc,
    offer: Offer,
    place: Place,
    purpose: Purpose,
    ways: Ways,
    surroundings: Surroundings,
    burst: Burst,
    began: Instant,
    heard: Instant,
    is_connected: bool,
    watched: Watched,
}

/// Runs a session to its end.
pub(super) async fn run(begin: Begin, surroundings: Surroundings) {
    let Begin {
        wanted,
        mut commands,
        answer,
    } = begin;
    let Wanted {
        offer,
        formats,
        purpose,
        ways,
        ticket,
        expires,
    } = wanted;
    let (place, mut datagrams) = surroundings.routes.enter();
    let opened = opening::open(
        &offer,
        &formats,
        purpose.first_estimate(),
        &surroundings.candidates,
        ways,
    );
    let (rtc, text) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            // Whoever asked may be gone.
            let _ = answer.send(Err(error));
            return;
        }
    };
    let counters = surroundings.counters.clone();
    let (path, kind, counter) = purpose.name(&counters);
    let text = purpose.answer(text);
    let watched = counters.board.enter(path.clone(), kind, unix_ms());
    let _counted = Counted::new(counter);
    let now = Instant::now();
    let mut session = Session {
        rtc,
        offer,
        place,
        purpose,
        ways,
        burst: Burst::new(surroundings.outlet.clone()),
        surroundings,
        began: now,
        heard: now,
        is_connected: false,
        watched,
    };
    session.name();
    if answer.send(Ok(text)).is_err() {
        return;
    }
    tracing::info!(%path, ?kind, "a session by WebRTC begins");
    let end = session.serve(&mut datagrams, &mut commands, expires).await;
    tracing::info!(%path, ?kind, %end, "a session by WebRTC is over");
    session.purpose.ends(&end);
    session.close(end);
    drop(ticket);
}

impl Session {
    async fn serve(
        &mut self,
        datagrams: &mut mpsc::Receiver<Datagram>,
        commands: &mut mpsc::Receiver<Command>,
        expires: Option<tokio::time::Instant>,
    ) -> End {
        let shutdown = self.surroundings.shutdown.clone();
        let ended = self.purpose.ended();
        loop {
            let due = match self.drain() {
                Ok(due) => due.min(self.deadline()),
                Err(end) => return end,
            };
            let step = tokio::select! {
                datagram = datagrams.recv() => match datagram {
                    Some(datagram) => self.receive(datagram, datagrams),
                    None => Err(End::Client),
                },
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    // The table of sessions has forgotten it.
                    None => Err(End::Client),
                },
                step = self.purpose.step(), if self.is_connected => match step {
                    Some(step) => { self.purpose.take(step, &mut self.rtc, &self.surroundings.counters); self.pass_time() }
                    None => Err(self.purpose.over()),
                },
                () = sleep_until(due.into()) => self.pass_time(),
                () = ended.cancelled() => Err(self.purpose.over()),
                () = sleep_until(expires.unwrap_or_else(tokio::time::Instant::now)), if expires.is_some() => Err(End::Expired),
                () = shutdown.cancelled() => Err(End::Shutdown),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// When the client counts as gone if it is not heard until then.
    fn deadline(&self) -> Instant {
        match self.is_connected {
            true => self.heard + SILENCE,
            false => self.began + CONNECTING,
        }
    }

    fn pass_time(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if now >= self.deadline() {
            return Err(match self.is_connected {
                true => End::Silent,
                false if self.ways == Ways::Udp => End::NoDatagrams,
                false => End::NotConnected,
            });
        }
        self.input(Input::Timeout(now));
        Ok(())
    }

    fn receive(&mut self, first: Datagram, more: &mut mpsc::Receiver<Datagram>) -> Result<(), End> {
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(datagram) = next else { break };
            self.datagram(&datagram);
            self.drain()?;
            next = more.try_recv().ok();
        }
        // One that was taken out of the queue is not lost.
        if let Some(datagram) = next {
            self.datagram(&datagram);
        }
        Ok(())
    }

    fn datagram(&mut self, datagram: &Datagram) {
        let Ok(contents) = DatagramRecv::try_from(&datagram.bytes[..]) else {
            return;
        };
        let Some(destination) = self.reached_by(datagram) else {
            return;
        };
        let receive = Receive {
            proto: datagram.way.protocol.into(),
            source: datagram.way.peer,
            destination,
            contents,
        };
        let input = Input::Receive(datagram.at, receive);
        if !self.rtc.accepts(&input) {
            return;
        }
        self.heard = Instant::now();
        let is_binding = datagram.bytes.first().is_some_and(|first| *first < 2);
        if is_binding {
            self.place.heard_by(datagram.way);
        }
        self.input(input);
    }

    /// The candidate that the client has reached. Behind a NAT that is another address than the socket's own.
    fn reached_by(&self, datagram: &Datagram) -> Option<SocketAddr> {
        let candidates = &self.surroundings.candidates;
        let is_ipv4 = datagram.way.peer.is_ipv4();
        let of_family = candidates.iter().find(|candidate| candidate.is_ipv4() == is_ipv4);
        of_family.or(candidates.first()).copied()
    }

    fn input(&mut self, input: Input) {
        if let Err(error) = self.rtc.handle_input(input) {
            // Whatever cannot be read may be anybody's.
            tracing::debug!(%error, "a session has dropped what came for it");
        }
    }

    /// Does all that is due; the answer is when there will be more.
    fn drain(&mut self) -> Result<Instant, End> {
        loop {
            match self.rtc.poll_output().map_err(End::Broken)? {
                Output::Timeout(due) => {
                    self.burst.flush();
                    return if self.rtc.is_alive() { Ok(due) } else { Err(End::Client) };
                }
                Output::Transmit(transmit) => self.burst.add(transmit),
                Output::Event(Event::Connected) => {
                    self.is_connected = true;
                    self.purpose.connected()?;
                }
                Output::Event(Event::Closed) => return Err(End::Client),
                Output::Event(event) => {
                    self.watched.note(&event);
                    self.purpose.event(event, &mut self.rtc);
                    self.watched.set_paused(self.purpose.is_paused());
                }
            }
        }
    }

    fn command(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Trickle(fragment, answer) => {
                // Whoever asked may be gone.
                let _ = answer.send(self.trickle(&fragment));
                self.input(Input::Timeout(Instant::now()));
                Ok(())
            }
            Command::Renew { offer, sources, answer } => {
                let _ = answer.send(self.renew(*offer, sources));
                self.input(Input::Timeout(Instant::now()));
                Ok(())
            }
            Command::Wish(wish) => {
                self.purpose.wish(wish);
                Ok(())
            }
            Command::End(answer) => {
                let _ = answer.send(());
                Err(End::Client)
            }
        }
    }

    fn renew(&mut self, offer: Offer, sources: Option<Sources>) -> Result<String, OfferError> {
        let offer = self.purpose.renew(offer, sources)?;
        if self.ways == Ways::TcpFirst && !offer.has_credentials_of(&self.offer) {
            self.ways = Ways::Both;
            opening::add_datagrams(&mut self.rtc, &self.surroundings.candidates);
        }
        let answer = opening::accept(&mut self.rtc, &offer)?;
        self.offer = offer;
        self.name();
        Ok(self.purpose.answer(answer))
    }

    /// What this side says when the client begins anew by another network; `None` where it only tells candidates.
    fn trickle(&mut self, fragment: &Fragment) -> Result<Option<String>, OfferError> {
        let restarted = self.offer.restarted(fragment);
        let mut answer = None;
        // Clients say their credentials with each fragment.
        if let Some(restarted) = restarted.filter(|restarted| !restarted.has_credentials_of(&self.offer)) {
            answer = Some(Fragment::of_answer(&opening::accept(&mut self.rtc, &restarted)?));
            self.offer = restarted;
            self.name();
        }
        for candidate in &fragment.candidates {
            match Candidate::from_sdp_string(candidate) {
                Ok(candidate) => self.rtc.add_remote_candidate(candidate),
                // Names that only the client's network knows, most likely.
                Err(error) => tracing::debug!(%error, "a candidate was passed over"),
            }
        }
        Ok(answer)
    }

    /// Has what is for this session come here.
    fn name(&mut self) {
        let credentials = self.rtc.direct_api().local_ice_credentials();
        self.place.named(&credentials.ufrag);
    }

    /// Tells the client that it is over.
    fn close(mut self, end: End) {
        let is_told = !matches!(end, End::Silent | End::NotConnected | End::NoDatagrams | End::Broken(_));
        // Ends the publication first, so that the roster is right at once.
        drop(self.purpose);
        if !is_told || self.rtc.close().is_err() {
            return;
        }
        for _ in 0..BATCH {
            match self.rtc.poll_output() {
                Ok(Output::Transmit(transmit)) => self.burst.add(transmit),
                Ok(Output::Event(_)) => {}
                Ok(Output::Timeout(_)) | Err(_) => break,
            }
        }
        self.burst.flush();
    }
}

/// The protocol of ICE's candidates.
impl From<Wire> for str0m::net::Protocol {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Udp => Self::Udp,
            Wire::Tcp => Self::Tcp,
        }
    }
}

use std::collections::BTreeMap;

use super::row::NEVER_MS;
use super::tally::OwedTally;
use super::windows::Windows;
use super::{Admit, Change, Denial, Listed, News, Reservation, Room, Row, UsageView, Verdict};
use crate::access::Limits;
use crate::metrics::Tally;
use crate::recording::{Standing, Status};

/// The time that a start has to reach its recorder, and the recorder to find a node and tell of it.
const RESERVATION_MS: u64 = 60_000;
/// How long a recording is believed to run without news: three times as long as recorders take to renew it.
const LEASE_MS: u64 = 180_000;
/// The most recordings that are looked after at a time, including those that still upload.
const MAX_LIVE: usize = 5 * Limits::MAX_RECORDINGS as usize;
/// How often what has expired is removed from the index.
const PURGE_MS: u64 = 3_600_000;

/// One app's requests and recordings. The rows of the index are not in it, but in the object's storage.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    windows: Windows,
    /// Recordings that are not over, by sid.
    live: BTreeMap<String, Live>,
    purge_ms: Option<u64>,
    /// When the next recording of the app's own store has to be deleted.
    erase_ms: Option<u64>,
    /// Events of recordings that are held up, by sid, and how long that is believed.
    held_up: BTreeMap<String, (u64, u64)>,
    tally: OwedTally,
}

#[derive(Clone, Debug)]
struct Live {
    status: Status,
    nonce: String,
    revision: u64,
    lease_ms: u64,
}

impl Usage {
    /// `live`: the rows that were not over.
    pub fn restore(live: impl IntoIterator<Item = Row>, now_ms: u64) -> Self {
        let mut usage = Self::default();
        for row in live.into_iter().filter(Row::is_live) {
            usage.track(&row);
            usage.tally.changed(now_ms);
            usage.purge_ms = Some(now_ms.saturating_add(PURGE_MS));
        }
        usage
    }

    /// Counts a request, and reserves the place that it asks for.
    pub fn admit(&mut self, admit: Admit, now_ms: u64) -> (Verdict, Change) {
        let limit = admit.limits.requests_per_second.of(admit.method);
        let remaining = self.windows.take(admit.method, limit, now_ms);
        let mut change = Change::default();
        let denial = match remaining {
            None => Some(Denial::TooManyRequests),
            Some(_) => self.find_room(admit.room, admit.limits.recordings, now_ms, &mut change),
        };
        let verdict = Verdict {
            at_ms: now_ms,
            limit,
            remaining: remaining.unwrap_or(0),
            denial,
        };
        (verdict, change)
    }

    fn find_room(&mut self, room: Room, quota: u32, now_ms: u64, change: &mut Change) -> Option<Denial> {
        let reservation = match room {
            Room::None => return None,
            Room::Some => None,
            Room::Taken(reservation) => Some(*reservation),
        };
        self.lapse(now_ms, change);
        if let Some(reservation) = &reservation
            && self.live.values().any(|live| live.nonce == reservation.nonce)
        {
            return None;
        }
        let recordings = self.recordings();
        if recordings >= quota {
            return Some(Denial::NoRoom { recordings });
        }
        if let Some(reservation) = reservation {
            let row = reserved(reservation, now_ms);
            self.track(&row);
            change.put = Some(row);
            self.changed(now_ms);
        }
        None
    }

    /// Gives back a place that was reserved and has not been used.
    pub fn release(&mut self, sid: &str, now_ms: u64) -> Change {
        let mut change = Change::default();
        if self.live.get(sid).is_some_and(|live| live.revision == 0) {
            self.live.remove(sid);
            self.changed(now_ms);
            change.delete.push(sid.to_owned());
        }
        change
    }

    /// `known`: the recording's row.
    pub fn told(&mut self, news: News, known: Option<Row>, now_ms: u64) -> Change {
        if known.as_ref().is_some_and(|known| known.revision > news.revision) || news.is_late(known.as_ref()) {
            return Change::default();
        }
        self.hold_up(&news, now_ms);
        let row = written(news, known.as_ref(), now_ms);
        let ended_before = known.is_some_and(|known| !known.is_live());
        if row.is_live() {
            self.track(&row);
        } else {
            self.live.remove(&row.listed.sid);
            if let Some(cause) = row.listed.cause.filter(|_| !ended_before) {
                self.tally.ended(cause, 1);
            }
        }
        self.changed(now_ms);
        Change {
            put: Some(row),
            delete: Vec::new(),
        }
    }

    pub fn view(&self, limits: Limits, now_ms: u64) -> UsageView {
        let alive = |live: &&Live| live.lease_ms > now_ms;
        let all = self.live.values().filter(alive).count();
        let recordings = self.live.values().filter(alive).filter(|live| live.counts()).count();
        UsageView {
            limits,
            recordings: number(recordings),
            uploading: number(all.saturating_sub(recordings)),
        }
    }

    /// When the object has to look after itself: [`Usage::is_purge_due`],
    /// [`Usage::is_erasing_due`], [`Usage::tally`].
    pub fn next_alarm(&self) -> Option<u64> {
        let others = self.erase_ms.into_iter().chain(self.tally.due_ms());
        self.purge_ms.into_iter().chain(others).min()
    }

    /// The app's figures, when they have to be told.
    pub fn tally(&mut self, now_ms: u64) -> Option<Tally> {
        self.tally.due_ms().filter(|due_ms| *due_ms <= now_ms)?;
        let mut tally = Tally::default();
        let alive = self.live.values().filter(|live| live.lease_ms > now_ms);
        alive.for_each(|live| tally.count(live.status));
        self.held_up.retain(|_, (_, until_ms)| *until_ms > now_ms);
        tally.held_up = self
            .held_up
            .values()
            .map(|(count, _)| *count)
            .fold(0, u64::saturating_add);
        let repeated = !self.live.is_empty() || !self.held_up.is_empty();
        tally.ended = self.tally.tell(repeated, now_ms);
        Some(tally)
    }

    /// The tally has not arrived.
    pub fn tally_lost(&mut self, tally: Tally, now_ms: u64) {
        for (cause, count) in tally.ended {
            self.tally.ended(cause, count);
        }
        self.tally.changed(now_ms);
    }

    /// Whether rows whose time is over have to be removed.
    pub fn is_purge_due(&self, now_ms: u64) -> bool {
        self.purge_ms.is_some_and(|purge_ms| purge_ms <= now_ms)
    }

    /// Whether recordings may have to be deleted.
    pub fn is_erasing_due(&self, now_ms: u64) -> bool {
        self.erase_ms.is_some_and(|erase_ms| erase_ms <= now_ms)
    }

    /// `erase_ms`: when the next recording of the app's own store has to be deleted, by the index.
    pub fn erases_at(&mut self, erase_ms: Option<u64>) {
        self.erase_ms = erase_ms.filter(|erase_ms| *erase_ms < NEVER_MS);
    }

    /// `left`: whether the index has rows.
    pub fn purged(&mut self, left: bool, now_ms: u64) {
        self.purge_ms = left.then(|| now_ms.saturating_add(PURGE_MS));
    }

    fn hold_up(&mut self, news: &News, now_ms: u64) {
        let sid = &news.reservation.sid;
        if news.held_up == 0 {
            self.held_up.remove(sid);
        } else if self.held_up.len() < MAX_LIVE || self.held_up.contains_key(sid) {
            let until_ms = now_ms.saturating_add(LEASE_MS);
            self.held_up.insert(sid.clone(), (news.held_up, until_ms));
        }
    }

    fn changed(&mut self, now_ms: u64) {
        self.tally.changed(now_ms);
        self.purge_ms.get_or_insert(now_ms.saturating_add(PURGE_MS));
    }

    /// Lets go of what has not been confirmed in time. A reservation leaves no row behind; a recording's row stays, and
    /// counts again when its recorder tells of it.
    fn lapse(&mut self, now_ms: u64, change: &mut Change) {
        let lapsed = self.live.extract_if(.., |_, live| live.lease_ms <= now_ms);
        change
            .delete
            .extend(lapsed.filter(|(_, live)| live.revision == 0).map(|(sid, _)| sid));
    }

    fn track(&mut self, row: &Row) {
        if self.live.len() >= MAX_LIVE && !self.live.contains_key(&row.listed.sid) {
            return;
        }
        let live = Live {
            status: row.listed.status,
            nonce: row.nonce.clone(),
            revision: row.revision,
            lease_ms: row.lease_ms,
        };
        self.live.insert(row.listed.sid.clone(), live);
    }

    fn recordings(&self) -> u32 {
        number(self.live.values().filter(|live| live.counts()).count())
    }
}

impl Live {
    /// What has ended and still uploads takes no place.
    fn counts(&self) -> bool {
        self.status < Status::Stopping
    }
}

fn reserved(reservation: Reservation, now_ms: u64) -> Row {
    let lease_ms = now_ms.saturating_add(RESERVATION_MS);
    Row {
        nonce: reservation.nonce,
        revision: 0,
        lease_ms,
        expires_ms: lease_ms,
        hidden: false,
        emptied: false,
        listed: Listed {
            key: reservation.key,
            sid: reservation.sid,
            mode: reservation.mode,
            status: Status::Placing,
            standing: Standing::Waiting,
            created_ms: now_ms,
            started_ms: None,
            ended_ms: None,
            cause: None,
            told_ms: None,
            awaited: Vec::new(),
            house: None,
            files: Vec::new(),
            made: None,
            erasure: None,
        },
    }
}

fn written(news: News, known: Option<&Row>, now_ms: u64) -> Row {
    let erasure = known.and_then(|known| known.listed.erasure.clone());
    let mut row = Row {
        nonce: news.reservation.nonce,
        revision: news.revision,
        lease_ms: now_ms.saturating_add(LEASE_MS),
        expires_ms: news.expires_ms,
        hidden: known.is_some_and(|known| known.hidden),
        emptied: known.is_some_and(|known| known.emptied),
        listed: Listed {
            key: news.reservation.key,
            sid: news.reservation.sid,
            mode: news.reservation.mode,
            status: news.status,
            standing: news.standing,
            created_ms: known.map_or(news.started_ms, |known| known.listed.created_ms),
            started_ms: Some(news.started_ms),
            ended_ms: news.ended_ms,
            cause: news.cause,
            told_ms: Some(now_ms),
            awaited: news.awaited,
            house: news.house,
            files: news.files,
            made: news.made,
            erasure,
        },
    };
    // What is being deleted goes on at its own time.
    let deleted_ms = known
        .filter(|_| row.listed.erasure.is_some())
        .map(|known| known.expires_ms);
    row.expires_ms = deleted_ms.or(row.kept_until_ms()).unwrap_or(row.expires_ms);
    // Its recorder forgets the files of what it keeps for nothing but media on a node.
    if let Some(known) = known.filter(|_| row.listed.files.is_empty()) {
        row.listed.files.clone_from(&known.listed.files);
    }
    if row.emptied {
        row.listed.files.clear();
    }
    row
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

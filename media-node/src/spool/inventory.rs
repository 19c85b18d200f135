use std::collections::BTreeMap;
use std::path::Path;

use protocol::{ConfirmedSlice, Span, SpoolReport};

use super::entry::Entry;
use super::kept::{Draft, Playlist};
use super::repair::cut_file;
use super::state::State;
use super::{Content, PlaylistKey, Probed, Remains, Slice, Spool, SpoolError};

/// A slice that begins so little before a cut, in microseconds, is behind it; and so much more does nobody notice.
const NEAR_US: i64 = 10_000;

/// How a slice is cut: the file, and after how many microseconds from its start.
pub type CutSlice<'a> = &'a (dyn Fn(&Path, i64) -> Remains + Sync);

/// What becomes of a file when the recording is another node's.
enum Fate {
    GiveUp { number: u64, content: Content },
    Cut { number: u64, probed: Probed },
}

impl State {
    /// Other nodes may have written the playlists meanwhile, and the recording may go on here.
    pub(super) fn begin_lease(&mut self) {
        self.released = false;
        if self.cause == Some(protocol::EndCause::LeaseLost) {
            self.cause = None;
        }
        for playlist in &mut self.playlists {
            (playlist.published, playlist.published_learned, playlist.sealed) = (0, 0, false);
        }
    }

    pub(super) fn learn(&mut self, slices: Vec<ConfirmedSlice>, next: u64) {
        for slice in slices {
            let key = PlaylistKey {
                uid: slice.uid.clone(),
                track: slice.track,
            };
            self.playlist_for(key, slice.playlist.clone()).learned.push(slice);
        }
        self.learned_to = self.learned_to.max(next);
    }

    fn confirmed_slice(&self, number: u64) -> Option<ConfirmedSlice> {
        let find = |playlist: &Playlist| {
            // Each playlist's slices are made one after the other.
            let place = playlist.slices.binary_search_by_key(&number, |kept| kept.number).ok()?;
            let kept = playlist.slices.get(place)?;
            Some((playlist.name.clone(), kept.epoch, kept.slice.clone()))
        };
        let (playlist, epoch, slice) = self.playlists.iter().find_map(find)?;
        Some(ConfirmedSlice {
            playlist,
            uid: slice.playlist.uid,
            track: slice.playlist.track,
            epoch,
            name: slice.name,
            start_us: slice.start_us,
            duration_us: slice.duration_us,
            start_ms: slice.start_ms,
            bytes: slice.bytes,
            discontinuity: slice.discontinuity,
            tags: slice.tags,
        })
    }

    /// Start and openness of what was captured under the present lease, by playlist.
    fn begun(&self) -> BTreeMap<&str, (i64, bool)> {
        let mut begun = BTreeMap::new();
        for playlist in &self.playlists {
            let own = playlist.slices.iter().filter(|kept| kept.epoch == self.epoch);
            if let Some(start_us) = own.map(|kept| kept.slice.start_us).min() {
                begun.insert(playlist.name.as_str(), (start_us, false));
            }
        }
        for draft in self.drafts.values() {
            if let Draft::Slice { playlist_name, slice } = draft {
                let entry = begun.entry(playlist_name).or_insert((slice.start_us, true));
                *entry = (entry.0.min(slice.start_us), true);
            }
        }
        begun
    }

    /// What nobody wants of files that the store does not have. `cuts`: by playlist, in microseconds on the recording's
    /// timeline. `standby`: nothing of this lease is wanted.
    fn fates(&self, cuts: &BTreeMap<String, i64>, standby: bool, cut: impl Fn(u64, i64) -> Remains) -> Vec<Fate> {
        let mut fates = Vec::new();
        let content = Content::Slice;
        // What the backup store holds stays as it is.
        let on_disk = |number, uploaded: bool| !uploaded && !self.backup.holds(number);
        for playlist in &self.playlists {
            let cut_us = cuts.get(&playlist.name).copied().unwrap_or(i64::MAX);
            for kept in playlist
                .slices
                .iter()
                .filter(|kept| on_disk(kept.number, kept.uploaded))
            {
                let Slice {
                    start_us, duration_us, ..
                } = kept.slice;
                let number = kept.number;
                let unwanted = standby && kept.epoch == self.epoch;
                if unwanted || start_us >= cut_us.saturating_sub(NEAR_US) {
                    fates.push(Fate::GiveUp { number, content });
                } else if start_us.saturating_add(duration_us) > cut_us.saturating_add(NEAR_US) {
                    match cut(number, cut_us - start_us) {
                        Remains::Whole(probed) => fates.push(Fate::Cut { number, probed }),
                        Remains::Nothing => fates.push(Fate::GiveUp { number, content }),
                        // It goes to the store as it is: playlists name no time twice.
                        Remains::Unreadable => {}
                    }
                }
            }
        }
        let lone = self
            .lone
            .iter()
            .filter(|(number, kept)| on_disk(**number, kept.uploaded));
        let unwanted = lone.filter(|(_, kept)| standby && kept.epoch == self.epoch);
        fates.extend(unwanted.map(|(number, kept)| Fate::GiveUp {
            number: *number,
            content: Content::Lone(kept.file.kind),
        }));
        fates
    }
}

/// What several nodes have to know of each other.
impl Spool {
    /// What tells other nodes of the slices that the store has confirmed, but for the first `from` in the order of their
    /// confirmation.
    pub fn told(&self, from: u64) -> SpoolReport {
        let inner = self.lock();
        let state = &inner.state;
        let from = from.min(state.confirmed.len() as u64);
        let numbers = state.confirmed.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
        let told = numbers.take(SpoolReport::MOST_CONFIRMED);
        SpoolReport {
            spool: state.id,
            from,
            confirmed: told.filter_map(|number| state.confirmed_slice(*number)).collect(),
            learned: state.learned_to,
            leaving: false,
            spans: Vec::new(),
        }
    }

    /// What has been captured under the present lease. `started_ms`: the beginning of the recording's timeline.
    pub fn spans(&self, started_ms: u64) -> Vec<Span> {
        let inner = self.lock();
        let span = |(playlist, (start_us, open)): (&str, (i64, bool))| Span {
            playlist: playlist.to_owned(),
            from_ms: started_ms.saturating_add_signed(start_us.div_euclid(1_000)),
            open,
        };
        inner.state.begun().into_iter().map(span).collect()
    }

    /// How many slices the store has confirmed.
    pub fn confirmed(&self) -> u64 {
        self.lock().state.confirmed.len() as u64
    }

    /// How far the slices of other spools are known here.
    pub fn learned_to(&self) -> u64 {
        self.lock().state.learned_to
    }

    /// The slices of other spools that stand in the edge's inventory behind `after`, up to `next`. Those that do not follow
    /// what is known come again.
    pub fn learn(&self, after: u64, slices: Vec<ConfirmedSlice>, next: u64) -> Result<(), SpoolError> {
        let mut inner = self.lock();
        if after != inner.state.learned_to || next <= after {
            return Ok(());
        }
        inner.write(Entry::Learned { slices, next })?;
        drop(inner);
        self.tell();
        Ok(())
    }

    /// While files are held back none is due.
    pub fn hold_back(&self, held_back: bool) {
        let mut inner = self.lock();
        if std::mem::replace(&mut inner.held_back, held_back) != held_back {
            drop(inner);
            self.tell();
        }
    }

    /// Leaves the playlists to another node, with all media behind `cuts` that the store does not have: by playlist, in
    /// microseconds on the recording's timeline. `standby`: nothing of this lease is wanted. Nothing may be captured any more.
    pub fn release(&self, cuts: &BTreeMap<String, i64>, standby: bool, cut: CutSlice<'_>) -> Result<(), SpoolError> {
        let path = |number| self.path(number, Content::Slice.extension());
        let fates = {
            let inner = self.lock();
            let cut = |number, after_us| cut(&path(number), after_us);
            inner.state.fates(cuts, standby, cut)
        };
        for fate in fates {
            match fate {
                Fate::GiveUp { number, content } => {
                    if self.write_of(number, Entry::GivenUp { number })? {
                        let file = self.path(number, content.extension());
                        std::fs::remove_file(&file).map_err(SpoolError::io("remove", &file))?;
                    }
                }
                Fate::Cut {
                    number,
                    probed: Probed { duration_us, bytes, .. },
                } => {
                    let entry = Entry::Cut {
                        number,
                        duration_us,
                        bytes,
                    };
                    if self.write_of(number, entry)? {
                        cut_file(&path(number), bytes)?;
                    }
                }
            }
        }
        self.lock().write(Entry::Released)?;
        self.tell();
        Ok(())
    }

    /// Writes what is about a file, unless the store has confirmed it meanwhile.
    fn write_of(&self, number: u64, entry: Entry) -> Result<bool, SpoolError> {
        let mut inner = self.lock();
        let waits = inner.state.waiting().any(|file| file.number == number);
        if waits {
            inner.write(entry)?;
        }
        Ok(waits)
    }
}

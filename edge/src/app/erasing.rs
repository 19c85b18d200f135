//! The deletion of recordings in the app's own store: because somebody wishes it, or because they have been kept for as long as
//! they may be. A recording whose deletion has begun is found by nobody any more, and is tried until nothing of it is left.

use protocol::RecorderKey;

use super::{Change, Erasing, Erasure, Row};

/// After so long a round whose end was not heard of is repeated.
const ROUND_MS: u64 = 180_000;
/// The pause after the first round that failed; it doubles with each,
const PAUSE_MS: u64 = 10_000;
/// up to this: a store that refuses is mended by a person.
const LONGEST_PAUSE_MS: u64 = 3_600_000;
/// The longest text of an error that is kept.
const MAX_ERROR_BYTES: usize = 500;
/// What is to be deleted: everything below the recording's place in each store that the app has or had.
#[derive(Clone, Debug, PartialEq)]
pub struct Doomed {
    pub key: RecorderKey,
    pub sid: String,
    /// Whether a node still has media of it, which must not be uploaded any more.
    pub awaited: bool,
}

/// What a round of deleting has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    Nothing,
    /// More than one round can delete.
    Some,
    /// The text is for the operator.
    Failed(String),
}

/// Somebody wishes that a recording is deleted.
pub fn erase(row: Option<Row>, now_ms: u64) -> (Erasing, Change) {
    begin(row, false, now_ms)
}

/// Somebody wishes that a recording's files are deleted, and what the index knows of it is kept.
pub fn empty(row: Option<Row>, now_ms: u64) -> (Erasing, Change) {
    begin(row, true, now_ms)
}

fn begin(row: Option<Row>, keeps_record: bool, now_ms: u64) -> (Erasing, Change) {
    let mut row = match over(row, now_ms) {
        Ok(row) => row,
        Err(erasing) => return (erasing, Change::default()),
    };
    if row.listed.erasure.is_none() {
        row.doom(keeps_record, now_ms);
        row.expires_ms = now_ms;
    } else if let Some(erasure) = &mut row.listed.erasure {
        erasure.keeps_record &= keeps_record;
    }
    if keeps_record {
        row.listed.files.clear();
        row.emptied = true;
    }
    (Erasing::Begun, Change::put(row))
}

/// Somebody wishes that a recording is listed no longer.
pub fn hide(row: Option<Row>, now_ms: u64) -> (Erasing, Change) {
    match over(row, now_ms) {
        Ok(row) => (Erasing::Begun, Change::put(Row { hidden: true, ..row })),
        Err(erasing) => (erasing, Change::default()),
    }
}

/// A recording in the app's own store that is over, or why it is none.
fn over(row: Option<Row>, now_ms: u64) -> Result<Row, Erasing> {
    let row = row.filter(|row| row.revision > 0).ok_or(Erasing::NotFound)?;
    if row.listed.house.is_none() {
        return Err(Erasing::NotOurs);
    }
    // What its recorder has not told of for longer than that is gone.
    if row.is_live() && row.lease_ms > now_ms {
        return Err(Erasing::Runs);
    }
    Ok(row)
}

/// A recording's time has come: what is to be done, if anything is.
pub fn due(mut row: Row, now_ms: u64) -> (Option<Doomed>, Change) {
    if row.listed.house.is_none() || row.expires_ms > now_ms {
        return (None, Change::default());
    }
    row.doom(false, now_ms);
    row.expires_ms = now_ms.saturating_add(ROUND_MS);
    let doomed = Doomed {
        key: row.listed.key.clone(),
        sid: row.listed.sid.clone(),
        awaited: !row.listed.awaited.is_empty(),
    };
    (Some(doomed), Change::put(row))
}

/// A round is over.
pub fn erased(row: Option<Row>, left: Left, now_ms: u64) -> Change {
    let Some(mut row) = row else {
        return Change::default();
    };
    let Some(erasure) = &mut row.listed.erasure else {
        return Change::default();
    };
    match left {
        Left::Nothing if erasure.keeps_record => {
            row.listed.erasure = None;
            row.expires_ms = row.kept_until_ms().unwrap_or(row.expires_ms);
        }
        Left::Nothing => return Change::delete(row.listed.sid),
        Left::Some => {
            erasure.failures = 0;
            erasure.error = None;
            row.expires_ms = now_ms;
        }
        Left::Failed(mut error) => {
            error.truncate(error.floor_char_boundary(MAX_ERROR_BYTES));
            let pause_ms = PAUSE_MS.checked_shl(erasure.failures).unwrap_or(LONGEST_PAUSE_MS);
            erasure.failures = erasure.failures.saturating_add(1).min(32);
            erasure.error = Some(error);
            row.expires_ms = now_ms.saturating_add(pause_ms.min(LONGEST_PAUSE_MS));
        }
    }
    Change::put(row)
}

impl Row {
    fn doom(&mut self, keeps_record: bool, now_ms: u64) {
        self.listed.erasure.get_or_insert(Erasure {
            since_ms: now_ms,
            keeps_record,
            failures: 0,
            error: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use protocol::Mode;

    use super::*;
    use crate::app::Listed;
    use crate::app::row::NEVER_MS;
    use crate::recording::{House, Standing, Status};

    const NOW: u64 = 1_700_000_000_000;

    /// A recording in the app's own store that has ended.
    fn row() -> Row {
        Row {
            hidden: false,
            emptied: false,
            listed: Listed {
                standing: Standing::Done,
                key: RecorderKey {
                    app_id: "a".into(),
                    channel: "c".into(),
                    uid: "u".into(),
                },
                sid: "s".into(),
                mode: Mode::Mix,
                status: Status::Ended,
                created_ms: NOW,
                started_ms: Some(NOW),
                ended_ms: Some(NOW + 1_000),
                cause: None,
                told_ms: Some(NOW),
                awaited: Vec::new(),
                house: Some(House::default()),
                files: Vec::new(),
                made: None,
                erasure: None,
            },
            nonce: "n".into(),
            revision: 1,
            lease_ms: NOW + 60_000,
            expires_ms: NEVER_MS,
        }
    }

    fn begun() -> Row {
        erase(Some(row()), NOW).1.put.unwrap()
    }

    #[test]
    fn what_is_over_and_ours_is_deleted_at_once() {
        let (erasing, change) = erase(Some(row()), NOW);
        assert_eq!(erasing, Erasing::Begun);
        let begun = change.put.unwrap();
        assert_eq!(begun.expires_ms, NOW);
        let (doomed, change) = due(begun, NOW);
        assert_eq!(doomed.unwrap().sid, "s");
        // A round that is lost comes again.
        let again = change.put.unwrap();
        assert_eq!(due(again.clone(), NOW + ROUND_MS - 1).0, None);
        assert!(due(again, NOW + ROUND_MS).0.is_some());
    }

    #[test]
    fn what_runs_or_is_not_ours_stays() {
        let live = |lease_ms| {
            let mut row = row();
            row.listed.status = Status::Stopping;
            row.lease_ms = lease_ms;
            erase(Some(row), NOW)
        };
        assert_eq!(live(NOW + 1), (Erasing::Runs, Change::default()));
        assert_eq!(live(NOW).0, Erasing::Begun, "nothing has been heard of it for long");
        let mut foreign = row();
        foreign.listed.house = None;
        assert_eq!(erase(Some(foreign.clone()), NOW), (Erasing::NotOurs, Change::default()));
        foreign.expires_ms = NOW;
        assert_eq!(due(foreign, NOW), (None, Change::default()));
        assert_eq!(erase(None, NOW), (Erasing::NotFound, Change::default()));
        let reserved = Row { revision: 0, ..row() };
        assert_eq!(erase(Some(reserved), NOW).0, Erasing::NotFound);
    }

    #[test]
    fn it_goes_on_until_nothing_is_left() {
        let more = erased(Some(begun()), Left::Some, NOW + 5).put.unwrap();
        assert_eq!(more.expires_ms, NOW + 5);
        assert_eq!(erased(Some(more), Left::Nothing, NOW).delete, ["s"]);
        assert_eq!(erased(None, Left::Nothing, NOW), Change::default());
    }

    #[test]
    fn failures_are_kept_and_tried_again_after_longer_and_longer_pauses() {
        let mut row = begun();
        let mut pauses = Vec::new();
        for _ in 0..40 {
            row = erased(Some(row), Left::Failed("refused ".repeat(200)), NOW)
                .put
                .unwrap();
            pauses.push(row.expires_ms - NOW);
        }
        assert_eq!(pauses[..3], [10_000, 20_000, 40_000]);
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE_MS));
        let erasure = row.listed.erasure.clone().unwrap();
        assert!(erasure.error.unwrap().len() <= MAX_ERROR_BYTES);
        // Another wish changes nothing of that.
        assert_eq!(erase(Some(row.clone()), NOW).1.put, Some(row));
    }

    #[test]
    fn a_recording_is_kept_for_as_long_as_it_may_be() {
        let kept = |ended_ms, kept_ms| {
            let mut row = row();
            row.listed.ended_ms = ended_ms;
            row.listed.house = Some(House {
                kept_ms,
                ..House::default()
            });
            row.kept_until_ms()
        };
        assert_eq!(kept(Some(NOW), Some(5)), Some(NOW + 5));
        assert_eq!(kept(Some(NOW), None), Some(NEVER_MS));
        assert_eq!(kept(None, Some(5)), Some(NEVER_MS));
        assert_eq!(kept(Some(NOW), Some(u64::MAX)), Some(NEVER_MS));
        let foreign = Listed {
            house: None,
            ..row().listed
        };
        assert_eq!(
            Row {
                listed: foreign,
                ..row()
            }
            .kept_until_ms(),
            None
        );
    }
}

//! Which of two stores a task is for: the customer's, or the backup that holds what the customer's has not taken for a
//! while. Pure.

use super::Store;
use super::pace::Pace;
use super::schedule::Schedule;
use super::task::{Item, Task};
use crate::spool::{DueCopy, DueFile, DueIndex, DuePlaylist, HeldFile, Spool};

/// What has to be done for a spool, in the order of its making.
#[derive(Clone, Debug, Default)]
pub(super) struct Due {
    pub(super) files: Vec<DueFile>,
    pub(super) playlists: Vec<DuePlaylist>,
    pub(super) indexes: Vec<DueIndex>,
    pub(super) moves: Vec<HeldFile>,
    pub(super) copies: Vec<DueCopy>,
    pub(super) retractions: Vec<String>,
    pub(super) clearances: Vec<HeldFile>,
}

impl Due {
    /// `store`: the customer's. Playlists wait for their turn: those of the customer's store by `pace`, those of the backup
    /// by `copy_pace`.
    pub(super) fn of(spool: &Spool, store: &Store, pace: &mut Pace, copy_pace: &mut Pace, now_ms: u64) -> Self {
        let mut playlists = spool.due_playlists(|lag| pace.allows(lag, now_ms));
        playlists.retain(|playlist| store.takes(playlist));
        let mut copies = spool.due_copies();
        copies.retain(|copy| copy_pace.allows(&copy.lag(), now_ms));
        Self {
            files: spool.due_files(),
            playlists,
            indexes: spool.due_indexes(),
            moves: spool.movable(),
            copies,
            retractions: spool.retractable(),
            clearances: spool.clearable(),
        }
    }

    /// Whether the customer's store has yet to take it.
    pub(super) fn is_for_customer(&self, item: &Item) -> bool {
        match item {
            Item::File(number) => self.waits(*number) || self.moves.iter().any(|file| file.number == *number),
            Item::Playlist(name) => self.playlists.iter().any(|playlist| playlist.name == *name),
            Item::Index(uid) => self.indexes.iter().any(|index| index.uid == *uid),
        }
    }

    /// Whether the backup could be asked to do something about it.
    pub(super) fn is_for_backup(&self, item: &Item) -> bool {
        match item {
            Item::File(number) => self.waits(*number) || self.clearances.iter().any(|file| file.number == *number),
            Item::Playlist(name) => {
                self.copies.iter().any(|copy| copy.playlist.name == *name) || self.retractions.contains(name)
            }
            // They lead to playlists of the customer's store.
            Item::Index(_) => false,
        }
    }

    fn waits(&self, number: u64) -> bool {
        self.files.iter().any(|file| file.number == number)
    }

    /// For the customer's store: playlists and indexes first, for they are small, and nobody can play a slice that no playlist names;
    /// then all files in their order, wherever they are.
    pub(super) fn for_customer(&self, backup: Option<&Schedule>) -> Vec<Task> {
        // Without a backup there is nothing to move them from.
        let moves = backup.map_or(&[][..], |_| &self.moves);
        let mut files: Vec<_> = self
            .files
            .iter()
            .cloned()
            .map(Task::File)
            .chain(moves.iter().cloned().map(Task::Move))
            .filter(|task| backup.is_none_or(|backup| !backup.is_in_flight(&task.item())))
            .collect();
        files.sort_by_key(Task::item);
        let playlists = self.playlists.iter().cloned().map(Task::Playlist);
        let indexes = self.indexes.iter().cloned().map(Task::Index);
        playlists.chain(indexes).chain(files).collect()
    }

    /// For the backup: what the customer's store has not taken for so long, then playlists of it; and the removal of what
    /// the customer's store has.
    pub(super) fn for_backup(&self, customer: &Schedule, after_ms: u64, now_ms: u64) -> Vec<Task> {
        let long_ago = |since_ms: Option<u64>| since_ms.is_some_and(|since_ms| now_ms >= since_ms + after_ms);
        let down = long_ago(customer.down_since_ms());
        let files = self.files.iter().filter(|file| {
            let item = Item::File(file.number);
            (down || long_ago(customer.failing_since_ms(&item))) && !customer.is_in_flight(&item)
        });
        let copies = self.copies.iter().cloned().map(Task::Copy);
        let retractions = self.retractions.iter().cloned().map(Task::Retract);
        let clearances = self.clearances.iter().cloned().map(Task::Clear);
        let files = files.cloned().map(Task::File);
        copies.chain(files).chain(retractions).chain(clearances).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::UploadFault;
    use super::*;
    use crate::spool::Content;

    const AFTER_MS: u64 = 60_000;

    fn file(number: u64) -> DueFile {
        DueFile {
            number,
            content: Content::Slice,
            name: format!("{number}.ts"),
            path: "x".into(),
            bytes: 1,
        }
    }

    fn held(number: u64) -> HeldFile {
        HeldFile {
            number,
            content: Content::Slice,
            name: format!("{number}.ts"),
            bytes: 1,
        }
    }

    fn items(tasks: &[Task]) -> Vec<Item> {
        tasks.iter().map(Task::item).collect()
    }

    fn fail(schedule: &mut Schedule, number: u64, now_ms: u64) {
        let fault = UploadFault::Unavailable("down".to_owned());
        schedule.failed(Item::File(number), &fault, "there", now_ms, 0);
    }

    #[test]
    fn the_backup_takes_over_after_a_time_without_a_success() {
        let (mut customer, backup) = (Schedule::new(), Schedule::new());
        let due = Due {
            files: vec![file(0), file(1)],
            ..Due::default()
        };
        assert!(due.for_backup(&customer, AFTER_MS, 0).is_empty());
        fail(&mut customer, 0, 1_000);
        fail(&mut customer, 0, 30_000);
        assert!(due.for_backup(&customer, AFTER_MS, 60_999).is_empty());
        assert_eq!(
            items(&due.for_backup(&customer, AFTER_MS, 61_000)),
            [Item::File(0), Item::File(1)]
        );
        assert_eq!(items(&due.for_customer(Some(&backup))), [Item::File(0), Item::File(1)]);
        customer.succeeded(&Item::File(0));
        assert!(due.for_backup(&customer, AFTER_MS, 99_000).is_empty());
    }

    #[test]
    fn one_file_that_the_store_will_not_take_goes_to_the_backup_alone() {
        let mut customer = Schedule::new();
        let due = Due {
            files: vec![file(0), file(1)],
            ..Due::default()
        };
        fail(&mut customer, 0, 0);
        customer.succeeded(&Item::File(7));
        assert_eq!(items(&due.for_backup(&customer, AFTER_MS, AFTER_MS)), [Item::File(0)]);
    }

    #[test]
    fn nothing_is_sent_to_both_at_a_time_and_the_order_is_kept() {
        let (mut customer, mut backup) = (Schedule::new(), Schedule::new());
        let due = Due {
            files: vec![file(2), file(4)],
            moves: vec![held(1), held(3)],
            ..Due::default()
        };
        let all = [1, 2, 3, 4].map(Item::File);
        assert_eq!(items(&due.for_customer(Some(&backup))), all);
        fail(&mut customer, 9, 0);
        let sent = customer.next(due.for_customer(Some(&backup)), 1_000);
        assert_eq!(items(&sent), [Item::File(1)], "one at a time while it fails");
        let sent = backup.next(due.for_backup(&customer, AFTER_MS, AFTER_MS), AFTER_MS);
        assert_eq!(items(&sent), [Item::File(2), Item::File(4)]);
        assert_eq!(items(&due.for_customer(Some(&backup))), [Item::File(1), Item::File(3)]);
    }
}

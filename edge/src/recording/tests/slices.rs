//! The shell's part of the inventory.

use protocol::{ConfirmedSlice, InventoryPage};

use crate::recording::{Effect, PageWish, Reply};

/// Rows of (sid, spool, first, slices).
#[derive(Default)]
pub(super) struct Slices(Vec<(String, u64, u64, Vec<ConfirmedSlice>)>);

impl Slices {
    /// Slices in one answer.
    const PAGE: usize = 5;

    /// Carries out what is persisted with the state.
    pub(super) fn keep(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut left = Vec::new();
        for effect in effects {
            match effect {
                Effect::Note {
                    sid,
                    spool,
                    first,
                    slices,
                } => {
                    let newest = self.of(&sid).map(|row| row.2 + row.3.len() as u64).max();
                    assert_eq!(first, newest.unwrap_or(1), "places follow one another");
                    self.0.push((sid, spool, first, slices));
                }
                Effect::Forget { sid } => self.0.retain(|row| row.0 != sid),
                Effect::Answer { to, mut answer, page } => {
                    if let Some(wish) = page {
                        self.fill(&wish, &mut answer.inventory);
                    }
                    let reply = Reply::Desired(answer);
                    left.push(Effect::Reply { to, reply });
                }
                other => left.push(other),
            }
        }
        left
    }

    fn of(&self, sid: &str) -> impl Iterator<Item = &(String, u64, u64, Vec<ConfirmedSlice>)> {
        self.0.iter().filter(move |row| row.0 == sid)
    }

    fn fill(&self, wish: &PageWish, page: &mut InventoryPage) {
        for (_, spool, first, slices) in self.of(&wish.sid) {
            let last = first + slices.len() as u64 - 1;
            if *spool != wish.except_spool && last > page.after {
                page.slices.extend(slices.iter().cloned());
                if page.slices.len() >= Self::PAGE {
                    page.next = last;
                    return;
                }
            }
        }
    }

    /// The length of the longest row, in bytes of JSON.
    pub(super) fn row_bytes(&self) -> usize {
        let bytes = self.0.iter().map(|row| serde_json::to_string(&row.3).unwrap().len());
        bytes.max().unwrap_or_default()
    }

    /// Names of a recording's slices in the inventory's order.
    pub(super) fn names(&self, sid: &str) -> Vec<String> {
        self.of(sid)
            .flat_map(|row| row.3.iter().map(|slice| slice.name.clone()))
            .collect()
    }
}

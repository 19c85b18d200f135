//! What will happen, in the order of its time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

pub(crate) struct Queue<E> {
    order: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, E>,
    newest: u64,
}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Self {
            order: BinaryHeap::new(),
            events: BTreeMap::new(),
            newest: 0,
        }
    }

    pub(crate) fn push(&mut self, at_ms: u64, event: E) {
        self.newest += 1;
        self.order.push(Reverse((at_ms, self.newest)));
        self.events.insert(self.newest, event);
    }

    /// The next event before `until_ms`, and its time.
    pub(crate) fn pop(&mut self, until_ms: u64) -> Option<(u64, E)> {
        let Reverse((at_ms, number)) = *self.order.peek()?;
        if at_ms >= until_ms {
            return None;
        }
        self.order.pop();
        self.events.remove(&number).map(|event| (at_ms, event))
    }
}

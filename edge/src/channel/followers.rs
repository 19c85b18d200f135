use std::collections::BTreeMap;

/// How long a follower that could not be told waits.
const PAUSE_MS: u64 = 5_000;

/// The nodes that are told of each change.
#[derive(Clone, Debug, Default)]
pub(super) struct Followers(BTreeMap<String, Follower>);

#[derive(Clone, Debug)]
struct Follower {
    lease: u64,
    /// A digest of what it was told last; `None` when that is not known.
    told: Option<u64>,
    /// It is being told something.
    telling: bool,
    not_before_ms: u64,
}

impl Followers {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub(super) fn lease(&self, node_id: &str) -> Option<u64> {
        self.0.get(node_id).map(|follower| follower.lease)
    }

    /// `told`: what the node is told with the answer.
    pub(super) fn put(&mut self, node_id: &str, lease: u64, told: Option<u64>) {
        let telling = self.0.get(node_id).is_some_and(|known| known.telling);
        let follower = Follower {
            lease,
            told,
            telling,
            not_before_ms: 0,
        };
        self.0.insert(node_id.to_owned(), follower);
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, node_id: &str) -> bool {
        self.0.remove(node_id).is_some()
    }

    /// Whether this has to be told to the node now. It is taken to be under way then.
    pub(super) fn begin(&mut self, node_id: &str, digest: u64, now_ms: u64) -> bool {
        let Some(follower) = self.0.get_mut(node_id) else {
            return false;
        };
        let due = !follower.telling && follower.told != Some(digest) && follower.not_before_ms <= now_ms;
        follower.telling |= due;
        due
    }

    pub(super) fn told(&mut self, node_id: &str, digest: u64, ok: bool, now_ms: u64) {
        let Some(follower) = self.0.get_mut(node_id) else {
            return;
        };
        follower.telling = false;
        follower.told = ok.then_some(digest);
        follower.not_before_ms = if ok { 0 } else { now_ms.saturating_add(PAUSE_MS) };
    }

    /// When the next of those who could not be told is told again.
    pub(super) fn next_ms(&self) -> Option<u64> {
        let waiting = self
            .0
            .values()
            .filter(|follower| !follower.telling && follower.not_before_ms > 0);
        waiting.map(|follower| follower.not_before_ms).min()
    }
}

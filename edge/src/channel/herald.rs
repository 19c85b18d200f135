use super::contract::Heard;

/// How long those who could not be told wait.
const PAUSE_MS: u64 = 5_000;
/// When nobody has answered by then, nobody will: the object was forgotten meanwhile.
const ANSWER_MS: u64 = 30_000;

/// What those who listen to the app have been told of the channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Herald {
    /// Nobody can listen.
    is_silent: bool,
    /// A digest of what was told last; `None` when that is not known, or nothing was.
    told: Option<u64>,
    /// They know of users, or may.
    knows: bool,
    /// That is kept in a row.
    kept: bool,
    /// What is being told is of an empty channel.
    tells_empty: bool,
    /// Something is being told, until then.
    answer_ms: Option<u64>,
    not_before_ms: Option<u64>,
}

impl Herald {
    /// After the object was forgotten: they know of users, and nobody knows which.
    pub(super) fn kept() -> Self {
        Self {
            knows: true,
            kept: true,
            // So that they are told soon, whatever happens.
            not_before_ms: Some(0),
            ..Self::default()
        }
    }

    /// Whether this has to be told now. It is taken to be under way then.
    pub(super) fn begin(&mut self, digest: u64, is_empty: bool, now_ms: u64) -> bool {
        if self.answer_ms.is_some_and(|answer_ms| answer_ms <= now_ms) {
            self.answer_ms = None;
        }
        let is_news = self.told != Some(digest) && (self.knows || !is_empty);
        let is_time = self.answer_ms.is_none() && self.not_before_ms.is_none_or(|at_ms| at_ms <= now_ms);
        if self.is_silent || !is_news || !is_time {
            return false;
        }
        (self.knows, self.tells_empty) = (true, is_empty);
        (self.answer_ms, self.not_before_ms) = (Some(now_ms.saturating_add(ANSWER_MS)), None);
        true
    }

    /// Returns whether it has to be kept from now on that they know of users, if that has changed.
    pub(super) fn heard(&mut self, digest: u64, heard: Heard, now_ms: u64) -> Option<bool> {
        self.answer_ms = None;
        match heard {
            Heard::Listeners => (self.told, self.knows) = (Some(digest), !self.tells_empty),
            Heard::Nobody => (self.is_silent, self.knows) = (true, false),
            Heard::Failed => (self.told, self.not_before_ms) = (None, Some(now_ms.saturating_add(PAUSE_MS))),
        }
        let changes = self.kept != self.knows;
        self.kept = self.knows;
        changes.then_some(self.kept)
    }

    /// When they have to be told, unless something happens before. An answer is looked after only where somebody is known to listen:
    /// most apps are none that anybody can listen to, and an alarm costs something.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.answer_ms.filter(|_| self.kept).or(self.not_before_ms)
    }
}

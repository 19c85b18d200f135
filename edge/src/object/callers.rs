use std::collections::BTreeMap;

/// Names a caller who waits for a reply; unique within the life of the process that holds the state.
pub type CallId = u64;

/// Those who wait for a reply. `C` is how one of them is reached; a caller who is dropped learns that no reply comes.
#[derive(Debug)]
pub struct Callers<C> {
    next: CallId,
    waiting: BTreeMap<CallId, C>,
}

impl<C> Default for Callers<C> {
    fn default() -> Self {
        Self {
            next: 0,
            waiting: BTreeMap::new(),
        }
    }
}

impl<C> Callers<C> {
    pub fn enter(&mut self, caller: C) -> CallId {
        let by = self.next;
        self.next += 1;
        self.waiting.insert(by, caller);
        by
    }

    /// The caller who is to get the one reply.
    pub fn take(&mut self, by: CallId) -> Option<C> {
        self.waiting.remove(&by)
    }

    /// Drops all of them: the state that knew what they wait for has been forgotten.
    pub fn dismiss(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_is_replied_to_once() {
        let mut callers = Callers::default();
        let (first, second) = (callers.enter("first"), callers.enter("second"));
        assert_eq!(callers.take(second), Some("second"));
        assert_eq!(callers.take(second), None);
        assert_eq!(callers.take(first), Some("first"));
    }

    #[test]
    fn an_id_is_not_given_to_another_caller() {
        let mut callers = Callers::default();
        let before = callers.enter("before");
        callers.dismiss();
        assert_eq!(callers.take(before), None);
        assert_ne!(callers.enter("after"), before);
    }
}

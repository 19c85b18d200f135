/// A state that is loaded when it is first needed. After a failure it may not be what the storage holds: it is forgotten,
/// and loaded again when it is needed next.
#[derive(Debug)]
pub struct Kept<T>(Option<T>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Kept<T> {
    /// Works on the state, and persists what has changed of it.
    ///
    /// # Errors
    /// Those of `load` and of `work`.
    pub fn with<R, E>(
        &mut self,
        load: impl FnOnce() -> Result<T, E>,
        work: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut state = match self.0.take() {
            Some(state) => state,
            None => load()?,
        };
        let done = work(&mut state)?;
        self.0 = Some(state);
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_loaded_once() {
        let mut kept = Kept::default();
        for expected in 1..4 {
            let done = kept.with(
                || if expected == 1 { Ok(0) } else { Err("loaded again") },
                |state| {
                    *state += 1;
                    Ok(*state)
                },
            );
            assert_eq!(done, Ok(expected));
        }
    }

    #[test]
    fn what_could_not_be_persisted_is_loaded_again() {
        let mut kept = Kept::default();
        let change = |kept: &mut Kept<u32>, persisted| {
            let work = |state: &mut u32| {
                *state += 1;
                if persisted { Ok(*state) } else { Err("not persisted") }
            };
            kept.with(|| Ok(10), work)
        };
        assert_eq!(change(&mut kept, true), Ok(11));
        assert_eq!(change(&mut kept, false), Err("not persisted"));
        assert_eq!(change(&mut kept, true), Ok(11));
        assert_eq!(change(&mut kept, true), Ok(12));
    }

    #[test]
    fn loading_that_fails_is_tried_again() {
        let mut kept = Kept::<u32>::default();
        assert_eq!(kept.with(|| Err("unreadable"), |state| Ok(*state)), Err("unreadable"));
        assert_eq!(kept.with(|| Ok::<_, &str>(7), |state| Ok(*state)), Ok(7));
    }
}

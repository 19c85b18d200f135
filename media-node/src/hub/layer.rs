//! One of the pictures of different sizes that a publisher sends at once (simulcast): a publication of its own, which no roster
//! lists, with what is known of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::publication::Publication;

/// See the module.
pub struct Layer {
    pub publication: Arc<Publication>,
    state: Mutex<LayerState>,
}

/// What a layer is like at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerState {
    /// Width and height of its pictures in pixels; `None` before its first keyframe.
    pub size: Option<(u32, u32)>,
    pub bits_per_second: u64,
    /// Whether pictures come: publishers leave layers out when their network is narrow.
    pub is_sending: bool,
}

impl Layer {
    pub fn new(publication: Arc<Publication>) -> Self {
        Self {
            publication,
            state: Mutex::default(),
        }
    }

    pub fn state(&self) -> LayerState {
        *self.lock()
    }

    pub fn set(&self, state: LayerState) {
        *self.lock() = state;
    }

    fn lock(&self) -> MutexGuard<'_, LayerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

use std::sync::Arc;

use super::Shared;
use crate::channel::StreamPath;
use crate::hub::Publication;

/// The streams of all nodes, for whoever plays them by another protocol.
#[derive(Clone)]
pub struct Streams(pub(super) Arc<Shared>);

impl Streams {
    /// The stream, from wherever it was published last; `None` when nobody publishes it.
    ///
    /// # Errors
    /// When another node has it, and it cannot be read from there; for a person.
    pub async fn play(&self, path: &StreamPath) -> Result<Option<Arc<Publication>>, String> {
        self.0.play(path).await.map_err(|error| error.to_string())
    }
}

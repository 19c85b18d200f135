use serde::{Deserialize, Serialize};

/// What a recording says of itself that goes to the app's own store, rather than to one that its start names. The app's index
/// keeps it with its files until everything of it has been deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct House {
    /// Which of the app's stores it goes to.
    pub store: String,
    /// For how long it is kept after its end, in milliseconds; `None` for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_ms: Option<u64>,
    /// What the dialect wants to find again with it, some hundred bytes. Nobody else reads it.
    #[serde(default)]
    pub label: String,
}

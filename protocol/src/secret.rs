use std::fmt;

use serde::{Deserialize, Serialize};

/// A key, token or password. It travels in the clear inside the authenticated calls of this crate and is never printed:
/// `Debug` writes a placeholder and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself, for the one place that signs or compares with it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_print_the_secret() {
        let printed = format!("{:?} {:#?}", Secret::new("hunter2"), Some(Secret::new("hunter2")));
        assert!(!printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn travels_as_a_plain_string() {
        let json = serde_json::to_string(&Secret::new("k")).unwrap();
        assert_eq!(json, "\"k\"");
        assert_eq!(serde_json::from_str::<Secret>(&json).unwrap().expose(), "k");
    }
}

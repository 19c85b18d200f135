/// An object never changes once the store has it. Without `public` a shared cache keeps no answer to a request that carried
/// credentials, so what is private stays private; what can be fetched without them is cached all the same.
const IMMUTABLE: &str = "max-age=31536000, immutable";
/// A playlist grows under its name: caches have to ask the store before they answer with their copy.
const REVALIDATED: &str = "no-cache";

/// What a store keeps with an object and tells whoever fetches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Headers {
    pub(super) content_type: &'static str,
    pub(super) cache_control: &'static str,
}

impl Headers {
    /// For an object that is written once.
    pub(super) fn immutable(content_type: &'static str) -> Self {
        Self {
            content_type,
            cache_control: IMMUTABLE,
        }
    }

    /// For an object that is written again under the same name.
    pub(super) fn changing(content_type: &'static str) -> Self {
        Self {
            content_type,
            cache_control: REVALIDATED,
        }
    }
}

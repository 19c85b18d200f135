use crate::input::Targets;

/// The terms under which a configuration is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The servers that the store may be at.
    pub(crate) targets: Targets,
    /// Whether a vendor or a region that is left out is number 0.
    pub(crate) absent_is_zero: bool,
    /// Unix milliseconds.
    pub(crate) now_ms: u64,
}

//! The ways in which files are made of recorded ones, and how callbacks are told of them.

/// Files that are made of recorded ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    Merge {
        /// Whether it is kept for ever, as converted files are.
        lasting: bool,
    },
    MergeMp4,
    Convert,
}

impl Join {
    pub(super) fn is_lasting(self) -> bool {
        matches!(self, Self::Merge { lasting: true } | Self::Convert)
    }

    pub(super) fn word(self) -> Word {
        match self {
            Self::Merge { .. } | Self::MergeMp4 => Word::Merge,
            Self::Convert => Word::Convert,
        }
    }

    /// In which form the call's own callback is told.
    pub(super) fn form(self) -> &'static str {
        match self {
            Self::Merge { .. } => MERGE_FORM,
            Self::MergeMp4 => MERGE_MP4_FORM,
            Self::Convert => PLAYBACK_FORM,
        }
    }
}

/// The uids under which what is made stands in the index. Nobody can publish or record under them: they are no recorder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Merge,
    Convert,
}

impl Word {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Convert => "transcode",
        }
    }

    pub(super) fn is_one(uid: &str) -> bool {
        [Self::Merge, Self::Convert].into_iter().any(|word| word.name() == uid)
    }
}

/// The forms in which callbacks are told, as [`Told::form`](crate::joining::Told::form) has them.
pub(super) const MERGE_FORM: &str = "merge";
pub(super) const MERGE_MP4_FORM: &str = "merge-mp4";
pub(super) const FILE_FORM: &str = "file";
pub(super) const PLAYBACK_FORM: &str = "playback";

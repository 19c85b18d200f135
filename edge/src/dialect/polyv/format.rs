use protocol::FileKind;

/// In what a file is. The numbers stand in a callback's list of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    M3u8,
    Mp4,
}

impl Format {
    const ALL: [Self; 2] = [Self::M3u8, Self::Mp4];

    pub(super) fn of(kind: FileKind) -> Option<Self> {
        match kind {
            FileKind::Playlist => Some(Self::M3u8),
            FileKind::Mp4 => Some(Self::Mp4),
            FileKind::M4a | FileKind::Mp3 => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::M3u8 => "m3u8",
            Self::Mp4 => "mp4",
        }
    }

    pub(super) fn number(self) -> u32 {
        match self {
            Self::M3u8 => 1,
            Self::Mp4 => 2,
        }
    }

    /// The formats that a callback wants, as `m3u8,mp4`.
    pub(super) fn names(wanted: Option<&[u32]>) -> String {
        let is_wanted = |format: &Self| wanted.is_none_or(|wanted| wanted.contains(&format.number()));
        let names: Vec<_> = Self::ALL.into_iter().filter(is_wanted).map(Self::name).collect();
        names.join(",")
    }

    /// The inverse of [`Self::names`].
    pub(super) fn numbers(names: &str) -> Option<Vec<u32>> {
        let number = |name: &str| {
            let mut all = Self::ALL.into_iter();
            all.find(|format| format.name() == name.trim()).map(Self::number)
        };
        let mut numbers: Vec<_> = names.split(',').map(number).collect::<Option<_>>()?;
        numbers.sort_unstable();
        numbers.dedup();
        Some(numbers)
    }
}

//! What the markers of a sender are worth: the standards have one on the last packet of a picture, and some senders have one on
//! each slice.

/// See the module. The first picture shows it, which is why that one waits for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Markers {
    #[default]
    Unknown,
    EndPictures,
    /// Pictures end where another one begins.
    EndSlices,
}

impl Markers {
    /// More of a picture comes behind a marker.
    pub(super) fn went_on(&mut self) {
        *self = Self::EndSlices;
    }

    /// A picture has ended, and nothing has shown that markers do not end one.
    pub(super) fn ended(&mut self) {
        if *self == Self::Unknown {
            *self = Self::EndPictures;
        }
    }

    pub(super) fn end_pictures(self) -> bool {
        self == Self::EndPictures
    }
}

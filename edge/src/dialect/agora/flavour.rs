//! Where the vendors that share this API differ.

/// One of the vendors that share this API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::dialect) enum Flavour {
    #[default]
    Agora,
    Anyrtc,
}

/// The longest uid of anyRTC, in characters.
const MAX_TEXT_UID: usize = 48;

impl Flavour {
    /// Whether a text can be a uid. Agora's are 1 to 2^32-1 in decimal, without leading zeros, so that one user has one
    /// spelling; anyRTC's are texts.
    pub(super) fn is_uid(self, text: &str) -> bool {
        match self {
            Self::Agora => {
                text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') && text.parse::<u32>().is_ok()
            }
            Self::Anyrtc => (1..=MAX_TEXT_UID).contains(&text.chars().count()) && !text.chars().any(|c| c.is_control()),
        }
    }

    /// What a uid is, to go on with "must be" or "must hold".
    pub(super) fn uid_rule(self) -> &'static str {
        match self {
            Self::Agora => "a whole number from 1 to 4294967295",
            Self::Anyrtc => "1 to 48 characters",
        }
    }

    /// Whether answers of the service stand in an envelope, `{"Code":200,"Body":{…}}`.
    pub(super) fn has_envelope(self) -> bool {
        self == Self::Anyrtc
    }

    /// Whether a storage vendor or region that is left out is 0: anyRTC's clients leave out zeros.
    pub(super) fn leaves_out_zeros(self) -> bool {
        self == Self::Anyrtc
    }

    /// Whether the files of a mixed recording are listed like others, rather than its playlist's name told.
    pub(super) fn lists_mixed_files(self) -> bool {
        self == Self::Anyrtc
    }

    /// Whether status 5 waits for the first uploaded file, rather than for the first media.
    pub(super) fn runs_from_the_first_upload(self) -> bool {
        self == Self::Anyrtc
    }

    /// Whether one recording can take snapshots and write media files.
    pub(super) fn snapshots_beside_files(self) -> bool {
        self == Self::Agora
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids() {
        let long = "é".repeat(48);
        for (uid, agora, anyrtc) in [
            ("1", true, true),
            ("527841", true, true),
            ("4294967295", true, true),
            ("4294967296", false, true),
            ("8810546176", false, true),
            ("0", false, true),
            ("01", false, true),
            ("-1", false, true),
            ("+1", false, true),
            ("1.0", false, true),
            ("1 ", false, true),
            ("anna", false, true),
            ("١", false, true),
            (&long, false, true),
            (&format!("{long}x"), false, false),
            ("a\nb", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (Flavour::Agora.is_uid(uid), Flavour::Anyrtc.is_uid(uid)),
                (agora, anyrtc),
                "{uid:?}"
            );
        }
    }
}

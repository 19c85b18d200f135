use super::annexb;

/// What the pictures of a track are coded in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VideoCodec {
    #[default]
    H264,
    H265,
    Vp8,
    Vp9,
    Av1,
    /// Motion JPEG: each picture by itself.
    Jpeg,
}

impl VideoCodec {
    /// As a person knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
            Self::Jpeg => "JPEG",
        }
    }

    /// Whether other pictures may be predicted from this access unit. What cannot be understood counts as such.
    pub fn is_reference(self, data: &[u8]) -> bool {
        match self {
            Self::H264 => annexb::is_reference(data),
            Self::Jpeg => false,
            // In H.265 a picture tells only whether those of its own sub-layer refer to it.
            Self::H265 | Self::Vp8 | Self::Vp9 | Self::Av1 => true,
        }
    }
}

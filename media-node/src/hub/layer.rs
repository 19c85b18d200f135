/// What one of the pictures of different sizes is like that a publisher sends at once, at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerState {
    /// Width and height of its pictures in pixels; `None` before its first keyframe.
    pub size: Option<(u32, u32)>,
    pub bits_per_second: u64,
    /// Whether pictures come: publishers leave layers out when their network is narrow.
    pub is_sending: bool,
}

use protocol::SecretUrl;

/// How large a user's picture is shown, in pixels; nothing where it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    pub width: u32,
    pub height: u32,
    /// Whether the picture is cut, or distorted, until it fills all of it; else it is shown whole.
    pub is_cut: bool,
}

impl Area {
    /// What fills both.
    pub fn with(self, other: Self) -> Self {
        Self {
            width: self.width.max(other.width),
            height: self.height.max(other.height),
            is_cut: self.is_cut || other.is_cut,
        }
    }

    /// Where the picture is that fills it, of those that a stream has: our channel servers know what is asked for.
    pub(super) fn of(self, stream: &SecretUrl) -> SecretUrl {
        let url = stream.expose();
        let (mark, name) = (
            if url.contains('?') { '&' } else { '?' },
            if self.is_cut { "fill" } else { "fit" },
        );
        let Self { width, height, .. } = self;
        format!("{url}{mark}{name}={width}x{height}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_for_behind_whatever_else_is_asked() {
        let area = Area {
            width: 640,
            height: 360,
            is_cut: false,
        };
        let asked = |url: &str, area: Area| area.of(&url.to_owned().into()).expose().to_owned();
        assert_eq!(asked("rtsp://h/a/b/c", area), "rtsp://h/a/b/c?fit=640x360");
        let cut = Area {
            width: 0,
            height: 720,
            is_cut: true,
        };
        assert_eq!(
            asked("rtsp://h/a/b/c?key=k", area.with(cut)),
            "rtsp://h/a/b/c?key=k&fill=640x720"
        );
        assert_eq!(asked("x", Area::default()), "x?fit=0x0");
    }
}

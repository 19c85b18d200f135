use std::collections::BTreeMap;

use protocol::{Fill, StreamKind};

use super::layout::{Region, Seen};
use crate::selection::Area;

/// How large the cameras of users are shown; of those that nobody sees nothing is.
pub fn areas(regions: &[Region], users: &[Seen<'_>]) -> BTreeMap<String, Area> {
    let mut areas: BTreeMap<String, Area> = users
        .iter()
        .map(|user| (user.uid.to_owned(), Area::default()))
        .collect();
    let cameras = regions
        .iter()
        .filter(|region| matches!(region.stream, None | Some(StreamKind::Camera)));
    for region in cameras {
        let user = users.get(region.user).and_then(|user| areas.get_mut(user.uid));
        if let Some(area) = user {
            *area = area.with(Area {
                width: region.rect.width,
                height: region.rect.height,
                is_cut: region.fill != Fill::Fit,
            });
        }
    }
    areas
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::layout::Rect;
    use super::*;

    fn region(user: usize, stream: Option<StreamKind>, (width, height): (u32, u32), fill: Fill) -> Region {
        let rect = Rect {
            x: 0,
            y: 0,
            width,
            height,
        };
        Region {
            user,
            stream,
            rect,
            seen: rect,
            fill,
            alpha: 256,
        }
    }

    #[test]
    fn each_camera_has_the_area_of_all_its_regions() {
        let users = ["a", "b", "c"].map(|uid| Seen {
            uid,
            streams: BTreeSet::new(),
        });
        let regions = [
            region(0, None, (640, 360), Fill::Fit),
            region(0, Some(StreamKind::Camera), (200, 400), Fill::Crop),
            region(1, Some(StreamKind::Camera), (320, 180), Fill::Fit),
            region(1, Some(StreamKind::Screen), (1_280, 720), Fill::Stretch),
        ];
        let area = |width, height, is_cut| Area { width, height, is_cut };
        let expected = [
            ("a", area(640, 400, true)),
            ("b", area(320, 180, false)),
            ("c", Area::default()),
        ];
        assert_eq!(
            areas(&regions, &users),
            expected.map(|(uid, area)| (uid.to_owned(), area)).into()
        );
    }
}

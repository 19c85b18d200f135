use std::collections::{BTreeMap, BTreeSet};

use protocol::{CustomRegion, Layout, Scene, StreamKind};

use super::area::Area;

/// What is shown of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The one stream that is the user's picture.
    pub picture: bool,
    /// Streams that have regions of their own.
    pub streams: BTreeSet<StreamKind>,
}

/// What a scene shows of each user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Views {
    named: BTreeMap<String, View>,
    /// Of users that the scene does not name.
    others: View,
    /// How large the cameras of users are shown, as far as that is known.
    areas: BTreeMap<String, Area>,
}

impl Views {
    /// Every user's picture.
    pub fn pictures() -> Self {
        Self {
            named: BTreeMap::new(),
            others: View {
                picture: true,
                streams: BTreeSet::new(),
            },
            areas: BTreeMap::new(),
        }
    }

    pub fn of(scene: &Scene) -> Self {
        match &scene.layout {
            Layout::Custom { regions } if regions.iter().any(|region| region.stream.is_some()) => Self::custom(regions),
            // Who has no region may have one in the next scene, and is then to be seen at once.
            Layout::Floating | Layout::BestFit | Layout::Vertical { .. } | Layout::Custom { .. } => Self::pictures(),
            Layout::Even { tiles } | Layout::Master { tiles, .. } => Self {
                named: BTreeMap::new(),
                others: View {
                    picture: false,
                    streams: tiles.order.iter().copied().collect(),
                },
                areas: BTreeMap::new(),
            },
        }
    }

    fn custom(regions: &[CustomRegion]) -> Self {
        let (mut named, mut others) = (BTreeMap::<String, View>::new(), View::default());
        for region in regions {
            let view = match &region.uid {
                Some(uid) => named.entry(uid.clone()).or_default(),
                None => &mut others,
            };
            match region.stream {
                Some(kind) => drop(view.streams.insert(kind)),
                None => view.picture = true,
            }
        }
        // A region of a stream without a uid is also for users who are named for other streams.
        for view in named.values_mut() {
            view.streams.extend(&others.streams);
        }
        Self {
            named,
            others,
            areas: BTreeMap::new(),
        }
    }

    /// The same, with how large the cameras of users are shown.
    pub fn with_areas(self, areas: BTreeMap<String, Area>) -> Self {
        Self { areas, ..self }
    }

    pub fn user(&self, uid: &str) -> &View {
        self.named.get(uid).unwrap_or(&self.others)
    }

    /// How large a user's camera is shown, if that is known.
    pub fn area(&self, uid: &str) -> Option<Area> {
        self.areas.get(uid).copied()
    }

    /// Whether streams of any user have regions of their own.
    pub fn have_streams(&self) -> bool {
        let mut views = self.named.values().chain([&self.others]);
        views.any(|view| !view.streams.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Fill, Tiles};

    use super::*;

    fn region(uid: Option<&str>, stream: Option<StreamKind>) -> CustomRegion {
        CustomRegion {
            uid: uid.map(str::to_owned),
            stream,
            x: 0.0,
            y: 0.0,
            width: 1.0,
            height: 1.0,
            alpha: 1.0,
            fill: Fill::Crop,
        }
    }

    fn views(layout: Layout) -> Views {
        Views::of(&Scene {
            layout,
            ..Scene::default()
        })
    }

    fn view(picture: bool, streams: &[StreamKind]) -> View {
        View {
            picture,
            streams: streams.iter().copied().collect(),
        }
    }

    #[test]
    fn layouts_of_users_show_one_picture_of_each() {
        let plain = Layout::Custom {
            regions: vec![region(Some("1"), None)],
        };
        for layout in [Layout::Floating, Layout::BestFit, plain] {
            let views = views(layout);
            assert_eq!(views, Views::pictures());
            assert!(!views.have_streams());
            assert_eq!(views.user("2"), &view(true, &[]));
        }
    }

    #[test]
    fn regions_of_streams_show_these_and_nothing_else() {
        use StreamKind::{Camera, Screen, Whiteboard};
        let views = views(Layout::Custom {
            regions: vec![
                region(Some("1"), Some(Screen)),
                region(Some("1"), Some(Camera)),
                region(Some("2"), None),
                region(None, Some(Whiteboard)),
            ],
        });
        assert!(views.have_streams());
        assert_eq!(views.user("1"), &view(false, &[Camera, Screen, Whiteboard]));
        assert_eq!(views.user("2"), &view(true, &[Whiteboard]));
        assert_eq!(views.user("3"), &view(false, &[Whiteboard]));
    }

    #[test]
    fn tiles_are_the_streams_of_their_kinds() {
        let tiles = Tiles {
            most: 9,
            fill: Fill::Crop,
            order: vec![StreamKind::Screen, StreamKind::Camera],
        };
        let views = views(Layout::Even { tiles });
        assert_eq!(views.user("1"), &view(false, &[StreamKind::Camera, StreamKind::Screen]));
    }
}

//! Which layer somebody gets. Pure.

use crate::hub::LayerState;

/// A larger layer has to fit by so much more than its rate before it takes the place of a smaller one, in hundredths: rates vary,
/// and who goes up to come down again sees two changes for nothing.
const UP_PERCENT: u64 = 115;

/// What a picture is to fill, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Area {
    pub width: u32,
    pub height: u32,
    /// Whether the picture is cut, or distorted, until it fills all of it; else it is shown whole, between bars.
    pub is_cut: bool,
}

impl Area {
    /// Whether a picture of this size need not be enlarged to fill it.
    fn is_filled_by(&self, (width, height): (u32, u32)) -> bool {
        let (is_wide, is_high) = (width >= self.width, height >= self.height);
        if self.is_cut {
            is_wide && is_high
        } else {
            is_wide || is_high
        }
    }
}

/// What somebody wants of a picture. Without anything it is the best one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The smallest layer that is so high in pixels, or else the best one.
    pub height: Option<u32>,
    /// And that fills this.
    pub area: Option<Area>,
    /// What the way to them carries, in bits a second, where that is known.
    pub bits_per_second: Option<u64>,
}

impl Wish {
    /// The smallest layer.
    pub const LEAST: Self = Self {
        height: Some(0),
        area: None,
        bits_per_second: None,
    };
}

/// The layer that somebody gets next who has `current` now; `None` where no layer sends pictures of which the size is known.
pub fn choose(layers: &[LayerState], current: Option<usize>, wish: Wish) -> Option<usize> {
    let sending = sending(layers);
    let mut wanted = wanted(&sending, wish)?;
    let is_larger = |layer: &Candidate| {
        let current = current.and_then(|current| sending.iter().find(|candidate| candidate.index == current));
        current.is_none_or(|current| layer.pixels > current.pixels)
    };
    let fits = |layer: &Candidate| {
        wish.bits_per_second.is_none_or(|carried| match is_larger(layer) {
            true => layer.rate.saturating_mul(UP_PERCENT) / 100 <= carried,
            false => layer.rate <= carried,
        })
    };
    while wanted > 0 && !sending.get(wanted).is_some_and(fits) {
        wanted -= 1;
    }
    sending.get(wanted).map(|layer| layer.index)
}

/// The bits a second of the layer that the wish means, however little the way carries.
pub fn wanted_rate(layers: &[LayerState], wish: Wish) -> u64 {
    let sending = sending(layers);
    let layer = wanted(&sending, wish).and_then(|wanted| sending.get(wanted));
    layer.map_or(0, |layer| layer.rate)
}

struct Candidate {
    index: usize,
    pixels: u64,
    size: (u32, u32),
    rate: u64,
}

/// From the smallest one to the largest.
fn sending(layers: &[LayerState]) -> Vec<Candidate> {
    let candidate = |(index, layer): (usize, &LayerState)| {
        let (width, height) = layer.size.filter(|_| layer.is_sending)?;
        Some(Candidate {
            index,
            pixels: u64::from(width) * u64::from(height),
            size: (width, height),
            rate: layer.bits_per_second,
        })
    };
    let mut sending: Vec<_> = layers.iter().enumerate().filter_map(candidate).collect();
    sending.sort_by_key(|layer| layer.pixels);
    sending
}

fn wanted(sending: &[Candidate], wish: Wish) -> Option<usize> {
    let last = sending.len().checked_sub(1)?;
    if wish.height.is_none() && wish.area.is_none() {
        return Some(last);
    }
    let does = |layer: &Candidate| {
        let is_high = wish.height.is_none_or(|height| layer.size.1 >= height);
        is_high && wish.area.is_none_or(|area| area.is_filled_by(layer.size))
    };
    Some(sending.iter().position(does).unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best one first, as some publishers name them.
    const LAYERS: [(u32, u64, bool); 3] = [(720, 2_000_000, true), (360, 500_000, true), (180, 150_000, true)];

    fn layers(of: &[(u32, u64, bool)]) -> Vec<LayerState> {
        let layer = |(height, rate, is_sending): &(u32, u64, bool)| LayerState {
            size: (*height > 0).then_some((height * 16 / 9, *height)),
            bits_per_second: *rate,
            is_sending: *is_sending,
        };
        of.iter().map(layer).collect()
    }

    fn height(height: u32) -> Wish {
        Wish {
            height: Some(height),
            ..Wish::default()
        }
    }

    fn carries(kbps: u64) -> Wish {
        Wish {
            bits_per_second: Some(kbps * 1_000),
            ..Wish::default()
        }
    }

    #[test]
    fn a_height_is_the_smallest_layer_that_has_it() {
        let layers = layers(&LAYERS);
        let chosen = |wish| choose(&layers, None, wish);
        assert_eq!(chosen(Wish::default()), Some(0));
        assert_eq!(chosen(Wish::LEAST), Some(2));
        assert_eq!(
            [1, 180, 181, 360, 720, 2_160].map(|of| chosen(height(of))),
            [2, 2, 1, 1, 0, 0].map(Some)
        );
        assert_eq!(wanted_rate(&layers, height(360)), 500_000);
        assert_eq!(wanted_rate(&layers, carries(1)), 2_000_000);
    }

    #[test]
    fn an_area_gets_the_smallest_layer_that_fills_it() {
        let layers = layers(&LAYERS);
        let chosen = |width, height, is_cut| {
            let area = Some(Area { width, height, is_cut });
            let wish = Wish {
                area,
                ..Wish::default()
            };
            choose(&layers, None, wish)
        };
        assert_eq!(chosen(640, 360, true), Some(1));
        assert_eq!(chosen(642, 360, true), Some(0));
        assert_eq!(chosen(318, 180, true), Some(2));
        assert_eq!(chosen(320, 640, true), Some(0), "its sides are cut off");
        assert_eq!(chosen(320, 640, false), Some(2), "there are bars above and below");
        assert_eq!(chosen(1_920, 1_080, true), Some(0), "there is no larger one");
        assert_eq!(chosen(0, 0, true), Some(2));
    }

    #[test]
    fn a_narrow_way_gets_a_smaller_layer_and_the_smallest_at_least() {
        let layers = layers(&LAYERS);
        let chosen = |current, kbps| choose(&layers, current, carries(kbps));
        assert_eq!(chosen(None, 10_000), Some(0));
        assert_eq!(chosen(Some(0), 2_000), Some(0));
        assert_eq!(chosen(Some(0), 1_999), Some(1));
        assert_eq!(chosen(Some(1), 2_200), Some(1), "it has to fit well");
        assert_eq!(chosen(Some(1), 2_300), Some(0));
        assert_eq!(chosen(Some(1), 1), Some(2));
        let both = Wish {
            height: Some(360),
            ..carries(10_000)
        };
        assert_eq!(choose(&layers, Some(2), both), Some(1));
    }

    #[test]
    fn layers_that_do_not_come_are_not_chosen() {
        let mut of = LAYERS;
        of[0].2 = false;
        assert_eq!(choose(&layers(&of), Some(0), Wish::default()), Some(1));
        of[1].0 = 0;
        assert_eq!(
            choose(&layers(&of), Some(0), Wish::default()),
            Some(2),
            "it has no size yet"
        );
        of[2].2 = false;
        assert_eq!(choose(&layers(&of), Some(0), Wish::default()), None);
    }
}

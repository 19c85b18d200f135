use super::Crop;
use crate::stream::Quarters;

/// One, as display matrices have it, and what scales both sides.
const ONE: i32 = 1 << 16;
const SCALE: i32 = 1 << 30;
/// Nine numbers of 32 bits.
pub(super) const MATRIX_BYTES: usize = 36;

/// What has to be done to a picture as it is coded so that it stands upright: first the turn about its falling diagonal, then
/// the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Rows become columns.
    pub transposed: bool,
    /// Left becomes right.
    pub mirrored: bool,
    /// The top becomes the bottom.
    pub upended: bool,
}

/// The display matrix, as [`Turn::of_matrix`] takes it, of a picture that has to be turned like this; `None` for one that stands
/// upright.
pub(super) fn matrix(quarters: Quarters) -> Option<[i32; 9]> {
    let (cosine, sine) = match quarters.number() {
        0 => return None,
        1 => (0, ONE),
        2 => (-ONE, 0),
        _ => (0, -ONE),
    };
    Some([cosine, sine, 0, -sine, cosine, 0, 0, 0, SCALE])
}

/// A display matrix as FFmpeg has it in memory.
pub(super) fn bytes(matrix: &[i32; 9]) -> [u8; MATRIX_BYTES] {
    let mut bytes = [0; MATRIX_BYTES];
    for (to, number) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(matrix) {
        *to = number.to_ne_bytes();
    }
    bytes
}

impl Turn {
    /// The nearest to a display matrix as FFmpeg has it: nine numbers, row by row, of which a point's row vector is multiplied
    /// from the left. None where it has no direction.
    pub(super) fn of_matrix(matrix: &[i32; 9]) -> Self {
        let [a, b, _, c, d, ..] = *matrix;
        let size = |number: i32| u64::from(number.unsigned_abs());
        if size(b) + size(c) > size(a) + size(d) {
            Self {
                transposed: true,
                mirrored: c < 0,
                upended: b < 0,
            }
        } else {
            Self {
                transposed: false,
                mirrored: a < 0,
                upended: d < 0,
            }
        }
    }

    /// A size as coded, upright; and the other way round.
    pub(super) fn size(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.transposed {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// The part of a picture of this coded size that a part of the upright picture is made of.
    pub(super) fn crop(self, upright: Crop, coded: (u32, u32)) -> Crop {
        let (width, height) = self.size(coded);
        let from_right = width.saturating_sub(upright.x.saturating_add(upright.width));
        let from_bottom = height.saturating_sub(upright.y.saturating_add(upright.height));
        let x = if self.mirrored { from_right } else { upright.x };
        let y = if self.upended { from_bottom } else { upright.y };
        let (x, y) = self.size((x, y));
        let (width, height) = self.size((upright.width, upright.height));
        Crop { x, y, width, height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(a: i32, b: i32, c: i32, d: i32) -> Turn {
        Turn::of_matrix(&[a, b, 0, c, d, 0, 0, 0, 1 << 30])
    }

    fn turn(transposed: bool, mirrored: bool, upended: bool) -> Turn {
        Turn {
            transposed,
            mirrored,
            upended,
        }
    }

    #[test]
    fn matrices_are_read_to_the_nearest_quarter() {
        assert_eq!(of(ONE, 0, 0, ONE), Turn::default());
        assert_eq!(of(0, ONE, -ONE, 0), turn(true, true, false), "a quarter clockwise");
        assert_eq!(of(0, -ONE, ONE, 0), turn(true, false, true));
        assert_eq!(of(-ONE, 0, 0, -ONE), turn(false, true, true));
        assert_eq!(of(-ONE, 0, 0, ONE), turn(false, true, false));
        assert_eq!(of(ONE, ONE / 9, -ONE / 9, ONE), Turn::default());
        assert_eq!(Turn::of_matrix(&[0; 9]), Turn::default());
    }

    #[test]
    fn quarters_are_turns_clockwise() {
        let turned = [1, 2, 3].map(|number| Turn::of_matrix(&matrix(Quarters::new(number)).unwrap()));
        let expected = [
            turn(true, true, false),
            turn(false, true, true),
            turn(true, false, true),
        ];
        assert_eq!(turned, expected);
        assert_eq!(matrix(Quarters::new(4)), None);
    }

    #[test]
    fn parts_are_found_where_they_are_coded() {
        let part = |turn: Turn| {
            let part = turn.crop(
                Crop {
                    x: 0,
                    y: 0,
                    width: 4,
                    height: 2,
                },
                (8, 6),
            );
            (part.x, part.y, part.width, part.height)
        };
        assert_eq!(part(Turn::default()), (0, 0, 4, 2));
        assert_eq!(part(turn(false, true, true)), (4, 4, 4, 2));
        // What is to be the upper left corner is coded as the lower left one.
        assert_eq!(part(turn(true, true, false)), (0, 2, 2, 4));
        assert_eq!(part(turn(true, false, true)), (6, 0, 2, 4));
    }
}

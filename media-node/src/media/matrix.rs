//! From one matrix of luma and colour differences to another, in planar YUV 4:2:0 of 8 bits and limited range.

use ffmpeg_next::color;

use super::{MediaError, Picture};

/// Of red and of blue in luma.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix {
    red: f64,
    blue: f64,
}

impl Matrix {
    /// ITU-R BT.601, which all that is composed has.
    const COMPOSED: Self = Self {
        red: 0.299,
        blue: 0.114,
    };
    const BT709: Self = Self {
        red: 0.2126,
        blue: 0.0722,
    };
    const BT2020: Self = Self {
        red: 0.2627,
        blue: 0.0593,
    };

    /// That of a picture, where it is not the composed one, which a stream has that tells none.
    pub(super) fn of(picture: &Picture) -> Option<Self> {
        match picture.0.color_space() {
            color::Space::BT709 => Some(Self::BT709),
            color::Space::BT2020NCL | color::Space::BT2020CL => Some(Self::BT2020),
            _ => None,
        }
    }

    /// What luma and the differences gain by each of the source's differences, blue first, in 1/65536, and what the differences
    /// keep of their own.
    fn to_composed(self) -> [[i32; 2]; 3] {
        const CHROMA_PER_LUMA: f64 = 224.0 / 219.0;
        let green = 1.0 - self.red - self.blue;
        let (to, mut out) = (Self::COMPOSED, [[0.0; 2]; 3]);
        // Of a difference of 1 with luma 0, in the source's own terms.
        for (column, [from_blue, from_red]) in [[1.0, 0.0], [0.0, 1.0]].into_iter().enumerate() {
            let blue = from_blue * 2.0 * (1.0 - self.blue);
            let red = from_red * 2.0 * (1.0 - self.red);
            let greens = -(self.blue * blue + self.red * red) / green;
            let luma = to.red * red + (1.0 - to.red - to.blue) * greens + to.blue * blue;
            out[0][column] = luma / CHROMA_PER_LUMA;
            out[1][column] = (blue - luma) / (2.0 * (1.0 - to.blue));
            out[2][column] = (red - luma) / (2.0 * (1.0 - to.red));
        }
        out.map(|row| row.map(|factor| (factor * 65_536.0).round() as i32))
    }

    /// Converts a picture that has this matrix and even sides.
    pub(super) fn compose(self, picture: &mut Picture) -> Result<(), MediaError> {
        const HALF: i32 = 1 << 15;
        const GREY: i32 = 128;
        picture.make_writable()?;
        let [luma, blue, red] = self.to_composed();
        let (width, height) = picture.plane_size(1);
        // What the luma above each pair of differences gains.
        let mut gains = vec![0i16; width];
        let mut reds = vec![0u8; width];
        for y in 0..height {
            let by = |[of_blue, of_red]: [i32; 2], b: i32, r: i32| (of_blue * b + of_red * r + HALF) >> 16;
            reds.copy_from_slice(&picture.plane(2).row(y)[..width]);
            let mut plane = picture.plane_mut(1);
            let row = &mut plane.row_mut(y)[..width];
            for ((b, r), gain) in row.iter_mut().zip(&mut reds).zip(&mut gains) {
                let (from_blue, from_red) = (i32::from(*b) - GREY, i32::from(*r) - GREY);
                *gain = by(luma, from_blue, from_red) as i16;
                *b = (GREY + by(blue, from_blue, from_red)).clamp(0, 255) as u8;
                *r = (GREY + by(red, from_blue, from_red)).clamp(0, 255) as u8;
            }
            picture.plane_mut(2).row_mut(y)[..width].copy_from_slice(&reds);
            for line in 2 * y..2 * y + 2 {
                let mut plane = picture.plane_mut(0);
                let row = &mut plane.row_mut(line)[..2 * width];
                for (pair, gain) in row.chunks_exact_mut(2).zip(&gains) {
                    for sample in pair {
                        *sample = (i16::from(*sample) + gain).clamp(0, 255) as u8;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primary_colours_become_what_they_are_in_the_composed_matrix() {
        super::super::init().unwrap();
        // Limited range, by BT.709 and by BT.601.
        for (name, from, expected) in [
            ("white", [235, 128, 128], [235, 128, 128]),
            ("red", [63, 102, 240], [81, 90, 240]),
            ("green", [173, 42, 26], [145, 54, 34]),
            ("blue", [32, 240, 118], [41, 240, 110]),
            ("yellow", [219, 16, 138], [210, 16, 146]),
        ] {
            let mut picture = Picture::new(4, 4).unwrap();
            for (index, level) in from.into_iter().enumerate() {
                picture.plane_mut(index).data.fill(level);
            }
            Matrix::BT709.compose(&mut picture).unwrap();
            for (index, level) in expected.into_iter().enumerate() {
                let (width, height) = picture.plane_size(index);
                let found = picture.plane(index).row(height - 1)[width - 1];
                assert!(
                    found.abs_diff(level) <= 2,
                    "{name}: plane {index} is {found} and not {level}"
                );
            }
        }
    }
}

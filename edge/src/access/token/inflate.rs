//! Inflates zlib streams strictly. Deflate can write the same content in several ways, and ready-made inflaters accept
//! them all; a token must not be good in a changed form. So padding must be zero, a repetition must name the nearest place
//! it can be copied from, and nothing may follow the checksum. The generators' encoders write this form; only the fastest
//! levels, which look at one place for each repetition, do not.

/// The whole stream's content, at most `limit` bytes; `None` for anything else than the strict form.
pub(super) fn inflate(stream: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (header, rest) = stream.split_first_chunk()?;
    let (deflated, sum) = rest.split_last_chunk()?;
    // Method 8, a window that zlib knows, no preset dictionary.
    let known = header[0] & 0x0f == 8 && header[0] >> 4 <= 7 && header[1] & 0x20 == 0;
    if !known || u16::from_be_bytes(*header) % 31 != 0 {
        return None;
    }
    let mut bits = Bits {
        bytes: deflated,
        position: 0,
    };
    let mut content = Content {
        bytes: Vec::new(),
        limit,
    };
    loop {
        let last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => stored(&mut bits, &mut content)?,
            1 => {
                let lengths = [(8, 144), (9, 112), (7, 24), (8, 8)];
                let lengths: Vec<u8> = lengths
                    .into_iter()
                    .flat_map(|(bits, n)| std::iter::repeat_n(bits, n))
                    .collect();
                coded(&mut bits, &mut content, &Code::new(&lengths)?, &Code::new(&[5; 32])?)?;
            }
            2 => {
                let (symbols, distances) = codes(&mut bits)?;
                coded(&mut bits, &mut content, &symbols, &distances)?;
            }
            _ => return None,
        }
        if last {
            break;
        }
    }
    bits.align()?;
    let whole = bits.position == deflated.len() * 8 && adler32(&content.bytes) == u32::from_be_bytes(*sum);
    whole.then_some(content.bytes)
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    b << 16 | a
}

struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits that have been taken.
    position: usize,
}

impl Bits<'_> {
    /// The next `count` bits, the first one lowest; `count` is at most 16.
    fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |bits, at| Some(bits | self.bit()? << at))
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.position / 8)?;
        let bit = byte >> (self.position % 8) & 1;
        self.position += 1;
        Some(bit.into())
    }

    /// Goes to the next whole byte; what is skipped must be zero.
    fn align(&mut self) -> Option<()> {
        while !self.position.is_multiple_of(8) {
            if self.bit()? != 0 {
                return None;
            }
        }
        Some(())
    }
}

struct Content {
    bytes: Vec<u8>,
    limit: usize,
}

impl Content {
    fn push(&mut self, byte: u8) -> Option<()> {
        if self.bytes.len() >= self.limit {
            return None;
        }
        self.bytes.push(byte);
        Some(())
    }

    fn repeat(&mut self, distance: usize, len: usize) -> Option<()> {
        let start = self.bytes.len();
        for at in start..start + len {
            let byte = *self.bytes.get(at.checked_sub(distance)?)?;
            self.push(byte)?;
        }
        let copied = self.bytes.get(start..)?;
        let from = |distance: usize| self.bytes.get(start - distance..start - distance + len);
        let nearer = (1..distance).any(|distance| from(distance) == Some(copied));
        (!nearer).then_some(())
    }
}

/// A Huffman code in canonical form.
struct Code {
    /// How many symbols have a code of 0, 1, … 15 bits.
    counts: [u16; 16],
    /// The symbols that have a code, in the order of their codes.
    symbols: Vec<u16>,
}

impl Code {
    /// `lengths`: the bits of each symbol's code, 0 for none. A code must be complete; one of a single symbol may have a
    /// half that is never used.
    fn new(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0; 16];
        let mut symbols = Vec::with_capacity(lengths.len());
        for bits in 1..16 {
            let of_this_length = (0..).zip(lengths).filter(|(_, length)| usize::from(**length) == bits);
            let before = symbols.len();
            symbols.extend(of_this_length.map(|(symbol, _): (u16, _)| symbol));
            *counts.get_mut(bits)? = u16::try_from(symbols.len() - before).ok()?;
        }
        let mut left = 1_i32;
        for count in counts.iter().skip(1) {
            left = left * 2 - i32::from(*count);
            if left < 0 {
                return None;
            }
        }
        let single = symbols.len() <= 1 && lengths.iter().all(|length| *length <= 1);
        (left == 0 || single).then_some(Self { counts, symbols })
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let (mut code, mut first, mut index) = (0_u32, 0_u32, 0_usize);
        for count in self.counts.iter().skip(1) {
            code |= bits.bit()?;
            if code < first + u32::from(*count) {
                return self
                    .symbols
                    .get(index + usize::try_from(code.checked_sub(first)?).ok()?)
                    .copied();
            }
            index += usize::from(*count);
            first = (first + u32::from(*count)) << 1;
            code <<= 1;
        }
        None
    }
}

fn stored(bits: &mut Bits<'_>, content: &mut Content) -> Option<()> {
    bits.align()?;
    let (len, complement) = (bits.take(16)?, bits.take(16)?);
    if len != complement ^ 0xffff {
        return None;
    }
    (0..len).try_for_each(|_| content.push(bits.take(8)?.try_into().ok()?))
}

fn coded(bits: &mut Bits<'_>, content: &mut Content, symbols: &Code, distances: &Code) -> Option<()> {
    const LENGTHS: [u16; 29] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ];
    const DISTANCES: [u16; 30] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577,
    ];
    loop {
        match symbols.read(bits)? {
            256 => return Some(()),
            symbol if symbol < 256 => content.push(symbol.try_into().ok()?)?,
            symbol => {
                let symbol = usize::from(symbol - 257);
                let extra = if symbol == 28 {
                    0
                } else {
                    (symbol.saturating_sub(4) / 4).try_into().ok()?
                };
                let len = u32::from(*LENGTHS.get(symbol)?) + bits.take(extra)?;
                let symbol = usize::from(distances.read(bits)?);
                let extra = (symbol.saturating_sub(2) / 2).try_into().ok()?;
                let distance = u32::from(*DISTANCES.get(symbol)?) + bits.take(extra)?;
                content.repeat(distance.try_into().ok()?, len.try_into().ok()?)?;
            }
        }
    }
}

/// The two codes that a block brings along.
fn codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let symbol_count = usize::try_from(bits.take(5)? + 257).ok()?;
    let distance_count = usize::try_from(bits.take(5)? + 1).ok()?;
    let length_count = usize::try_from(bits.take(4)? + 4).ok()?;
    let mut lengths = [0; 19];
    for at in ORDER.into_iter().take(length_count) {
        *lengths.get_mut(at)? = bits.take(3)?.try_into().ok()?;
    }
    let lengths_code = Code::new(&lengths)?;
    let mut lengths: Vec<u8> = Vec::with_capacity(320);
    while lengths.len() < symbol_count + distance_count {
        let (length, count) = match lengths_code.read(bits)? {
            16 => (*lengths.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length.try_into().ok()?, 1),
        };
        lengths.extend(std::iter::repeat_n(length, count.try_into().ok()?));
    }
    let (symbols, distances) = lengths.split_at_checked(symbol_count)?;
    (distances.len() == distance_count).then_some((Code::new(symbols)?, Code::new(distances)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::compress_to_vec_zlib;
    use proptest::prelude::*;

    /// `tapedeck` three times, by zlib with a fixed code.
    const FIXED: [u8; 18] = [
        0x78, 0x01, 0x2b, 0x49, 0x2c, 0x48, 0x4d, 0x49, 0x4d, 0xce, 0x2e, 0x41, 0xa3, 0x01, 0x7a, 0xa0, 0x09, 0xc4,
    ];

    #[test]
    fn what_is_no_stream_is_refused() {
        assert_eq!(inflate(&FIXED, 100).as_deref(), Some(&b"tapedecktapedecktapedeck"[..]));
        for len in 0..FIXED.len() {
            assert_eq!(inflate(&FIXED[..len], 100), None, "{len}");
        }
        let empty = compress_to_vec_zlib(b"", 6);
        assert_eq!(inflate(&empty, 0), Some(vec![]));
        assert_eq!(inflate(&[&empty[..], &[0]].concat(), 100), None);
        // A preset dictionary, method 9, a wrong check of the header.
        for header in [[0x78, 0xbb], [0x79, 0x9c], [0x78, 0x9d]] {
            assert_eq!(inflate(&[&header, &empty[2..]].concat(), 100), None, "{header:x?}");
        }
    }

    #[test]
    fn content_is_limited() {
        let stream = compress_to_vec_zlib(&[0; 1000], 6);
        assert_eq!(inflate(&stream, 1000).map(|content| content.len()), Some(1000));
        assert_eq!(inflate(&stream, 999), None);
    }

    #[test]
    fn a_repetition_names_the_nearest_place() {
        // Three literal `a` and a repetition of four, by distance 1, 2 and 3, with a fixed code.
        let stream = |distance_code: u32| {
            let mut bits: Vec<u32> = vec![1, 1, 0];
            let mut code = |value: u32, count: u32| bits.extend((0..count).rev().map(|at| value >> at & 1));
            (0..3).for_each(|_| code(0x30 + u32::from(b'a'), 8));
            code(258 - 256, 7);
            code(distance_code, 5);
            code(0, 7);
            let deflated = bits
                .chunks(8)
                .map(|bits| (0..).zip(bits).fold(0, |byte, (at, bit)| byte | (*bit as u8) << at));
            [
                &[0x78, 0x9c],
                &deflated.collect::<Vec<u8>>()[..],
                &adler32(b"aaaaaaa").to_be_bytes(),
            ]
            .concat()
        };
        assert_eq!(inflate(&stream(0), 100).as_deref(), Some(&b"aaaaaaa"[..]));
        assert_eq!(inflate(&stream(1), 100), None);
        assert_eq!(inflate(&stream(2), 100), None);
        // It cannot come from before the beginning.
        assert_eq!(inflate(&stream(3), 100), None);
    }

    proptest! {
        #[test]
        fn what_an_encoder_wrote_is_read(
            content in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), b'a'..=b'f', any::<u8>()], 0..600),
            level in prop_oneof![Just(0_u8), 2_u8..=9],
        ) {
            let stream = compress_to_vec_zlib(&content, level);
            prop_assert_eq!(inflate(&stream, 600), Some(content));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = inflate(&[&[0x78, 0x9c], &bytes[..]].concat(), 4096);
        }
    }
}

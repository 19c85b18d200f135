/// The most bytes of text in one row, well below the 2 MB that the platform lets a row have.
const MAX_PIECE_BYTES: usize = 1_000_000;

/// A text in pieces that each fit into a row; joined, they are the text. There is at least one.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > MAX_PIECE_BYTES {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(MAX_PIECE_BYTES));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_fits_into_rows() {
        for bytes in [0, 1, MAX_PIECE_BYTES, MAX_PIECE_BYTES + 1, 5 * MAX_PIECE_BYTES / 2] {
            let text = "x".repeat(bytes);
            let pieces = pieces(&text);
            assert!(pieces.iter().all(|piece| piece.len() <= MAX_PIECE_BYTES));
            assert_eq!(pieces.len(), bytes.div_ceil(MAX_PIECE_BYTES).max(1));
            assert_eq!(pieces.concat(), text);
        }
    }

    #[test]
    fn no_character_is_cut() {
        // Four bytes each, behind one of one byte.
        let text = format!("x{}", "\u{1f389}".repeat(MAX_PIECE_BYTES / 3));
        let pieces = pieces(&text);
        assert!(pieces.iter().all(|piece| piece.len() <= MAX_PIECE_BYTES));
        assert_eq!(pieces.concat(), text);
    }
}

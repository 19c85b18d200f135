use super::Problem;
use crate::access::App;
use crate::joining::{Order, Part};
use crate::store::link;

/// The folder of an upload's pieces, below the place of what is made of them.
pub const PIECES: &str = "pieces";
/// A piece is as long as this but for the last, and where they come slowly. Two of them have to fit into the memory of an object.
pub(super) const PIECE_BYTES: usize = 4 << 20;
/// The longest file.
pub const MOST_BYTES: u64 = 4 << 30;

/// What is to be put into a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// It is signed, so it is a secret for as long as it is good.
    pub url: String,
    pub headers: &'static [(&'static str, &'static str)],
}

/// Where a piece goes, and how.
///
/// # Errors
/// Why that is not known, for the operator.
pub fn writing(app: &App, order: &Order, number: usize, now_ms: u64) -> Result<Put, String> {
    let own = app.house_storage.as_ref().and_then(|own| own.find(&order.house.store));
    let storage = own.ok_or("the upload's store is none of the app's any more")?;
    let (url, headers) = link::writing(storage, &key(&order.place, number), now_ms);
    Ok(Put { url, headers })
}

/// The pieces of these sizes, as what is to be joined.
pub fn parts(order: &Order, sizes: &[u64]) -> Vec<Part> {
    let numbered = sizes.iter().enumerate();
    let part = |(number, bytes): (usize, &u64)| Part {
        store: order.house.store.clone(),
        key: key(&order.place, number),
        bytes: *bytes,
    };
    numbered.map(part).collect()
}

fn key(place: &str, number: usize) -> String {
    format!("{place}/{PIECES}/{number:05}")
}

/// Cuts what comes into pieces.
#[derive(Debug, Default)]
pub struct Pieces {
    waiting: Vec<u8>,
    taken: u64,
}

impl Pieces {
    /// # Errors
    /// When the file is too long.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.taken = self.taken.saturating_add(bytes.len() as u64);
        if self.taken > MOST_BYTES {
            return Err(Problem::Unfit("the file is longer than 4 GiB"));
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    /// A whole piece, if there is one.
    pub fn whole(&mut self) -> Option<Vec<u8>> {
        (self.waiting.len() >= PIECE_BYTES).then(|| self.cut())
    }

    /// What is left at the end.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        (!self.waiting.is_empty()).then(|| self.cut())
    }

    fn cut(&mut self) -> Vec<u8> {
        let rest = self.waiting.split_off(self.waiting.len().min(PIECE_BYTES));
        std::mem::replace(&mut self.waiting, rest)
    }

    /// How much waits.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

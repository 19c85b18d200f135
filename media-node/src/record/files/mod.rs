//! Whole files of any format: written so that they can be read after any stop, then finished without encoding anew. A
//! [`Series`] is the files of one format, one after the other; the [`Keeper`] has the disk's slow work done for all of them.
//! It knows formats as data, the spool and the recording's timeline. It does not know users' streams, mixes or playlists.

mod keeper;
mod series;
mod writer;

pub use keeper::Keeper;
pub use series::{Begins, Limits, Series, Target};

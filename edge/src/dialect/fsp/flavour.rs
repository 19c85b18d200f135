/// How many digits the codes of record calls have: the vendor's documents of different years write them differently, and clients
/// compare them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::dialect) enum Flavour {
    /// 10: `6050030001`.
    #[default]
    Ten,
    /// 9: `605030001`.
    Nine,
}

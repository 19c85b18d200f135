//! Versions of the [line](crate::line)'s protocol in which something became known. What is asked for says by them how old a node
//! may be that does it.

/// The oldest version that this software speaks.
pub const OLDEST: u32 = 1;

/// The first version in which a node has one lease for all its recordings, which it renews by pings, and in which a recording
/// reports what has changed. Before, each recording had its own, which each of its reports renewed.
pub const NODE_LEASE: u32 = 2;

/// The first version in which a node knows [outputs](crate::Outputs). An older one would write playlists and pass over the rest,
/// so it is given no recording that asks for more.
pub const OUTPUTS: u32 = 3;

/// The first version in which a node knows streams in places of their own, stretched pictures, tiles and texts. An older one would
/// show a scene without them, or could not read it, so it is given none that has any.
pub const SCENES: u32 = 3;

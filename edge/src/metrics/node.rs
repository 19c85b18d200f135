/// What is told of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFigures {
    pub node_id: String,
    pub region: String,
    /// Recordings that it takes at most.
    pub capacity: u32,
    /// Recordings that it holds, including ended ones that still upload.
    pub recordings: u32,
    /// Its load, from 0 (idle) to 1 (no room).
    pub load: f64,
    pub draining: bool,
    /// Whether it was heard of lately. A silent node has no other figures.
    pub alive: bool,
}

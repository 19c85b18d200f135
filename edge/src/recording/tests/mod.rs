//! The core under virtual time: a table of cases for each rule, and a random model of nodes, network and crashes.

mod awaited;
mod bench;
mod bounds;
mod deadlines;
mod deliveries;
mod failover;
mod handover;
mod inventory;
mod kept;
mod lines;
mod listening;
mod model;
mod notices;
mod opening;
mod pausing;
mod placing;
mod publishing;
mod receiver;
mod reporting;
mod samples;
mod slices;
mod stopping;
mod storage;
mod updating;
mod writing;

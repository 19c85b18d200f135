//! The core under virtual time: a table of cases for each rule, and a random model of nodes, network and crashes.

mod bench;
mod deadlines;
mod failover;
mod handover;
mod ledger;
mod model;
mod placing;
mod publishing;
mod reporting;
mod stopping;
mod updating;

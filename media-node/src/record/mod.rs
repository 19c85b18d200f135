//! How media becomes a recording: one folder for each mode. Works on timed coded units on the recording's own timeline.
//! It does not know how units are captured, where files go, or who asked for them.

pub mod mix;

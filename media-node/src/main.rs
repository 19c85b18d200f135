//! The media plane: one native program that serves channels, records them and uploads what it recorded.

// In a program nothing is reachable from outside: `pub` says what a folder offers to the others.
#![allow(unreachable_pub)]

mod access;
mod agent;
mod api;
mod backoff;
mod capture;
mod channel;
mod clock;
mod command;
mod container;
mod encryption;
mod errand;
mod hub;
mod joiner;
mod layers;
mod media;
mod mix;
mod outbound;
mod playback;
mod random;
mod record;
mod recorder;
mod rtc;
mod rtmp;
mod rtsp;
mod selection;
mod speaking;
mod spool;
mod stream;
mod supervisor;
mod text;
mod transcode;
mod upload;

use std::process::ExitCode;

use clap::Parser;
use command::Cli;

fn main() -> ExitCode {
    command::run(Cli::parse())
}

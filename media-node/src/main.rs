//! The media plane of Tapedeck.

// In a program nothing is reachable from outside: `pub` says what a folder offers to the others.
#![allow(unreachable_pub)]

mod capture;
mod media;
mod record;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "media-node", version, about = "Captures, records, mixes and uploads")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Mixes media files as if they were the users of a channel.
    Mix(record::mix::command::MixArgs),
}

fn main() -> ExitCode {
    let Command::Mix(args) = Cli::parse().command;
    match media::init()
        .map_err(|error| error.to_string())
        .and_then(|()| record::mix::command::run(&args).map_err(|error| error.to_string()))
    {
        Ok(counters) => {
            println!("{}", serde_json::to_string(&counters).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

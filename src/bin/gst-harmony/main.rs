//! `gst-harmony`: looks into H4MK files and stores of Opus, builds, checks, converts and extracts, aligns
//! recordings, and runs pipelines.
//!
//! Every subcommand prints for people by default and for programs with `--json`. Exit status: 0, 1 (bad data or a
//! pipeline that failed), 2 (bad usage).

mod align;
mod build;
mod chain;
mod description;
mod discover;
mod failure;
mod findings;
mod io;
mod json;
mod list;
mod list_json;
mod node;
mod opus;
mod output;
mod partial;
mod progress;
mod remux;
mod run;
mod session;
mod settings;
mod survey;
mod time;
mod tokens;
mod verify;
mod verify_index;
mod verify_order;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Outcome;

/// Looks into H4MK files, builds and checks them; indexes Opus and extracts its samples; aligns recordings; runs GStreamer
/// pipelines.
///
/// Exit status: 0 success, 1 bad data or a pipeline that failed, 2 bad usage.
#[derive(Parser)]
#[command(name = "gst-harmony", version, propagate_version = true)]
struct Cli {
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::Args),
    Chain(chain::Args),
    Build(build::Args),
    Verify(verify::Args),
    Run(run::Args),
    Discover(discover::Args),
    Remux(remux::Args),
    Index(opus::index::Args),
    Info(opus::info::Args),
    Extract(opus::extract::Args),
    Align(align::Args),
    Tokens(tokens::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome: Outcome = match &cli.command {
        Command::List(args) => list::run(args, cli.json),
        Command::Chain(args) => chain::run(args, cli.json),
        Command::Build(args) => build::run(args, cli.json),
        Command::Verify(args) => verify::run(args, cli.json),
        Command::Run(args) => run::run(args, cli.json),
        Command::Discover(args) => discover::run(args, cli.json),
        Command::Remux(args) => remux::run(args, cli.json),
        Command::Index(args) => opus::index::run(args, cli.json),
        Command::Info(args) => opus::info::run(args, cli.json),
        Command::Extract(args) => opus::extract::run(args, cli.json),
        Command::Align(args) => align::run(args, cli.json),
        Command::Tokens(args) => tokens::run(args, cli.json),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

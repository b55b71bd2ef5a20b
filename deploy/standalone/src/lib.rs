//! The whole suite in one process, and the command line.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | the commands and their options |
//! | [`up`] | `crm up`: the database, the services joined in memory, the gateway, start and stop in order |
//! | [`demo`] | the demonstration company: its generator and how it is sent |
//! | [`client`] | signing in to a server, for commands that talk to one |
//! | [`transfer`] | `crm import` and `crm export` |
//! | [`doctor`] | `crm doctor`: what is installed and what state the data is in |
//! | [`throwaway`] | `crm postgres`: a database server for the length of one command |
//! | [`terminal`] | everything a person reads |

pub mod cli;
pub mod client;
pub mod demo;
pub mod doctor;
pub mod failure;
pub mod terminal;
pub mod throwaway;
pub mod transfer;
pub mod up;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

/// Runs the command line of this process.
pub async fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up(options) => up::run(options).await,
        Command::Import(options) => transfer::import(options).await,
        Command::Export(options) => transfer::export(options).await,
        Command::Doctor(options) => doctor::run(&options).await,
        Command::Postgres(options) => throwaway::run(options).await,
    };
    outcome.unwrap_or_else(|failure| {
        terminal::problem(&failure);
        ExitCode::FAILURE
    })
}

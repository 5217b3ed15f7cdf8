//! The command-line tool, as its users meet it: exit status, standard output and error messages.
#![cfg(feature = "tools")]

mod align;
mod build;
#[path = "../common/mod.rs"]
mod common;
mod discover;
mod docs;
mod hostile;
mod opus;
mod remux;
mod run;
mod tokens;
mod tool;
mod vectors;
mod verify;

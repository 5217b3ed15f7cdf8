//! Reading, checking and rebuilding stores of Opus packets: as they should be, damaged in every part, and foreign ones.

#[path = "../common/random.rs"]
#[allow(dead_code)] // other tests use the rest
mod random;

mod access;
mod check;
mod damage;
mod foreign;
mod growing;
mod made;
mod rebuild;
mod written;

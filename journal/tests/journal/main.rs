//! The journal from outside: written, crashed, attacked, verified; every change is one of files.

mod attacks;
mod copying;
mod crashes;
mod erasure;
mod full_disk;
mod judges;
mod place;
mod proofs;
mod reading;
mod retention;
mod scanning;
mod texts;
mod vectors;
mod verifying;
mod writing;

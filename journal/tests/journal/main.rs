//! The journal from outside: written, crashed, attacked, verified; every change is one of files.

mod attacks;
mod copying;
mod crashes;
mod erasure;
mod forger;
mod full_disk;
mod judges;
mod place;
mod proofs;
mod raw_disk;
mod reading;
mod renewed_witness;
mod retention;
mod rotated_vectors;
mod rotation;
mod scanning;
mod texts;
mod vectors;
mod verifying;
mod writing;

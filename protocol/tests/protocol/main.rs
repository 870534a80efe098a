//! The protocol against its specification, and against OpenSSH's and sudo's own tools.

mod certificate;
mod company;
mod documents;
mod event;
mod grant;
mod hours;
mod http_auth;
mod openssh;
mod parsers;
mod roster;
mod signed;
mod stop;
mod sudo;
mod token;

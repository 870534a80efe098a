//! The protocol against its specification, and against OpenSSH's and sudo's own tools.

mod approval_model;
mod bounds;
mod certificate;
mod company;
mod documents;
mod event;
mod extension;
mod forgery;
mod grant;
mod hours;
mod http_auth;
mod krl;
mod openssh;
mod parsers;
mod policy;
mod policy_model;
mod red_team;
mod revocation;
mod roster;
mod security_key;
mod signed;
mod statement;
mod stop;
mod sudo;
mod token;
mod visit;

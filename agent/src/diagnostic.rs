//! All text for people: what happened, and what to do next.

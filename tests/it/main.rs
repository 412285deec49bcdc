//! Everything that is tested from outside, in one binary.

mod cmd;
mod kill;
mod oracle;
mod support;
mod tidy;

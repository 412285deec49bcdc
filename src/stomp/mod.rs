//! STOMP 1.0 to 1.2: frames as bytes and back, and what both sides agree on when they connect. Pure: no sockets.
//!
//! Source: the specifications at <https://stomp.github.io/>.

mod decode;
mod frame;

pub use decode::{Decoder, Item};
pub use frame::{Frame, Version, heart_beats};

/// Why bytes are no STOMP frame. The connection cannot go on after it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StompError {
    /// A part is not UTF-8.
    #[error("the {0} of a STOMP frame is not UTF-8")]
    NotUtf8(&'static str),
    /// A header has no colon.
    #[error("the STOMP header {0:?} has no colon")]
    NoColon(String),
    /// A header holds a backslash with a character that means nothing.
    #[error("the STOMP header {0:?} has an escape that does not exist in this version")]
    BadEscape(String),
    /// `content-length` is no number.
    #[error("the STOMP header content-length is {0:?}, which is no number")]
    BadLength(String),
    /// The body does not end where `content-length` says.
    #[error("the body of a STOMP frame does not end after the {0} bytes that content-length says")]
    WrongLength(usize),
    /// A frame is longer than allowed.
    #[error("a STOMP frame is longer than {0} bytes")]
    TooLong(usize),
    /// The header `heart-beat` is not two numbers.
    #[error("the STOMP header heart-beat is {0:?}; it is two numbers of milliseconds, such as 6000,6000")]
    BadHeartBeat(String),
}

#[cfg(test)]
mod tests;

//! The lines of an answer that does not end, one report each.

use std::io::{BufRead, BufReader, Read};

use super::job::Sink;
use super::stream::Come;
use crate::bots::Failure;
use crate::bots::http::{Answer, Follower, bare};

/// The most bytes that one line may have.
const MOST: u64 = 256 << 20;

/// Opens a stream over HTTP and hands over its lines, without their ends; empty ones are left out, as they only show that the
/// stream is alive. What stands behind the last line break is no whole line if the stream is cut.
pub(super) fn read(follower: &Follower, url: &str, strip: bool, sink: &Sink<Come>) -> Result<(), Failure> {
    let answer = follower.get(url, sink.wanted()).and_then(Answer::success)?;
    let mut there = sink.put(Come::Open(format!("Connected to {:?}.", bare(url))));
    let mut lines = BufReader::new(answer);
    while there {
        let mut line = Vec::new();
        let length = (&mut lines).take(MOST).read_until(b'\n', &mut line);
        match length.map_err(|error| Failure::Other(format!("The stream broke: {error}")))? {
            0 => {
                sink.put(Come::End);
                break;
            }
            length if length as u64 == MOST => {
                let problem = format!("{}: a line has more than {MOST} bytes", bare(url));
                return Err(Failure::Other(problem));
            }
            _ => {}
        }
        let whole = line.ends_with(b"\n");
        if whole {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        }
        let line = if strip { line.trim_ascii() } else { &line };
        there = line.is_empty() || sink.put(Come::Data(line.to_vec(), None));
    }
    Ok(())
}

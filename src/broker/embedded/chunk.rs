//! How messages lie in the store: a chunk of bodies, and a small row that says which of them are not acknowledged.

use std::ops::Range;

/// How many bytes of bodies and offsets make a chunk full.
///
/// Values lie in pages of a power of two; this fills a page of 1 MiB and leaves room for the page's own header.
pub(super) const FULL: usize = (1 << 20) - 512;

/// How many bytes the count and one offset take.
const WORD: usize = 4;

/// Tells how many of the first messages (by their lengths) make the next chunk, at least one, and how long it is.
pub(super) fn fit(lengths: impl Iterator<Item = usize>) -> (usize, usize) {
    let (mut count, mut size) = (0, WORD);
    for length in lengths {
        let next = size + WORD + length;
        if count > 0 && next > FULL {
            break;
        }
        (count, size) = (count + 1, next);
    }
    (count, size)
}

/// Writes a chunk into a buffer of the length that [`fit`] returned.
///
/// A chunk is the count, the end of each body (both as u32, little endian; ends count from the first body), the bodies.
pub(super) fn write(messages: &[&[u8]], out: &mut [u8]) {
    let (head, mut bodies) = out.split_at_mut(WORD * (messages.len() + 1));
    head[..WORD].copy_from_slice(&(messages.len() as u32).to_le_bytes());
    let mut end = 0;
    for (slot, message) in head[WORD..].chunks_exact_mut(WORD).zip(messages) {
        end += message.len();
        slot.copy_from_slice(&(end as u32).to_le_bytes());
        let (body, rest) = bodies.split_at_mut(message.len());
        body.copy_from_slice(message);
        bodies = rest;
    }
}

/// Returns one message of a chunk; `None` if there is no such message or the chunk is damaged.
pub(super) fn message(chunk: &[u8], index: u32) -> Option<&[u8]> {
    let count = word(chunk, 0)? as usize;
    let index = index as usize;
    if index >= count {
        return None;
    }
    let start = if index == 0 { 0 } else { word(chunk, index)? as usize };
    let end = word(chunk, index + 1)? as usize;
    chunk.get(WORD * (count + 1)..)?.get(start..end)
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    let bytes = bytes.get(index * WORD..(index + 1) * WORD)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Which messages of a chunk are not acknowledged; ranges in order, without gaps of length zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row(pub(super) Vec<Range<u32>>);

impl Row {
    /// Returns the row of a new chunk.
    pub(super) fn new(count: u32) -> Row {
        Row(std::iter::once(0..count).collect())
    }

    /// Reads a stored row; `None` if it is damaged.
    pub(super) fn read(bytes: &[u8]) -> Option<Row> {
        let words = bytes.len() / WORD;
        if !bytes.len().is_multiple_of(2 * WORD) {
            return None;
        }
        let ranges = (0..words).step_by(2).map(|at| Some(word(bytes, at)?..word(bytes, at + 1)?));
        let ranges: Vec<_> = ranges.collect::<Option<_>>()?;
        ranges.iter().all(|range| range.start < range.end).then_some(Row(ranges))
    }

    /// Returns the row as it is stored.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|range| [range.start, range.end]).flat_map(u32::to_le_bytes).collect()
    }

    /// Takes acknowledged messages out.
    pub(super) fn remove(&mut self, gone: &Range<u32>) {
        self.0 = (self.0.iter())
            .flat_map(|range| [range.start..range.end.min(gone.start), range.start.max(gone.end)..range.end])
            .filter(|range| range.start < range.end)
            .collect();
    }

    /// Tells whether everything is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether a range is still there in full.
    pub(super) fn holds(&self, range: &Range<u32>) -> bool {
        self.0.iter().any(|part| part.start <= range.start && range.end <= part.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_return_what_was_written() {
        for messages in [vec![], vec![""], vec!["a", "", "bc", ""], vec!["only"]] {
            let messages: Vec<&[u8]> = messages.into_iter().map(str::as_bytes).collect();
            let (count, size) = fit(messages.iter().map(|m| m.len()));
            assert_eq!(count, messages.len());
            let mut chunk = vec![0; size];
            write(&messages, &mut chunk);
            for (index, expected) in messages.iter().enumerate() {
                assert_eq!(message(&chunk, index as u32), Some(*expected));
            }
            assert_eq!(message(&chunk, count as u32), None);
            for length in 0..chunk.len() {
                let _ = message(&chunk[..length], 0);
            }
        }
    }

    #[test]
    fn chunks_are_full_below_one_page_and_hold_at_least_one_message() {
        for (lengths, expected) in [
            (vec![FULL * 9, 1], 1),
            (vec![1, FULL * 9], 1),
            (vec![FULL / 2; 3], 1),
            (vec![FULL / 2 - 8; 3], 2),
            (vec![2500; 500], 418),
        ] {
            let (count, size) = fit(lengths.iter().copied());
            assert_eq!(count, expected, "{lengths:?}");
            assert!(count == 1 || size <= FULL);
        }
    }

    /// What a row holds, what is taken from it, what is left.
    type Case<'a> = (&'a [Range<u32>], Range<u32>, &'a [Range<u32>]);

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a row with one range of numbers is meant")]
    fn rows_lose_what_is_acknowledged() {
        let cases: [Case; 6] = [
            (&[0..10], 0..10, &[]),
            (&[0..10], 0..3, &[3..10]),
            (&[0..10], 4..6, &[0..4, 6..10]),
            (&[0..4, 6..10], 3..7, &[0..3, 7..10]),
            (&[0..4, 6..10], 4..6, &[0..4, 6..10]),
            (&[5..10], 0..3, &[5..10]),
        ];
        for (before, gone, after) in cases {
            let mut row = Row(before.to_vec());
            row.remove(&gone);
            assert_eq!(row.0, after, "{before:?} without {gone:?}");
            assert_eq!(Row::read(&row.bytes()), Some(row));
        }
        for damaged in [&[1, 2, 3][..], &[0; 8], &[9, 0, 0, 0, 1, 0, 0, 0]] {
            assert_eq!(Row::read(damaged), None);
        }
    }
}

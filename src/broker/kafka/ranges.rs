//! Sets of offsets, which lie next to each other more often than not. No input or output.

use std::collections::BTreeMap;

/// Offsets as ranges that do not touch: start to end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(BTreeMap<i64, i64>);

impl Ranges {
    /// Adds the offsets from `start` up to, without, `end`.
    pub(super) fn insert(&mut self, mut start: i64, mut end: i64) {
        if start >= end {
            return;
        }
        while let Some((&other, &other_end)) =
            self.0.range(..=end).next_back().filter(|(_, to)| **to >= start)
        {
            self.0.remove(&other);
            start = start.min(other);
            end = end.max(other_end);
        }
        self.0.insert(start, end);
    }

    /// Removes the offsets before one.
    pub(super) fn drop_below(&mut self, offset: i64) {
        while let Some((&start, &end)) = self.0.first_key_value().filter(|(start, _)| **start < offset) {
            self.0.remove(&start);
            self.insert(offset, end);
        }
    }

    /// Tells whether an offset is in it.
    pub(super) fn contains(&self, offset: i64) -> bool {
        self.end_of(offset).is_some()
    }

    /// Returns where the range ends that an offset is in.
    pub(super) fn end_of(&self, offset: i64) -> Option<i64> {
        self.0.range(..=offset).next_back().map(|(_, end)| *end).filter(|end| *end > offset)
    }

    /// Returns how many offsets it has from one on.
    pub(super) fn count_from(&self, offset: i64) -> u64 {
        self.iter().map(|(start, end)| (end - start.max(offset)).max(0) as u64).sum()
    }

    /// Lists the ranges in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().map(|(start, end)| (*start, *end))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all offsets of another set.
    pub(super) fn remove(&mut self, other: &Ranges) {
        for (start, end) in other.iter() {
            let met = self.0.range(..end).rev().map(|(from, to)| (*from, *to));
            let met: Vec<_> = met.take_while(|(_, to)| *to > start).collect();
            for (from, to) in met {
                self.0.remove(&from);
                self.insert(from, start);
                self.insert(end, to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn all(ranges: &Ranges) -> BTreeSet<i64> {
        ranges.iter().flat_map(|(start, end)| start..end).collect()
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in prop::collection::vec((0..3u8, 0..40i64, 0..12i64), 0..40)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (what, start, length) in steps {
                let mut other = Ranges::default();
                other.insert(start, start + length);
                match what {
                    0 => {
                        ranges.insert(start, start + length);
                        set.extend(start..start + length);
                    }
                    1 => {
                        ranges.drop_below(start);
                        set.retain(|offset| *offset >= start);
                    }
                    _ => {
                        ranges.remove(&other);
                        set.retain(|offset| !(start..start + length).contains(offset));
                    }
                }
                prop_assert_eq!(&all(&ranges), &set);
                let touching = ranges.iter().zip(ranges.iter().skip(1)).any(|((_, end), (start, _))| end >= start);
                prop_assert!(!touching);
                for offset in 0..55 {
                    prop_assert_eq!(ranges.contains(offset), set.contains(&offset));
                    prop_assert_eq!(ranges.count_from(offset), set.range(offset..).count() as u64);
                }
            }
        }
    }
}

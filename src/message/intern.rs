//! Sub-keys such as `x` of `extra.x`, checked and shared, so that reading a message allocates none it has seen lately.

use std::cell::RefCell;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

const SLOTS: usize = 512;
const LONGEST: usize = 64;

thread_local! {
    static SEEN: RefCell<Vec<Option<Arc<str>>>> = RefCell::new(vec![None; SLOTS]);
}

/// Returns the shared text of a sub-key, if it is one that messages may have.
pub(crate) fn intern(sub: &str) -> Option<Arc<str>> {
    if sub.len() > LONGEST {
        return is_sub_key(sub).then(|| sub.into());
    }
    SEEN.with_borrow_mut(|seen| {
        let slot = seen.get_mut(xxh3_64(sub.as_bytes()) as usize % SLOTS)?;
        match slot {
            Some(known) if **known == *sub => {}
            _ if is_sub_key(sub) => *slot = Some(sub.into()),
            _ => return None,
        }
        slot.clone()
    })
}

/// Tells whether `NAME.sub` has the form of a key: groups of lower-case letters, digits and `_` between dots.
fn is_sub_key(sub: &str) -> bool {
    // Python's `$` lets one line feed at the end pass.
    let sub = sub.strip_suffix('\n').unwrap_or(sub);
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    sub.split('.').all(|part| !part.is_empty() && part.bytes().all(word))
}

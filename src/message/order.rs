//! The order of a message's fields by name, remembered from the message before: those of one feed have the same fields.

use std::cell::RefCell;
use std::sync::Arc;

use super::idf::{Idf, Key};
use super::value::Value;

/// The fields of the last message that was put in order, and their order.
#[derive(Default)]
struct Last {
    idf: Option<Arc<Idf>>,
    keys: Vec<Key>,
    order: Arc<[u32]>,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
}

/// Returns the places of the fields in the order of their names.
pub(super) fn by_name(idf: &Arc<Idf>, fields: &[(Key, Value)]) -> Arc<[u32]> {
    LAST.with_borrow_mut(|last| {
        let same = |key: &Key, (other, _): &(Key, Value)| key.id == other.id && same_sub(key, other);
        let known = last.idf.as_ref().is_some_and(|known| Arc::ptr_eq(known, idf))
            && last.keys.len() == fields.len()
            && last.keys.iter().zip(fields).all(|(key, field)| same(key, field));
        if !known {
            last.idf = Some(Arc::clone(idf));
            last.keys.clear();
            last.keys.extend(fields.iter().map(|(key, _)| key.clone()));
            let mut order: Vec<u32> = (0..fields.len() as u32).collect();
            order.sort_unstable_by(|&a, &b| idf.compare(&fields[a as usize].0, &fields[b as usize].0));
            last.order = order.into();
        }
        Arc::clone(&last.order)
    })
}

/// Sub-keys are shared texts more often than not.
fn same_sub(a: &Key, b: &Key) -> bool {
    match (&a.sub, &b.sub) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
        _ => false,
    }
}

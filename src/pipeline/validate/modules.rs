//! The module that was probably meant.

use crate::diagnostic::suggest;

/// Returns the known module that is nearest to an unknown one, part by part, so that the long common beginning of all
/// paths makes nothing near.
pub(super) fn nearest(module: &str, known: &[&'static str]) -> Option<&'static str> {
    let parts: Vec<&str> = module.split('.').collect();
    let by_parts = known.iter().filter_map(|candidate| Some((distance(&parts, candidate)?, *candidate)));
    by_parts.min().map(|(_, candidate)| candidate).or_else(|| by_name(&parts, known))
}

/// Returns the number of parts that differ, if each of them is near to its counterpart.
fn distance(parts: &[&str], candidate: &str) -> Option<usize> {
    let others: Vec<&str> = candidate.split('.').collect();
    if others.len() != parts.len() {
        return None;
    }
    let pairs = parts.iter().zip(others).filter(|(part, other)| **part != *other);
    pairs.map(|(part, other)| suggest(part, [other]).map(|_| 1)).sum()
}

/// Finds the one module of which a part is called like one of these, for paths with a part too many or too few.
fn by_name(parts: &[&str], known: &[&'static str]) -> Option<&'static str> {
    let common = ["intelmq", "bots", "collectors", "parsers", "experts", "outputs"];
    let common = |part: &str| common.contains(&part) || common.contains(&format!("{part}s").as_str());
    let named =
        |candidate: &&&'static str| candidate.split('.').any(|part| !common(part) && parts.contains(&part));
    let mut found = known.iter().filter(named);
    match (found.next(), found.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

//! From a place in a rendered file back to the template, which is what its author can change.

use crate::diagnostic::{Diagnostic, Location, Source, Span};

/// Brings a complaint about a rendered file to the template it came from; complaints about other files stay as they are.
///
/// The rendered file must have the template's name, as lines are the same in both.
#[must_use]
pub fn to_template(template: &Source, mut problem: Diagnostic) -> Diagnostic {
    let places = problem.at.iter_mut().chain(problem.related.iter_mut().map(|(at, _)| at));
    for at in places.filter(|at| at.source.name() == template.name()) {
        *at = origin(template, at);
    }
    problem
}

fn origin(template: &Source, at: &Location) -> Location {
    let (number, _) = at.position();
    let (rendered_start, rendered) = line(&at.source, number);
    let (template_start, written) = line(template, number);
    let shared = |pair: &(char, char)| pair.0 == pair.1;
    let bytes =
        |pairs: &mut dyn Iterator<Item = (char, char)>| -> usize { pairs.map(|(c, _)| c.len_utf8()).sum() };
    let head = bytes(&mut rendered.chars().zip(written.chars()).take_while(shared));
    let (rest, other) = (&rendered[head..], &written[head..]);
    let tail = bytes(&mut rest.chars().rev().zip(other.chars().rev()).take_while(shared));
    // A place within a value that was filled in becomes the whole of its placeholder.
    let place = |offset: usize, inside: usize| {
        let offset = offset.saturating_sub(rendered_start).min(rendered.len());
        let from_end = rendered.len() - offset;
        let in_line = match () {
            () if offset <= head => offset,
            () if from_end <= tail => written.len() - from_end,
            () => inside,
        };
        template_start + in_line
    };
    let (start, end) = (place(at.span.start, head), place(at.span.end, written.len() - tail));
    template.at(Span { start, end: end.max(start) })
}

/// Returns where a line starts, and its text without the line break.
fn line(source: &Source, number: usize) -> (usize, &str) {
    let text = source.text();
    let start = text.split_inclusive('\n').take(number.saturating_sub(1)).map(str::len).sum();
    (start, text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default())
}

//! Examples in pages: fenced blocks whose second word says what they are (`json in`, `json out`), for a test to run.

use std::ops::Range;

/// A fenced block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is, such as `in`; empty for a block that is no part of an example.
    pub role: String,
    /// What follows that word: a path's or a file's name.
    pub name: String,
    /// What is in it, each line with its end.
    pub text: String,
    /// Where its text stands in the page.
    pub at: Range<usize>,
}

/// One example: what a bot is given, and what comes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Example {
    /// Whether it begins with a bot of its own; otherwise it goes on with that of the one before.
    pub fresh: bool,
    /// `yaml parameters`, `json in`, `… raw`, `… file NAME`, `… served PATH`, `sql table FILE`, `yaml service ID`, `… topic NAME`, `text now`,
    /// in order.
    pub given: Vec<Block>,
    /// Everything else, in order.
    pub made: Vec<Block>,
}

/// What an example is given; every other role is what comes of it.
const GIVEN: &[&str] = &["parameters", "file", "served", "service", "table", "topic", "now", "raw", "in"];

/// Returns the fenced blocks of a page.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Block, String)> = None;
    let mut at = 0;
    for line in page.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim_end();
        match &mut open {
            Some((block, fence)) if bare == fence => {
                block.at.end = start;
                page[block.at.clone()].clone_into(&mut block.text);
                blocks.extend(open.take().map(|(block, _)| block));
            }
            None if bare.starts_with("```") => {
                let fence: String = bare.chars().take_while(|c| *c == '`').collect();
                let mut words = bare[fence.len()..].split(' ').skip(1);
                let role = words.next().unwrap_or_default().to_owned();
                let name = words.collect::<Vec<_>>().join(" ");
                open = Some((Block { role, name, text: String::new(), at: at..at }, fence));
            }
            Some(_) | None => {}
        }
    }
    blocks
}

/// Returns the examples of a page: each begins with what a bot is given.
pub fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in blocks(page).into_iter().filter(|block| !block.role.is_empty()) {
        let given = GIVEN.contains(&block.role.as_str());
        match examples.last_mut() {
            Some(example) if !given => example.made.push(block),
            Some(example) if example.made.is_empty() => example.given.push(block),
            _ => {
                let fresh = examples.is_empty() || block.role == "parameters";
                examples.push(Example { fresh, given: vec![block], made: Vec::new() });
            }
        }
    }
    examples
}

/// Returns the page with other texts in some of its blocks.
pub fn replaced<'a>(page: &str, texts: impl IntoIterator<Item = (&'a Block, String)>) -> String {
    let mut texts: Vec<(&Block, String)> = texts.into_iter().collect();
    texts.sort_by_key(|(block, _)| std::cmp::Reverse(block.at.start));
    let mut page = page.to_owned();
    for (block, text) in texts {
        page.replace_range(block.at.clone(), &text);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Text.\n```yaml parameters\na: 1\n```\n```json in\n{}\n```\n```json out\n{}\n```\nMore.\n\
        ````text\n```\n````\n```json in\n{}\n```\n```json out other\n1\n2\n```\n```text log\n```\n";

    #[test]
    fn blocks_make_examples() {
        let examples = examples(PAGE);
        let told = |blocks: &[Block]| {
            blocks
                .iter()
                .map(|block| format!("{} {}={}", block.role, block.name, block.text))
                .collect::<Vec<_>>()
        };
        assert_eq!(examples.len(), 2);
        assert_eq!((examples[0].fresh, examples[1].fresh), (true, false));
        assert_eq!(told(&examples[0].given), ["parameters =a: 1\n", "in ={}\n"]);
        assert_eq!(told(&examples[0].made), ["out ={}\n"]);
        assert_eq!(told(&examples[1].made), ["out other=1\n2\n", "log ="]);
    }

    #[test]
    fn texts_are_replaced_in_their_places() {
        let example = examples(PAGE).remove(1);
        let page = replaced(PAGE, [(&example.made[1], "x\n".to_owned()), (&example.made[0], String::new())]);
        assert!(page.ends_with("```json out other\n```\n```text log\nx\n```\n"), "{page}");
        assert_eq!(replaced(PAGE, []), PAGE);
    }
}

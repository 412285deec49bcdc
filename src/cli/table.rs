//! Tables: cells lined up in columns, and cut to the width of the terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of a table stand so far apart.
const GAP: usize = 2;
/// No column is made narrower than this.
const LEAST: usize = 6;

/// Lines up cells in columns, two spaces apart; on a terminal the widest columns are cut until a row fits into a line.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    fitted(rows, terminal())
}

/// The same for a table whose lines are moved in by two spaces, as [`super::output::indented`] does.
pub(super) fn indented(rows: &[Vec<String>]) -> String {
    super::output::indented(&fitted(rows, terminal().map(|width| width.saturating_sub(2))))
}

/// Returns how many columns standard output has, if it is a terminal that says so.
fn terminal() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Cuts a line without styles to the width of the terminal, so many columns of which are taken.
pub(super) fn line(text: &str, taken: usize) -> String {
    terminal().map_or_else(|| text.to_owned(), |width| cut(text, width.saturating_sub(taken)))
}

fn fitted(rows: &[Vec<String>], limit: Option<usize>) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let mut widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    if let Some(limit) = limit {
        narrow(&mut widths, limit);
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(&widths) {
            let cell = cut(cell, *wide);
            line += &cell;
            line += &" ".repeat(wide.saturating_sub(cell.width()) + GAP);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Takes from the widest columns until all of them fit, or none has anything to spare.
fn narrow(widths: &mut [usize], limit: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > limit {
        match widths.iter_mut().max() {
            Some(widest) if *widest > LEAST => *widest -= 1,
            _ => return,
        }
    }
}

/// Cuts a cell to a width; a cut one ends with `…`.
fn cut(cell: &str, width: usize) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let kept = cell.chars().take_while(|character| {
        let wide = character.width().unwrap_or(0);
        let fits = wide <= room;
        room = room.saturating_sub(wide);
        fits
    });
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(cells: &[&[&str]]) -> Vec<Vec<String>> {
        cells.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn a_table_fits_into_the_terminal_and_cuts_its_widest_columns() {
        let table = rows(&[
            &["#", "source.ip", "feed.name"],
            &["1", "2001:db8::1234:5678:9abc", "Accessible-Telnet"],
            &["2", "192.0.2.1", "Ünïcode-ßcañ-名前名前"],
        ]);
        let wide = "#  source.ip                 feed.name\n1  2001:db8::1234:5678:9abc  Accessible-Telnet\n\
                    2  192.0.2.1                 Ünïcode-ßcañ-名前名前\n";
        assert_eq!(fitted(&table, None), wide);
        assert_eq!(fitted(&table, Some(80)), wide);
        let narrow = "#  source.ip       feed.name\n1  2001:db8::123…  Accessible-T…\n2  192.0.2.1       Ünïcode-ßcañ…\n";
        assert_eq!(fitted(&table, Some(32)), narrow);
        assert!(fitted(&table, Some(32)).lines().all(|line| line.width() <= 32));
        assert!(fitted(&table, Some(3)).contains("192.0…"), "there is a least width");
    }
}

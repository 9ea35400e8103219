//! What is printed: tables that line up, colours only where a person sees them, JSON where a program reads.

use std::io::{IsTerminal, Write};

use serde_json::Value;

/// Width taken where standard output is no terminal: lines are not cut for a program or a file.
const WIDTH_ELSEWHERE: usize = 10_000;
/// The narrowest a column is cut to.
const COLUMN_MIN: usize = 8;

/// Prints a line to standard output; `false` where nobody reads any more (`vendue watch ... | head`).
pub(crate) fn line(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

/// Prints a value as one line of JSON.
pub(crate) fn json(value: &Value) -> bool {
    line(&value.to_string())
}

/// Which build this is.
pub(crate) fn version(as_json: bool) {
    let version = env!("CARGO_PKG_VERSION");
    if as_json {
        json(&serde_json::json!({"name": "vendue", "version": version}));
    } else {
        line(&format!("vendue {version}"));
    }
}

/// How a piece of text is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Strong,
    Faint,
    Good,
    Warning,
    Link,
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colours: bool,
}

impl Style {
    /// Colours where standard output is a terminal and `NO_COLOR` is not set.
    pub(crate) fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colours: std::io::stdout().is_terminal() && !refused && !dumb }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colours: false };

    pub(crate) fn mark(self, mark: Mark, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match mark {
            Mark::Strong => "1",
            Mark::Faint => "2",
            Mark::Good => "32",
            Mark::Warning => "33",
            Mark::Link => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The width of the terminal in characters.
pub(crate) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0).unwrap_or(WIDTH_ELSEWHERE)
}

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under a heading, each column as wide as its widest cell; one column gives way where the terminal is narrower.
pub(crate) struct Table {
    headings: Vec<(&'static str, Align)>,
    /// Which column is cut.
    flexible: usize,
    rows: Vec<Vec<(String, Option<Mark>)>>,
}

impl Table {
    pub(crate) fn new(headings: &[(&'static str, Align)], flexible: usize) -> Self {
        Self { headings: headings.to_vec(), flexible, rows: Vec::new() }
    }

    /// Adds a row; one cell for each heading.
    pub(crate) fn row(&mut self, cells: Vec<(String, Option<Mark>)>) {
        debug_assert_eq!(cells.len(), self.headings.len());
        self.rows.push(cells);
    }

    /// Prints it, as wide as the terminal.
    pub(crate) fn print(&self) {
        self.lines(Style::of_stdout(), width()).iter().all(|text| line(text));
    }

    /// The lines, at most `width` characters each where the flexible column allows it.
    pub(crate) fn lines(&self, style: Style, width: usize) -> Vec<String> {
        let mut widths: Vec<usize> =
            self.headings.iter().map(|(heading, _)| heading.chars().count()).collect();
        for row in &self.rows {
            for (at, (cell, _)) in row.iter().enumerate() {
                widths[at] = widths[at].max(cell.chars().count());
            }
        }
        let gaps = 2 * (widths.len() - 1);
        let others: usize =
            widths.iter().enumerate().filter(|&(at, _)| at != self.flexible).map(|(_, w)| w).sum();
        widths[self.flexible] =
            widths[self.flexible].min(width.saturating_sub(gaps + others).max(COLUMN_MIN));
        let headings =
            self.headings.iter().map(|&(heading, _)| (heading.to_owned(), Some(Mark::Faint))).collect();
        std::iter::once(&headings).chain(&self.rows).map(|row| self.line(row, &widths, style)).collect()
    }

    fn line(&self, row: &[(String, Option<Mark>)], widths: &[usize], style: Style) -> String {
        let mut line = String::new();
        for (at, (cell, mark)) in row.iter().enumerate() {
            let cell = cut(cell, widths[at]);
            let padding = " ".repeat(widths[at] - cell.chars().count());
            let shown = mark.map_or_else(|| cell.clone(), |mark| style.mark(mark, &cell));
            if at > 0 {
                line.push_str("  ");
            }
            match self.headings[at].1 {
                Align::Left => line.extend([shown, padding]),
                Align::Right => line.extend([padding, shown]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The text, or its beginning with an ellipsis.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end_matches([' ', ',']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up_and_give_way() {
        let mut table =
            Table::new(&[("NO", Align::Right), ("TITLE", Align::Left), ("PRICE", Align::Right)], 1);
        let cell = |text: &str| (text.to_owned(), None);
        table.row(vec![cell("1"), cell("Étui à cire, Louis XVI"), cell("95.00")]);
        table.row(vec![cell("12"), cell("Map"), cell("1,250.00")]);
        let wide = table.lines(Style::PLAIN, 80);
        assert_eq!(
            wide,
            [
                "NO  TITLE                      PRICE",
                " 1  Étui à cire, Louis XVI     95.00",
                "12  Map                     1,250.00",
            ]
        );
        let narrow = table.lines(Style::PLAIN, 28);
        assert_eq!(narrow[1], " 1  Étui à cire…       95.00");
        assert!(narrow.iter().all(|line| line.chars().count() <= 28), "{narrow:?}");
    }
}

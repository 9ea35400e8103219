//! What `vendue top` shows.

use super::metrics::Signs;
use crate::output::{Align, Mark, Style, Table};
use crate::when;

/// Methods and codes that are shown.
const ROWS: usize = 10;
/// Cells of a row of figures.
const LABEL_WIDTH: usize = 20;
const VALUE_WIDTH: usize = 12;

/// A drawing that replaces itself.
pub(super) struct Screen {
    pub(super) address: String,
    pub(super) style: Style,
    /// Lines of the last drawing.
    pub(super) drawn: usize,
}

impl Screen {
    pub(super) const fn new(address: String, style: Style) -> Self {
        Self { address, style, drawn: 0 }
    }
}

/// Everything, from top to bottom.
pub(super) fn lines(
    address: &str,
    signs: Option<&Signs>,
    trouble: Option<&str>,
    style: Style,
    width: usize,
) -> Vec<String> {
    let Some(signs) = signs else {
        let clock = when::time_of_day(when::now_us());
        let away = style.mark(Mark::Warning, "gateway away");
        let why = trouble.unwrap_or("no answer");
        return vec![
            format!("{}  {clock}  {away}: {why}", style.mark(Mark::Strong, address)),
            "It is asked again and again; if it stays away, look whether its process runs.".to_owned(),
        ];
    };
    let engine = if signs.ready {
        style.mark(Mark::Good, "engine well")
    } else {
        style.mark(Mark::Warning, "engine away: nothing is decided, nothing is lost")
    };
    let clock = when::time_of_day(signs.at_us);
    let mut lines = vec![
        format!(
            "{}  {clock}  {}, {engine}",
            style.mark(Mark::Strong, address),
            style.mark(Mark::Good, "gateway well")
        ),
        String::new(),
    ];
    lines.extend(figures(signs, width));
    if !signs.methods.is_empty() {
        lines.push(String::new());
        lines.extend(methods(signs).lines(style, width));
    }
    if !signs.refusals.is_empty() {
        lines.push(String::new());
        lines.extend(refusals(signs).lines(style, width));
    }
    if !signs.engine.is_empty() {
        lines.push(String::new());
        let mut table = Table::new(&[("engine", Align::Left), ("", Align::Right)], 0);
        for (name, value) in &signs.engine {
            table.row(vec![(name.clone(), None), (number(Some(*value)), None)]);
        }
        lines.extend(table.lines(style, width));
    }
    lines
}

/// The figures, side by side as the width allows.
fn figures(signs: &Signs, width: usize) -> Vec<String> {
    let cells = [
        ("requests/s", number(signs.requests)),
        ("p50", bound(signs.p50_ms)),
        ("connections", number(Some(signs.connections))),
        ("deliveries/s", number(signs.deliveries)),
        ("p99", bound(signs.p99_ms)),
        ("channels", number(Some(signs.channels))),
        ("received", bytes(signs.received_bytes)),
        ("p99.9", bound(signs.p999_ms)),
        ("waiting for engine", number(Some(signs.pending))),
        ("sent", bytes(signs.sent_bytes)),
        ("slow, closed", number(Some(signs.slow_consumers))),
        ("link renewed", number(Some(signs.link_reconnects))),
    ];
    let columns = (width / (LABEL_WIDTH + VALUE_WIDTH)).clamp(1, 3);
    let rows = cells.chunks(columns).map(|row| {
        let cells = row.iter().map(|(label, value)| format!("{label:<LABEL_WIDTH$}{value:<VALUE_WIDTH$}"));
        cells.collect::<String>().trim_end().to_owned()
    });
    rows.collect()
}

fn methods(signs: &Signs) -> Table {
    let mut table =
        Table::new(&[("method", Align::Left), ("/s", Align::Right), ("refused/s", Align::Right)], 0);
    for one in signs.methods.iter().take(ROWS) {
        let mark = (one.refused_per_second > 0.0).then_some(Mark::Warning);
        table.row(vec![
            (one.method.clone(), None),
            (number(Some(one.per_second)), None),
            (number(Some(one.refused_per_second)), mark),
        ]);
    }
    table
}

fn refusals(signs: &Signs) -> Table {
    let mut table = Table::new(&[("refused since the start", Align::Left), ("", Align::Right)], 0);
    for (code, count) in signs.refusals.iter().take(ROWS) {
        table.row(vec![(code.clone(), None), (number(Some(*count)), None)]);
    }
    table
}

/// A rate or count, with as many digits as it deserves.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.fract() == 0.0 || value >= 100.0 => format!("{value:.0}"),
        Some(value) if value < 0.1 => format!("{value:.6}"),
        Some(value) => format!("{value:.1}"),
    }
}

/// A percentile's bound.
fn bound(ms: Option<f64>) -> String {
    match ms {
        None => "-".to_owned(),
        Some(ms) if ms.is_infinite() => "over 60 s".to_owned(),
        Some(ms) if ms < 1.0 => format!("<= {ms:.2} ms"),
        Some(ms) if ms < 1_000.0 => format!("<= {ms:.1} ms"),
        Some(ms) => format!("<= {:.1} s", ms / 1_000.0),
    }
}

fn bytes(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value < 1_000.0 => format!("{value:.0} B/s"),
        Some(value) if value < 1e6 => format!("{:.1} kB/s", value / 1e3),
        Some(value) => format!("{:.1} MB/s", value / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::Sample;
    use super::*;

    #[test]
    fn every_state_says_what_it_is() {
        let text = "vendue_gateway_requests_total{method=\"lot.bid\",code=\"bid_too_low\"} 3\n\
                    vendue_gateway_connections 12\nvendue_engine_commits_total 5\n";
        let (before, now) = (Sample::default(), Sample::read(text, 1_000_000));
        let show = |ready: bool| {
            lines("host:1", Some(&Signs::between(Some(&before), &now, ready)), None, Style::PLAIN, 100)
                .join("\n")
        };
        let well = show(true);
        for expected in [
            "host:1  00:00:01",
            "engine well",
            "connections         12",
            "lot.bid",
            "bid_too_low",
            "engine_commits_total",
        ] {
            assert!(well.contains(expected), "{expected}\n{well}");
        }
        assert!(show(false).contains("nothing is lost"));
        let away = lines("host:1", None, Some("connection refused"), Style::PLAIN, 100).join("\n");
        assert!(away.contains("gateway away: connection refused"), "{away}");
    }

    #[test]
    fn narrow_terminals_get_one_column() {
        let signs = Signs::between(None, &Sample::default(), true);
        let shown = lines("host:1", Some(&signs), None, Style::PLAIN, 40);
        assert!(shown.iter().skip(1).all(|line| line.chars().count() <= 40), "{shown:?}");
    }

    #[test]
    fn numbers_have_as_many_digits_as_they_deserve() {
        for (value, expected) in [
            (None, "-"),
            (Some(3.0), "3"),
            (Some(12.34), "12.3"),
            (Some(1234.5), "1234"),
            (Some(0.0004), "0.000400"),
        ] {
            assert_eq!(number(value), expected);
        }
        for (value, expected) in [
            (None, "-"),
            (Some(0.4), "<= 0.40 ms"),
            (Some(51.2), "<= 51.2 ms"),
            (Some(1_638.4), "<= 1.6 s"),
            (Some(f64::INFINITY), "over 60 s"),
        ] {
            assert_eq!(bound(value), expected);
        }
    }
}

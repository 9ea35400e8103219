//! What the demo prints: a screen for a person, or lines of JSON for a program.

use serde_json::{Value, json};
use vendue_domain::amount::Currency;

use super::DemoFile;
use crate::output::{self, Mark, Style};
use crate::{money, names, when};

/// A visitor's bid is this share of a lot's high estimate, in per cent: a maximum that holds for a while.
const BID_SHARE: u64 = 150;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Print {
    /// A screen for a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything the first screen says.
pub(super) struct Screen<'a> {
    pub(super) demo: &'a DemoFile,
    /// How this command was called, so that what is printed can be pasted.
    pub(super) command: String,
    /// `--data-dir DIR`, where it is not the usual one.
    pub(super) data_dir_flag: String,
    pub(super) market_name: &'a str,
    pub(super) counts: String,
    /// A lot to try things on.
    pub(super) lot: Option<&'a Value>,
    /// The reference of an order book to try things on.
    pub(super) book: Option<String>,
}

impl Screen<'_> {
    pub(super) fn print(&self, print: Print) {
        match print {
            Print::Json => {
                output::json(&self.demo.ready_line());
            }
            Print::Text => {
                self.lines(Style::of_stdout()).iter().all(|line| output::line(line));
            }
        }
    }

    fn lines(&self, style: Style) -> Vec<String> {
        let demo = self.demo;
        let mut lines = vec![
            String::new(),
            format!(
                "  {}   {}",
                style.mark(Mark::Strong, self.market_name),
                style.mark(Mark::Faint, &self.counts)
            ),
            String::new(),
        ];
        let mut say = |name: &str, value: String| lines.push(format!("  {name:<10}{value}"));
        say("Page", style.mark(Mark::Link, &format!("{}/", demo.http)));
        if let Some(lot) = self.lot {
            for (name, line) in self.commands(lot) {
                say(name, line);
            }
        }
        say("", String::new());
        say("Operator", style.mark(Mark::Faint, &demo.operator_token));
        say("Run it", style.mark(Mark::Link, &format!("{}/ops#token={}", demo.http, demo.operator_token)));
        if let Some(token) = &demo.bidder_token {
            say("Bidder", style.mark(Mark::Faint, token));
            say("Sign in", style.mark(Mark::Link, &format!("{}/#token={token}", demo.http)));
        }
        say(
            "",
            format!(
                "tokens and addresses are in {}",
                crate::data_dir::DataDir(demo.data_dir.clone()).demo_file().display()
            ),
        );
        say("", String::new());
        say(
            "Kill it",
            format!(
                "kill -9 {}   the engine comes back by itself, with every acknowledged bid",
                demo.engine_pid
            ),
        );
        say("Stop", format!("Ctrl-C; the next start goes on with what is in {}", demo.data_dir.display()));
        lines.push(String::new());
        lines
    }

    /// Lines to paste, each of which works as it stands.
    fn commands(&self, lot: &Value) -> Vec<(&'static str, String)> {
        let id = lot["lot"].as_str().unwrap_or_default();
        let flag = &self.data_dir_flag;
        let command = &self.command;
        let name = lot["number"].as_u64().map_or_else(|| names::short(id), |number| number.to_string());
        let mut commands = Vec::new();
        let amount = lot["currency"].as_str().and_then(Currency::new).zip(visitor_bid(lot));
        if let Some((currency, amount)) = amount {
            commands.push(("Bid", format!("{command} bid {name} {}{flag}", money::typed(amount, currency))));
        }
        commands.push(("Watch", format!("{command} watch {name}{flag}")));
        if let Some(book) = &self.book {
            commands.push(("Trade", format!("{command} book buy {book} 5 --at-most 100{flag}")));
            commands.push(("Ladder", format!("{command} book watch {book}{flag}")));
        }
        commands.push(("List", format!("{command} lot list{flag}")));
        commands.push(("curl", format!("curl -s '{}/v1/lot.get?lot={id}'", self.demo.http)));
        commands
    }
}

/// A bid for a visitor to make: above what the bots will give for a while, and above the minimum.
fn visitor_bid(lot: &Value) -> Option<u64> {
    let high = lot["estimate"][1].as_u64().unwrap_or_default() / 100 * BID_SHARE;
    let minimum = lot["min_next_amount"].as_u64().or_else(|| lot["start_amount"].as_u64())?;
    Some(high.max(minimum))
}

/// One line about what happened to a child, with the time of day.
pub(super) fn happened(print: Print, text: &str) {
    if print == Print::Text {
        let clock = Style::of_stdout().mark(Mark::Faint, &when::time_of_day(when::now_us()));
        output::line(&format!("  {clock}  {text}"));
    }
}

/// The engine works again.
pub(super) fn engine_restarted(print: Print, pid: u32, away_ms: u128) {
    match print {
        Print::Json => {
            output::json(&json!({"event": "engine_restarted", "engine_pid": pid}));
        }
        Print::Text => {
            happened(print, &format!("the engine is back as process {pid}, {away_ms} ms after it was gone"))
        }
    }
}

//! `vendue config show|check`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::ConfigArguments;
use crate::config::{self, Loaded, Origin, Sources};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows the configuration in force, and where each value comes from.
    Show(ShowArguments),
    /// Checks a configuration file, with environment and flags as they are.
    Check(CheckArguments),
    /// Says what a key means, with its unit and default.
    #[command(
        after_help = "Examples:\n  vendue config doc engine.retention_bytes\n  vendue config doc gateway\n  vendue config doc"
    )]
    Doc {
        /// `SECTION.KEY`, or a section; without it, everything.
        key: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The commented file with every key and its default, to start from.
    #[arg(long)]
    defaults: bool,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configuration: ConfigArguments,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The file [default: --config, VENDUE_CONFIG, ./vendue.toml].
    file: Option<PathBuf>,
    #[command(flatten)]
    configuration: ConfigArguments,
}

pub(crate) fn run(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Show(arguments) if arguments.defaults => {
            output::line(config::SHIPPED.trim_end());
        }
        ConfigCommand::Show(arguments) => {
            let loaded = config::load(&Sources::of_process(&arguments.configuration))?;
            if arguments.json {
                output::json(&serde_json::to_value(&loaded.config).unwrap_or_default());
            } else {
                show(&loaded).iter().all(|line| output::line(line));
            }
        }
        ConfigCommand::Doc { key } => {
            let key = key.unwrap_or_default();
            let Some(text) = doc(config::SHIPPED, &key) else {
                let remedy = "`vendue config doc` prints every key";
                return Err(Failure::usage(
                    format!("`{key}` is no key"),
                    "no section or key is called so",
                    remedy,
                ));
            };
            output::line(text.trim_end());
        }
        ConfigCommand::Check(mut arguments) => {
            arguments.configuration.config = arguments.file.or(arguments.configuration.config);
            let loaded = config::load(&Sources::of_process(&arguments.configuration))?;
            let given = loaded.origins.values().filter(|origin| !matches!(origin, Origin::DataDir)).count();
            let of = loaded.file.map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
            let plural = if given == 1 { "" } else { "s" };
            output::line(&format!("{of}: good; {given} value{plural} given, the rest are defaults"));
        }
    }
    Ok(())
}

/// The values as TOML that can be read back, with their origins as comments.
fn show(loaded: &Loaded) -> Vec<String> {
    let style = Style::of_stdout();
    let mut lines = Vec::new();
    let all = serde_json::to_value(&loaded.config).unwrap_or_default();
    for (section, values) in all.as_object().into_iter().flatten() {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(style.mark(Mark::Strong, &format!("[{section}]")));
        show_values(loaded, section, values, style, &mut lines);
    }
    lines
}

fn show_values(loaded: &Loaded, prefix: &str, values: &Value, style: Style, lines: &mut Vec<String>) {
    for (name, value) in values.as_object().into_iter().flatten() {
        let key = format!("{prefix}.{name}");
        let origin = match loaded.origin(&key) {
            Origin::Default => String::new(),
            origin => style.mark(Mark::Faint, &format!("  # {origin}")),
        };
        if value.is_null() {
            lines.push(style.mark(Mark::Faint, &format!("# {name} is not set")));
        } else if let Ok(value) = toml::Value::try_from(value) {
            lines.push(format!("{name} = {value}{origin}"));
        }
    }
}

/// What the commented file says of a key, of a section, or (for an empty key) of everything; `None` where there is nothing of that name.
fn doc(shipped: &str, key: &str) -> Option<String> {
    if key.is_empty() {
        return Some(shipped.to_owned());
    }
    let (section, name) = key.split_once('.').map_or((key, None), |(section, name)| (section, Some(name)));
    let header = format!("[{section}]");
    let mut lines = shipped.lines().skip_while(|line| *line != header).peekable();
    lines.next()?;
    let mut found = vec![header.clone()];
    let mut comment: Vec<&str> = Vec::new();
    for line in lines.take_while(|line| !line.starts_with('[')) {
        // A key without a default stands in a comment of its own.
        let is_key = |line: &str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let set = line.strip_prefix("# ").filter(|line| is_key(line)).unwrap_or(line);
        if !is_key(set) {
            comment.push(line);
            continue;
        }
        if name.is_none_or(|name| set.split(" = ").next() == Some(name)) {
            found.append(&mut comment.iter().map(|&line| line.to_owned()).collect());
            found.push(line.to_owned());
        }
        comment.clear();
    }
    (found.len() > 1).then(|| found.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_words() {
        let shipped = "# head\n[a]\n# Of one,\n# in two lines.\none = 1\n# Of two.\n# two = \"x\"\n\n[b]\n# Of b.\none = 2\n";
        let table = [
            ("a.one", Some("[a]\n# Of one,\n# in two lines.\none = 1")),
            ("a.two", Some("[a]\n# Of two.\n# two = \"x\"")),
            ("b", Some("[b]\n# Of b.\none = 2")),
            ("b.two", None),
            ("c", None),
            ("one", None),
            ("", Some(shipped)),
        ];
        for (key, expected) in table {
            assert_eq!(doc(shipped, key).as_deref(), expected, "{key}");
        }
    }

    /// Every key that can be set is explained by its name.
    #[test]
    fn every_key_is_explained() {
        let all = serde_json::to_value(config::Config::default()).unwrap();
        for (section, keys) in all.as_object().unwrap() {
            for key in keys.as_object().unwrap().keys() {
                let key = format!("{section}.{key}");
                assert!(doc(config::SHIPPED, &key).is_some_and(|text| text.lines().count() > 1), "{key}");
            }
        }
    }
}

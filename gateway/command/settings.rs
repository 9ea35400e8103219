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

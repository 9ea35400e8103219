//! The private market's journal, judged by `vendue verify --events` while the market still runs.

use std::process::Command;

use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::market::{PrivateMarket, find_vendue};

/// What it says.
#[derive(Debug, Clone, Serialize)]
pub struct JournalVerdict {
    /// Nothing is broken.
    pub sound: bool,
    /// In words: what was checked, or what is broken.
    pub said: String,
}

/// Has every frame, number, event and effect of the journal checked by the market's own program.
///
/// # Errors
/// Where that cannot be started.
pub fn verify(private: &PrivateMarket) -> Result<JournalVerdict, Failure> {
    let vendue = find_vendue(private.vendue())?;
    let output = Command::new(vendue)
        .args(["verify", "--events", "--json"])
        .arg(private.data_dir())
        .output()
        .map_err(Failure::system("vendue verify"))?;
    let told = serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default();
    let sound = output.status.success();
    let said = match &told["findings"] {
        Value::Array(findings) if !findings.is_empty() => {
            findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
        _ if sound => {
            let count = |name: &str| told[name].as_u64().unwrap_or_default();
            format!(
                "{} records, {} checkpoints of the notary",
                (count("last") + 1).saturating_sub(count("first")),
                count("checkpoints")
            )
        }
        _ => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    };
    Ok(JournalVerdict { sound, said })
}

//! `demo.json`: where a running demo is, for the other subcommands and for tools.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vendue_domain::id::AccountId;

use super::play::TOKEN_TTL;
use super::seed::Seeded;
use super::stage::Running;
use crate::data_dir::{DataDir, replace_private};
use crate::failure::Failure;

/// What `demo.json` and the line of `--print json` say. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DemoFile {
    /// `ws://127.0.0.1:PORT/ws`.
    pub(crate) url: String,
    /// `http://127.0.0.1:PORT`.
    pub(crate) http: String,
    /// The house's account.
    pub(crate) operator: String,
    pub(crate) operator_token: String,
    /// The file whose secret signs tokens.
    pub(crate) token_secret_file: PathBuf,
    pub(crate) engine_pid: u32,
    pub(crate) gateway_pid: u32,
    pub(crate) data_dir: PathBuf,
    /// The demo's market; none where it is bare.
    pub(crate) market: Option<String>,
    /// The account of whoever sits before the demo.
    pub(crate) bidder: Option<String>,
    pub(crate) bidder_token: Option<String>,
}

impl DemoFile {
    /// What is known without a market.
    pub(super) fn bare(data: &DataDir, running: &Running) -> Result<Self, Failure> {
        Ok(Self {
            url: format!("ws://{}/ws", running.address),
            http: format!("http://{}", running.address),
            operator: AccountId::HOUSE.to_string(),
            operator_token: crate::token::mint(data, AccountId::HOUSE, TOKEN_TTL)?,
            token_secret_file: data.token_secret(),
            engine_pid: running.engine_pid,
            gateway_pid: running.gateway_pid,
            data_dir: data.0.clone(),
            market: None,
            bidder: None,
            bidder_token: None,
        })
    }

    /// Adds the market and the visitor.
    pub(super) fn with_market(&mut self, data: &DataDir, seeded: &Seeded) -> Result<(), Failure> {
        self.market = Some(seeded.market.to_string());
        self.bidder = Some(seeded.visitor.to_string());
        self.bidder_token = Some(crate::token::mint(data, seeded.visitor, TOKEN_TTL)?);
        Ok(())
    }

    /// The one line of `--print json`.
    pub(super) fn ready_line(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Reads a demo's file; `None` where there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let unreadable = |why: String| {
            Failure::broken(
                format!("cannot read {}", path.display()),
                why,
                "start the demo again, or give --url and --token",
            )
        };
        match std::fs::read(path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(error.to_string()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<Written, Failure> {
        let written = Written(path.to_owned());
        written.again(self)?;
        Ok(written)
    }
}

/// The file as this demo wrote it; gone with this value: nobody should look for a demo that is over. A demo that did not get
/// as far as writing one does not take another's away.
#[derive(Debug)]
pub(super) struct Written(PathBuf);

impl Written {
    /// Replaces its content.
    pub(super) fn again(&self, demo: &DemoFile) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(demo).unwrap_or_default();
        replace_private(&self.0, text.as_bytes()).map_err(|error| {
            Failure::broken(
                format!("cannot write {}", self.0.display()),
                error,
                "make its directory writable",
            )
        })
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // A file that cannot be removed leads to "cannot connect" later, which says what to do.
        let _ = std::fs::remove_file(&self.0);
    }
}

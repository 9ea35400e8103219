//! The market that is tested: one that is running, or one that the tool starts for itself.

mod private;
mod setup;
mod token;

pub use private::{PrivateMarket, find_vendue};
pub use setup::{Account, CURRENCY, Funding, LotOptions, Venue, together};
pub use token::{Tokens, read_secret};

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

/// Which market.
#[derive(Debug, Clone, Default, Args)]
pub struct MarketArgs {
    /// Token of an operator of the platform [default: the house account's, made from the secret].
    #[arg(
        long,
        env = "VENDUE_OPERATOR_TOKEN",
        hide_env_values = true,
        value_name = "JWT",
        help_heading = "Market"
    )]
    pub operator_token: Option<String>,
    /// The file that holds the server's token secret (DATA_DIR/token.secret): bidders' tokens are made from it. Needed with
    /// an address, since the tool creates its own bidders; the private market names its own.
    #[arg(long, env = "VENDUE_TOKEN_SECRET_FILE", value_name = "FILE", help_heading = "Market")]
    pub token_secret_file: Option<PathBuf>,
    /// The `vendue` binary for the private market [default: beside this one].
    #[arg(long, env = "VENDUE_BIN", value_name = "PATH", help_heading = "Market")]
    pub vendue: Option<PathBuf>,
    /// Where the private market keeps its data; removed afterwards [default: a directory under the system's temporary one].
    #[arg(long, value_name = "DIR", help_heading = "Market")]
    pub data_root: Option<PathBuf>,
}

/// A market to test, and the process behind it where it is the tool's own.
#[derive(Debug)]
pub struct Market {
    /// `ws://HOST:PORT/ws`.
    pub url: String,
    /// Makes the tokens of its accounts.
    pub tokens: Tokens,
    /// An operator's token.
    pub operator_token: String,
    /// The tool's own processes.
    pub private: Option<PrivateMarket>,
}

impl Market {
    /// The market at `url`, or a private one where there is none; `echo`: its gateway answers bids by itself.
    ///
    /// # Errors
    /// What is missing or does not start.
    pub fn open(url: Option<&str>, args: &MarketArgs, echo: bool) -> Result<Self, Failure> {
        let Some(url) = url else {
            let private = PrivateMarket::start(args, echo)?;
            let ready = private.ready();
            let tokens = Tokens::new(read_secret(&ready.token_secret_file)?);
            return Ok(Self {
                url: ready.url.clone(),
                operator_token: ready.operator_token.clone(),
                tokens,
                private: Some(private),
            });
        };
        let secret = args.token_secret_file.as_deref().ok_or_else(|| {
            Failure::Usage(
                "a running market needs --token-secret-file: the tool creates bidders and makes their tokens from the \
                 server's secret (DATA_DIR/token.secret); leave the address out for a private market"
                    .into(),
            )
        })?;
        let tokens = Tokens::new(read_secret(secret)?);
        let operator_token = match &args.operator_token {
            Some(token) => token.clone(),
            None => tokens.mint(vendue_domain::id::AccountId::HOUSE)?,
        };
        Ok(Self { url: url.to_owned(), tokens, operator_token, private: None })
    }
}

//! `vendue token`: mints a token from the secret of a data directory.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use vendue_domain::id::AccountId;
use vendue_gateway::auth;

use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::{output, when};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue token --operator --data-dir data/demo\n  vendue token acc_01J9... --expires 7d\n\n\
    A token says who somebody is; what the account may do are its grants, which the engine holds."
)]
pub(crate) struct Arguments {
    /// Whose token: the account's id.
    #[arg(required_unless_present = "operator", conflicts_with = "operator")]
    account: Option<AccountId>,
    /// The token of the house, the account that exists from the first start: operator of the platform.
    #[arg(long)]
    operator: bool,
    /// How long it is good for: 15m, 24h, 7d.
    #[arg(long, default_value = "24h", value_parser = when::parse_duration)]
    expires: Duration,
    /// The data directory with the secret.
    #[arg(long, value_name = "DIR", default_value = crate::connection::DEMO_DIR)]
    data_dir: PathBuf,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let account = arguments.account.unwrap_or(AccountId::HOUSE);
    let token = mint(&DataDir(arguments.data_dir.clone()), account, arguments.expires)?;
    if arguments.json {
        output::json(
            &json!({"account": account.to_string(), "token": token, "expires_s": arguments.expires.as_secs()}),
        );
    } else {
        output::line(&token);
    }
    Ok(())
}

/// A token for an account, signed with the data directory's secret.
pub(crate) fn mint(data: &DataDir, account: AccountId, expires: Duration) -> Result<String, Failure> {
    let path = data.token_secret();
    let remedy = "name the data directory with --data-dir; the engine makes the secret at its first start";
    // Minting never makes a secret: a token of a new one would be good nowhere.
    if !path.exists() {
        return Err(Failure::broken(
            "no secret to sign with",
            format!("{} is not there", path.display()),
            remedy,
        ));
    }
    let unusable = |error: vendue_gateway::GatewayError| Failure::broken("cannot mint a token", error, "");
    let secret = auth::open_secret(&path).map_err(unusable)?;
    let now_s = when::now_us() / 1_000_000;
    let exp = now_s.saturating_add(i64::try_from(expires.as_secs()).unwrap_or(i64::MAX));
    let claims =
        auth::Claims { sub: account.to_string(), exp, nbf: None, iat: Some(now_s), iss: None, aud: None };
    auth::mint(&secret, &claims).map_err(unusable)
}

//! After a kill: what was acknowledged must still be there, exactly as it was told (I1, I36, I37).

use serde_json::json;
use vendue_client::{Client, Key};

use super::replay::{Acknowledged, Outcome, Played};
use crate::failure::Failure;
use crate::market::{Venue, together};

/// Asks for every acknowledged bid by its key; what the market says differently, in words.
pub(super) async fn acknowledged(
    venue: &Venue,
    played: &[Played],
    parallel: usize,
) -> Result<Vec<String>, Failure> {
    let problems = together(played, parallel, |auction| one(venue, auction)).await?;
    Ok(problems.into_iter().flatten().collect())
}

async fn one(venue: &Venue, auction: &Played) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    let mut clients: Vec<(&str, Client)> = Vec::new();
    for record in &auction.acknowledged {
        let token = record.account.token.as_str();
        let at = match clients.iter().position(|(known, _)| *known == token) {
            Some(at) => at,
            None => {
                clients.push((token, venue.connect(&record.account).await?));
                clients.len() - 1
            }
        };
        problems.extend(ask(&clients[at].1, auction, record).await);
    }
    for (_, client) in clients {
        client.close().await;
    }
    Ok(problems)
}

async fn ask(client: &Client, auction: &Played, record: &Acknowledged) -> Option<String> {
    let target = auction.lot.to_string();
    let reply = client.command_result(&target, &Key::from(&record.key)).await;
    let found = Outcome::of(&reply);
    if found.as_ref() == Some(&record.outcome) {
        return None;
    }
    let found =
        found.map_or_else(|| json!(format!("{reply:?}")).to_string(), |outcome| format!("{outcome:?}"));
    Some(format!("{target} {}: told {:?}, now {found}", record.key, record.outcome))
}

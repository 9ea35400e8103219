//! Every command against its record: what was acknowledged is there once and says the same, what is there was asked for,
//! and what was refused left nothing.

use std::collections::BTreeMap;

use serde_json::Value;
use vendue_engine::entry::Entry;
use vendue_protocol::link::Reply;
use vendue_protocol::wire::error::WireError;
use vendue_protocol::wire::reply::write_answer;

use super::Placed;
use crate::Broken;
use crate::canonical::{from_pack, same};
use crate::history::{History, Issue, Told};

/// I1, I2, I3, I36.
pub(super) fn check(history: &History, journal: &[Placed]) -> Result<(), Broken> {
    let mut recorded: BTreeMap<u128, (u64, &Entry)> = BTreeMap::new();
    for (position, entry) in journal {
        let Some(keyed) = entry.keyed() else { continue };
        // A command that waits for another actor has a record without an answer, and a later one with it.
        if let Some((first, before)) = recorded.insert(keyed.hash, (*position, entry))
            && before.reply(first).is_some()
        {
            return Err(Broken::new("I36", format!("one key at {first} and at {position}: {entry:?}")));
        }
    }
    if let Some((position, entry)) =
        recorded.values().find(|(position, entry)| entry.reply(*position).is_none())
    {
        return Err(Broken::new("I47", format!("record {position} was never answered: {entry:?}")));
    }
    for issue in &history.issues {
        check_issue(issue, recorded.remove(&issue.hash))?;
    }
    match recorded.values().next() {
        Some((position, entry)) => {
            Err(Broken::new("I2", format!("nobody asked for record {position}: {entry:?}")))
        }
        None => Ok(()),
    }
}

fn check_issue(issue: &Issue, recorded: Option<(u64, &Entry)>) -> Result<(), Broken> {
    if issue.is_trial {
        return match recorded {
            Some((position, _)) => Err(Broken::new("I3", format!("a trial is at {position}: {issue:?}"))),
            None => Ok(()),
        };
    }
    let is_accepted = matches!(recorded, Some((_, Entry::Decided(_) | Entry::Noted(_))));
    match (&issue.told, recorded) {
        (Some(Told::Accepted(_)), None) => {
            Err(Broken::new("I1", format!("acknowledged and lost: {issue:?}")))
        }
        (Some(Told::Accepted(result)), Some((position, entry))) => agrees(issue, result, position, entry),
        (Some(Told::Rejected(error)), Some((position, entry))) => refused(issue, error, position, entry),
        // A rejection is durable when it is told.
        (Some(Told::Rejected(_)), None) => {
            Err(Broken::new("I1", format!("a rejection was told and is lost: {issue:?}")))
        }
        (Some(Told::NotExecuted(_)), Some((position, _))) if issue.attempts == 1 && is_accepted => {
            Err(Broken::new("I3", format!("`not_executed`, and at {position}: {issue:?}")))
        }
        _ => Ok(()),
    }
}

fn agrees(issue: &Issue, result: &Value, position: u64, entry: &Entry) -> Result<(), Broken> {
    let Some(Reply::Accepted { seq, answer, .. }) = entry.reply(position) else {
        return Err(Broken::new("I1", format!("acknowledged, and at {position} {entry:?}: {issue:?}")));
    };
    let mut packed = Vec::new();
    write_answer(&mut packed, &answer, seq, false);
    let mut expected = from_pack(&packed);
    expected.as_object_mut().map(|fields| fields.remove("replayed"));
    if same(&expected, result) {
        return Ok(());
    }
    Err(Broken::new("I1", format!("told {result}, and the journal says {expected}: {issue:?}")))
}

fn refused(issue: &Issue, error: &Value, position: u64, entry: &Entry) -> Result<(), Broken> {
    let Some(Reply::Rejected { rejection, .. }) = entry.reply(position) else {
        return Err(Broken::new("I3", format!("rejected, and at {position} {entry:?}: {issue:?}")));
    };
    let code = WireError::rejected(rejection, false).code.as_str();
    if error["code"] == code {
        return Ok(());
    }
    Err(Broken::new("I3", format!("told {error}, and the journal says {code}: {issue:?}")))
}

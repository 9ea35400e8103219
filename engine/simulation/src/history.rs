//! What the clients asked for and what they were told: B of the invariants, kept by the world and not by the house.

use serde_json::{Map, Value, json};
use vendue_domain::actor::ActorAddress;
use vendue_domain::id::AccountId;
use vendue_engine::keys::key_hash;

use crate::Broken;
use crate::canonical::same;

/// The secret of the keys' hash in every world.
pub(crate) const KEY_SECRET: u128 = 99;

/// What a client knows of a command's outcome.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// `ok`: the result without `replayed`.
    Accepted(Value),
    /// The rules said no: the error without `replayed`.
    Rejected(Value),
    /// It never reached the rules: the code.
    NotExecuted(String),
}

/// One command of one account, however often it was sent.
#[derive(Debug)]
pub(crate) struct Issue {
    pub(crate) by: AccountId,
    pub(crate) target: ActorAddress,
    /// The target as clients say it.
    pub(crate) target_name: String,
    pub(crate) key: String,
    pub(crate) method: &'static str,
    /// Without the key.
    pub(crate) params: Map<String, Value>,
    /// The key's hash, which is also the id of what the command makes.
    pub(crate) hash: u128,
    /// Judged as if, never recorded.
    pub(crate) is_trial: bool,
    pub(crate) attempts: u32,
    /// How many replies were not marked as replayed.
    firsts: u32,
    pub(crate) told: Option<Told>,
}

impl Issue {
    /// Whether its client has nothing more to learn.
    pub(crate) const fn is_settled(&self) -> bool {
        matches!(self.told, Some(Told::Accepted(_) | Told::Rejected(_)))
    }

    /// The request that sends it (again).
    pub(crate) fn request(&self, id: u64) -> Value {
        let mut params = self.params.clone();
        params.insert("key".into(), self.key.clone().into());
        json!({"id": id, "method": self.method, "params": params})
    }
}

/// All commands of a world, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) issues: Vec<Issue>,
    /// Replies that told a command's outcome.
    pub(crate) acknowledged: u64,
    /// Of them those that told it again.
    pub(crate) replayed: u64,
}

impl History {
    /// Notes a command that is about to be sent; its number.
    pub(crate) fn issue(
        &mut self,
        by: AccountId,
        (target, target_name): (ActorAddress, String),
        method: &'static str,
        params: Value,
    ) -> usize {
        let number = self.issues.len();
        let key = format!("key-{number}");
        let hash = key_hash(KEY_SECRET, by, target, key.as_bytes());
        let params = match params {
            Value::Object(params) => params,
            _ => Map::new(),
        };
        let is_trial = params.get("validate_only") == Some(&Value::Bool(true));
        self.issues.push(Issue {
            by,
            target,
            target_name,
            key,
            method,
            params,
            hash,
            is_trial,
            attempts: 0,
            firsts: 0,
            told: None,
        });
        number
    }

    /// A reply to one attempt has come.
    ///
    /// # Errors
    /// I36: another outcome than the first, or a second first one. I3: the key's content is denied.
    pub(crate) fn told(&mut self, number: usize, reply: &Value) -> Result<(), Broken> {
        let Some(issue) = self.issues.get_mut(number) else { return Ok(()) };
        let (told, is_replayed) = match read(reply) {
            Outcome::Definite(told, is_replayed) => (told, is_replayed),
            // Whoever was told an outcome may be told `unknown` of a later attempt: it asks again.
            Outcome::Unknown => return Ok(()),
            Outcome::NotExecuted(code) if code == "idempotency_key_reused" => {
                return Err(Broken::new("I36", format!("the same content is denied: {issue:?}\n{reply}")));
            }
            Outcome::NotExecuted(code) => {
                if !issue.is_settled() {
                    issue.told = Some(Told::NotExecuted(code));
                }
                return Ok(());
            }
        };
        self.acknowledged += 1;
        self.replayed += u64::from(is_replayed);
        issue.firsts += u32::from(!is_replayed);
        if issue.firsts > 1 && !issue.is_trial {
            return Err(Broken::new("I36", format!("executed twice: {issue:?}\n{reply}")));
        }
        match &issue.told {
            Some(before @ (Told::Accepted(_) | Told::Rejected(_)))
                if !issue.is_trial && !agree(before, &told) =>
            {
                Err(Broken::new("I36", format!("told {told:?} and before: {issue:?}")))
            }
            _ => {
                issue.told = Some(told);
                Ok(())
            }
        }
    }

    /// A reply to the key of a settled command with other content.
    ///
    /// # Errors
    /// I36: it was executed.
    pub(crate) fn told_of_reuse(&self, number: usize, reply: &Value) -> Result<(), Broken> {
        match read(reply) {
            Outcome::Definite(..) => Err(Broken::new(
                "I36",
                format!("other content was executed: {:?}\n{reply}", self.issues[number]),
            )),
            Outcome::Unknown | Outcome::NotExecuted(_) => Ok(()),
        }
    }

    /// The answer of `command.result` to the key of a settled command.
    ///
    /// # Errors
    /// I37: the outcome is forgotten, or another one.
    pub(crate) fn recalled(&self, number: usize, reply: &Value) -> Result<(), Broken> {
        let issue = &self.issues[number];
        match (read(reply), &issue.told) {
            (Outcome::Definite(told, _), Some(before)) if !agree(before, &told) => {
                Err(Broken::new("I37", format!("recalled as {told:?}: {issue:?}")))
            }
            (Outcome::NotExecuted(code), _) if code == "not_found" => {
                Err(Broken::new("I37", format!("forgotten: {issue:?}")))
            }
            _ => Ok(()),
        }
    }
}

/// A reply's meaning for the command.
enum Outcome {
    Definite(Told, bool),
    NotExecuted(String),
    Unknown,
}

fn read(reply: &Value) -> Outcome {
    let is_ok = reply["ok"] == true;
    let mut body = if is_ok { reply["result"].clone() } else { reply["error"].clone() };
    let replayed = body.as_object_mut().and_then(|fields| fields.remove("replayed"));
    let is_replayed = replayed == Some(Value::Bool(true));
    if is_ok {
        return Outcome::Definite(Told::Accepted(body), is_replayed);
    }
    match body["outcome"].as_str() {
        Some("rejected") => Outcome::Definite(Told::Rejected(body), is_replayed),
        Some("not_executed") => Outcome::NotExecuted(body["code"].as_str().unwrap_or_default().to_owned()),
        _ => Outcome::Unknown,
    }
}

fn agree(before: &Told, now: &Told) -> bool {
    match (before, now) {
        (Told::Accepted(before), Told::Accepted(now)) | (Told::Rejected(before), Told::Rejected(now)) => {
            same(before, now)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendue_domain::id::LotId;

    fn history() -> History {
        let mut history = History::default();
        let lot = LotId::from_u128(5);
        history.issue(
            AccountId::from_u128(1),
            (lot.into(), lot.to_string()),
            "lot.bid",
            json!({"amount": 5}),
        );
        history
    }

    #[test]
    fn a_key_has_one_outcome() {
        let ok = |amount: u64, replayed: bool| json!({"ok": true, "result": {"price": amount, "replayed": replayed}});
        let no = json!({"ok": false, "error": {"code": "bid_too_low", "outcome": "rejected"}});
        let unknown = json!({"ok": false, "error": {"code": "deadline_exceeded", "outcome": "unknown"}});
        let check = |replies: &[&Value], sound: bool| {
            let mut history = history();
            let outcome = replies.iter().try_for_each(|reply| history.told(0, reply));
            assert_eq!(outcome.is_ok(), sound, "{replies:?}: {outcome:?}");
        };
        check(&[&ok(5, false), &ok(5, true), &unknown], true);
        check(&[&unknown, &ok(5, true)], true);
        check(&[&ok(5, false), &ok(6, true)], false);
        check(&[&ok(5, false), &ok(5, false)], false);
        check(&[&no, &ok(5, true)], false);
    }
}

//! What the asker of a command was told, as a receipt proves it: made from the record alone, in a form of its own.

use sha2::{Digest as _, Sha256};
use vendue_domain::actor::{ActorAddress, Answer};
use vendue_domain::id::AccountId;
use vendue_domain::lot::Digest;
use vendue_domain::record::Field;
use vendue_domain::rejection::Rejection;
use vendue_domain::time::Timestamp;

use crate::entry::{Entry, answer_of};

vendue_domain::record! {
    /// The outcome of a command. Its bytes are hashed into the tree: a field's meaning never changes.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Statement {
        /// The outcome's place in the journal.
        1 => pub position: u64,
        /// When it was decided, in microseconds since 1970.
        2 => pub time: Timestamp,
        /// The command: the cell's keyed hash of account, target and key.
        3 => pub command: u128,
        /// XXH3-64 of the command's content.
        4 => pub content: u64,
        /// Who asked; absent in refusals and notes, which do not record it: the command's hash stands for it.
        5 => pub account: Option<AccountId>,
        /// Who decided; absent as above.
        6 => pub actor: Option<ActorAddress>,
        /// The actor's public channel after it.
        7 => pub seq: u64,
        /// What was answered where it was accepted; absent as long as the answer waits for another actor.
        8 => pub answer: Option<Answer>,
        /// The rule that refused it.
        9 => pub rejection: Option<Rejection>,
    }
}

impl Statement {
    /// Of a record; `None` where it is no command's outcome.
    #[must_use]
    pub fn of(position: u64, entry: &Entry) -> Option<Self> {
        let keyed = entry.keyed()?;
        let mut statement = Self {
            position,
            time: entry.time(),
            command: keyed.hash,
            content: keyed.content,
            account: None,
            actor: None,
            seq: 0,
            answer: None,
            rejection: None,
        };
        match entry {
            Entry::Decided(decided) => {
                statement.account = decided.by;
                statement.actor = decided.address();
                statement.seq = decided.channel_seq;
                match answer_of(&decided.events.0, decided.id, &decided.stamp()) {
                    Some(Ok(answer)) => statement.answer = Some(answer),
                    Some(Err(rejection)) => statement.rejection = Some(rejection),
                    None => {}
                }
            }
            Entry::Refused(refused) => statement.rejection = Some(refused.rejection.clone()),
            Entry::Noted(noted) => {
                statement.seq = noted.channel_seq;
                statement.answer = Some(noted.answer.clone());
            }
            _ => {}
        }
        Some(statement)
    }

    /// Its hash in the leaf.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Self::hash(&self.to_bytes())
    }

    /// The hash of a statement's bytes; of none for a record that is no command's outcome.
    #[must_use]
    pub fn hash(bytes: &[u8]) -> Digest {
        let mut hash = Sha256::new();
        hash.update([0x03]);
        hash.update(bytes);
        Digest(hash.finalize().into())
    }
}

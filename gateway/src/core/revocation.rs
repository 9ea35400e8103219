//! Tokens that are void before their end: accounts that signed out everywhere, as the engine tells with its pulses (I46).

use vendue_protocol::domain::mutant;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::link::SignedOut;
use vendue_protocol::wire::{Code, WireError};

use crate::auth::Identity;
use crate::core::Core;

impl Core {
    /// Who a token names, if it is valid and not void.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, WireError> {
        let identity = self.keys.verify(token, now)?;
        if self.is_void(&identity) {
            let why = "the account has signed out everywhere since this token was issued; sign in anew";
            return Err(WireError::new(Code::TokenExpired).saying(why));
        }
        Ok(identity)
    }

    /// Tokens say when they were issued in whole seconds: one of the same second counts as issued before.
    fn is_void(&self, identity: &Identity) -> bool {
        self.signed_out.get(&identity.account).is_some_and(|until| identity.issued_at <= *until)
    }

    /// Accounts have signed out everywhere: who is connected with an older token hears nothing private from now on.
    pub(crate) fn sign_out(&mut self, now: Timestamp, accounts: &[SignedOut]) {
        if mutant("private_after_sign_out") {
            return;
        }
        for SignedOut { account, until } in accounts {
            let known = self.signed_out.entry(*account).or_insert(*until);
            *known = (*known).max(*until);
        }
        for key in self.connections.keys() {
            let Some(connection) = self.connections.get(key) else { continue };
            let is_void =
                |identity: Option<Identity>| identity.is_some_and(|identity| self.is_void(&identity));
            let (is_over, bearer_is_void) = (is_void(connection.identity), is_void(connection.bearer));
            let Some(connection) = self.connections.get_mut(key) else { continue };
            if bearer_is_void {
                connection.bearer = None;
            }
            if is_over {
                connection.identity =
                    connection.identity.map(|identity| Identity { expires_at: now, ..identity });
                self.end_private_channels(now, key);
                self.schedule(now, key);
            }
        }
    }
}

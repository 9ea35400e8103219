//! `/auth/...`: people sign in at an identity provider, and the pages get a token of ours.

mod fetch;
mod pages;
mod service;

pub(super) use pages::answer;
use service::NoToken;
pub(super) use service::{SignIn, start};

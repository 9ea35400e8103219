//! The load tool: replays histories, makes load, and verifies what the market made of it.
//!
//! `history` judges by real auctions whether the market finds winner and price itself; `run` measures. Both work on a running
//! market or start a private one (`vendue demo --bare`), and both keep their own record of what was acknowledged and compare
//! the market with it.

pub mod failure;
pub mod history;
pub mod market;
pub mod oracle;
pub mod run;

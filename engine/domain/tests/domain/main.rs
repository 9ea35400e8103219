//! The rules as tables, against slow models that recompute everything, against published examples, and byte for byte.

#![allow(unreachable_pub)]

mod account_booking;
mod account_feed;
mod account_fees;
mod account_model;
mod account_script;
mod account_tables;
mod auction_checks;
mod book_data;
mod book_messages;
mod book_model;
mod book_tables;
mod bytes;
mod call_model;
mod data;
mod format_model;
mod format_tables;
mod funding_model;
mod funding_tables;
mod lot_model;
mod lot_script;
mod lot_tables;
mod order_model;
mod order_tables;
mod order_town;
mod others;
mod random;
mod rare_model;
mod rare_tables;
mod rejections;
mod stock_model;
mod stock_tables;
mod town;
mod trading_model;
mod trading_tables;
mod world;

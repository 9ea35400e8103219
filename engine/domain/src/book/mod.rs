//! Order books for interchangeable goods.
//!
//! [`matching`] keeps the resting orders in price-time priority and matches against them; [`uncross`] finds the one price
//! of a call auction. Both are plain data structures without money, rights or time.

pub mod matching;
pub mod uncross;

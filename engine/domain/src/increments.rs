//! Increment tables: data of a market or lot, by current price.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;

crate::record! {
    /// Bands by current price: the increment of the last band that begins at or below it.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct IncrementTable {
        /// (begins at, increment) in minor units; the first begins at 0, each later one higher. At most 64 bands.
        1 => pub bands: Vec<(u64, Amount)>,
    }
}

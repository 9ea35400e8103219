//! What a lot is and under which terms it is sold, and the checks of both.

use std::sync::Arc;

use crate::amount::{Amount, Currency, Hidden};
use crate::fees::Fees;
use crate::id::{AccountId, MarketId, SaleId};
use crate::increments::IncrementTable;
use crate::limits;
use crate::lot::{Clock, CreateLot, Format, Funding, Pricing, Qualification, Seed, SoftClose};
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! {
    /// What people read of a lot.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Content {
        1 => pub title: String,
        2 => pub description: Option<String>,
        3 => pub category: Option<String>,
        /// Low and high.
        4 => pub estimate: Option<(Amount, Amount)>,
        5 => pub images: Vec<String>,
    }
}

crate::record! {
    /// A lot's content and terms.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Listing {
        1 => pub market: MarketId,
        2 => pub currency: Currency,
        3 => pub seller: AccountId,
        4 => pub content: Content,
        5 => pub format: Format,
        /// Units sold by this lot.
        6 => pub quantity: u64,
        7 => pub start_amount: Amount,
        8 => pub reserve: Option<Hidden>,
        9 => pub buy_now: Option<Amount>,
        /// The lot's own table, or its market's at the lot's creation; the currency's default where absent.
        10 => pub increments: Option<Arc<IncrementTable>>,
        11 => pub soft_close: Option<SoftClose>,
        12 => pub funding: Funding,
        /// Open outcry: a bid is the price, not a maximum.
        13 => pub plain: bool,
        14 => pub qualification: Qualification,
        15 => pub sale: Option<SaleId>,
        /// In the sale's catalogue.
        16 => pub number: Option<u32>,
        17 => pub reference: Option<String>,
        18 => pub opens_at: Option<Timestamp>,
        19 => pub clock: Option<Clock>,
        20 => pub pricing: Pricing,
        /// What is held before the first bid where funding or qualification is `deposit`.
        21 => pub deposit: Option<Amount>,
        /// Nobody sees bids before the end; the sealed formats always, a tender where it says so.
        22 => pub sealed: bool,
        /// The market's fees when the lot was created.
        23 => pub fees: Fees,
        /// How long before the announced end a candle may go out, in milliseconds.
        24 => pub candle_ms: Option<u64>,
        /// What packages are made of (combinatorial).
        25 => pub items: Vec<String>,
        /// What a candle's end is drawn from.
        26 => pub seed: Option<Seed>,
    }
}

impl Content {
    /// Checks the limits of texts, images and the estimate.
    ///
    /// # Errors
    /// `InvalidRequest` with the field's name.
    pub fn validate(&self) -> Result<(), Rejection> {
        limits::text("title", &self.title, limits::TITLE_CHARS_MAX)?;
        limits::optional_text("description", self.description.as_deref(), limits::DESCRIPTION_CHARS_MAX)?;
        limits::optional_text("category", self.category.as_deref(), limits::CATEGORY_CHARS_MAX)?;
        limits::images(&self.images)?;
        if self.estimate.is_some_and(|(low, high)| low > high) {
            return Err(Rejection::invalid("estimate", "[low, high] with low at most high"));
        }
        Ok(())
    }
}

impl Listing {
    /// Checks the amounts and terms against each other.
    ///
    /// # Errors
    /// `InvalidRequest` with the field's name.
    pub fn validate(&self) -> Result<(), Rejection> {
        self.content.validate()?;
        limits::optional_text("ref", self.reference.as_deref(), limits::REF_CHARS_MAX)?;
        if !(1..=limits::QUANTITY_MAX).contains(&self.quantity) {
            return Err(Rejection::invalid("quantity", format!("1 to {}", limits::QUANTITY_MAX)));
        }
        self.validate_format()?;
        let floor = self.reserve.map_or(self.start_amount, |Hidden(reserve)| reserve);
        if self.format.is_tender() && floor > self.start_amount {
            return Err(Rejection::invalid(
                "reserve",
                "at most start_amount, which is the most that is offered",
            ));
        }
        if !self.format.is_tender() && floor < self.start_amount {
            return Err(Rejection::invalid("reserve", "at least start_amount"));
        }
        if self.buy_now.is_some_and(|buy_now| buy_now < floor) {
            return Err(Rejection::invalid("buy_now", "at least start_amount and the reserve"));
        }
        if let Some(table) = &self.increments {
            table.validate()?;
        }
        self.validate_backing()
    }

    /// What the format asks of the lot's terms, besides what [`check_known`] refuses.
    fn validate_format(&self) -> Result<(), Rejection> {
        let knows = self.format.knows(self.sealed);
        let given = [
            ("reserve", self.reserve.is_some(), knows.reserve),
            ("buy_now", self.buy_now.is_some(), knows.buy_now),
            ("soft_close", self.soft_close.is_some(), knows.soft_close),
            ("clock", self.clock.is_some(), knows.clock),
            ("sealed", self.sealed, knows.sealed),
            ("funding", self.funding == Funding::Full, knows.full),
            ("candle_ms", self.candle_ms.is_some(), knows.candle),
            ("items", !self.items.is_empty(), knows.items),
        ];
        refuse_unknown(self.format, &given)?;
        if knows.units && self.quantity > limits::LOT_UNITS_MAX {
            let expected = format!("1 to {} where units are sold one by one", limits::LOT_UNITS_MAX);
            return Err(Rejection::invalid("quantity", expected));
        }
        if knows.candle {
            self.validate_candle()?;
        }
        if knows.items {
            self.validate_items()?;
        }
        match self.clock {
            Some(clock) => clock.validate(self.format, self.start_amount),
            None if knows.clock => {
                Err(Rejection::invalid("clock", "start, step, interval_ms, and floor (dutch)"))
            }
            None => Ok(()),
        }
    }

    fn validate_candle(&self) -> Result<(), Rejection> {
        let (least, most) = (limits::CANDLE_MIN_MS, limits::CANDLE_MAX_MS);
        if !self.candle_ms.is_some_and(|candle_ms| (least..=most).contains(&candle_ms)) {
            return Err(Rejection::invalid("candle_ms", format!("{least} to {most}")));
        }
        Ok(())
    }

    fn validate_items(&self) -> Result<(), Rejection> {
        if !(2..=limits::ITEMS_MAX).contains(&self.items.len()) {
            return Err(Rejection::invalid("items", format!("2 to {} names", limits::ITEMS_MAX)));
        }
        self.items.iter().try_for_each(|item| limits::text("items", item, limits::ITEM_CHARS_MAX))?;
        if self.quantity != 1 {
            return Err(Rejection::invalid("quantity", "1: the items are counted by themselves"));
        }
        if self.start_amount.checked_mul(self.items.len() as u64).is_none() {
            return Err(Rejection::AmountOutOfRange);
        }
        Ok(())
    }

    /// Whether money is held for its bids.
    #[must_use]
    pub fn is_backed(&self) -> bool {
        self.funding != Funding::None || self.qualification == Qualification::Deposit
    }

    fn validate_backing(&self) -> Result<(), Rejection> {
        let (funding, qualification) = (self.funding, self.qualification);
        if self.format.is_tender() && self.is_backed() {
            return Err(Rejection::invalid("funding", "none: in a tender who bids is paid"));
        }
        let deposit = funding == Funding::Deposit || qualification == Qualification::Deposit;
        if deposit != self.deposit.is_some() {
            return Err(Rejection::invalid(
                "deposit",
                "an amount exactly where funding or qualification is deposit",
            ));
        }
        if funding == Funding::Full && qualification == Qualification::Deposit {
            return Err(Rejection::invalid(
                "qualification",
                "not deposit with full funding, which holds all of a bid",
            ));
        }
        if self.qualification == Qualification::Registered && self.sale.is_none() {
            return Err(Rejection::invalid("qualification", "registered only for a lot of a sale"));
        }
        Ok(())
    }

    /// Checks the lot's times.
    ///
    /// # Errors
    /// `InvalidRequest` with the field's name.
    pub fn validate_times(&self, closes_at: Option<Timestamp>, now: Timestamp) -> Result<(), Rejection> {
        let valid = |time: Timestamp| (Timestamp(0)..=Timestamp::MAX).contains(&time);
        if self.opens_at.is_some_and(|opens_at| !valid(opens_at)) {
            return Err(Rejection::invalid("opens_at", "microseconds since 1970, up to the year 9999"));
        }
        let earliest = self.opens_at.map_or(now, |opens_at| opens_at.max(now));
        if closes_at.is_some_and(|closes_at| !valid(closes_at) || closes_at <= earliest) {
            return Err(Rejection::invalid(
                "closes_at",
                "later than opens_at and than now, up to the year 9999",
            ));
        }
        if self.candle_ms.is_some() && closes_at.is_none() {
            return Err(Rejection::invalid("closes_at", "a candle's announced end"));
        }
        let Some(soft_close) = self.soft_close else { return Ok(()) };
        if soft_close.window_ms > limits::SOFT_CLOSE_MAX_MS
            || soft_close.extend_ms > limits::SOFT_CLOSE_MAX_MS
        {
            let expected = format!("window_ms and extend_ms at most {}", limits::SOFT_CLOSE_MAX_MS);
            return Err(Rejection::invalid("soft_close", expected));
        }
        let too_early = |hard: Timestamp| !valid(hard) || closes_at.is_some_and(|closes_at| hard < closes_at);
        if soft_close.hard_close_at.is_some_and(too_early) {
            return Err(Rejection::invalid("soft_close", "hard_close_at not before closes_at"));
        }
        Ok(())
    }
}

/// Refuses the terms that are given and that the format does not know: (name, given, known).
fn refuse_unknown(format: Format, terms: &[(&str, bool, bool)]) -> Result<(), Rejection> {
    match terms.iter().find(|(_, given, known)| *given && !known) {
        Some((name, ..)) => {
            Err(Rejection::invalid(name, format!("not in a lot of the format {}", format.name())))
        }
        None => Ok(()),
    }
}

/// Refuses terms of a new lot that its format does not know, whatever they say.
pub(super) fn check_known(command: &CreateLot) -> Result<(), Rejection> {
    let knows = command.format.knows(command.format.is_sealed() || command.sealed == Some(true));
    refuse_unknown(
        command.format,
        &[
            ("increments", command.increments.is_some(), knows.increments),
            ("proxy", command.proxy.is_some(), knows.proxy),
            ("pricing", command.pricing.is_some(), knows.pricing),
            ("sealed", command.sealed == Some(true), knows.sealed),
            // What is always secret cannot be made open.
            ("sealed", command.sealed == Some(false), !command.format.is_sealed()),
        ],
    )
}

impl Clock {
    /// Checks the clock of a lot that starts at `start_amount`.
    fn validate(&self, format: Format, start_amount: Amount) -> Result<(), Rejection> {
        let (least, most) = (limits::CLOCK_INTERVAL_MIN_MS, limits::CLOCK_INTERVAL_MAX_MS);
        let falls = format == Format::Dutch;
        if falls && self.floor.is_none_or(|floor| floor > self.start) {
            return Err(Rejection::invalid("clock", "a floor at most its start"));
        }
        if (falls && self.ceiling.is_some()) || (!falls && self.floor.is_some()) {
            return Err(Rejection::invalid("clock", "a floor where it falls, a ceiling where it rises"));
        }
        if self.ceiling.is_some_and(|ceiling| ceiling < self.start) {
            return Err(Rejection::invalid("clock", "a ceiling at least its start"));
        }
        if !(least..=most).contains(&self.interval_ms) {
            return Err(Rejection::invalid("clock", format!("interval_ms from {least} to {most}")));
        }
        if self.start != start_amount {
            return Err(Rejection::invalid("start_amount", "where the clock starts"));
        }
        Ok(())
    }
}

impl SoftClose {
    /// The end after a bid that changed price or leader `before_end_us` before it: `max(end, now + extend_ms)`, never past
    /// the hard close; `None` where it stays (RULES, "Soft close"; I17).
    #[inline]
    pub(super) fn extended(
        &self,
        ends_at: Timestamp,
        before_end_us: u64,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if before_end_us > self.window_ms.saturating_mul(1_000) {
            return None;
        }
        let later = now.plus_ms(self.extend_ms).min(self.hard_close_at.unwrap_or(Timestamp::MAX));
        (later > ends_at).then_some(later)
    }

    /// The same with its hard close moved as far as the end was, so that a pause takes nothing from what is between them.
    pub(super) fn moved(self, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let (Some(hard), Some(from), Some(to)) = (self.hard_close_at, from, to) else { return self };
        let after = hard.micros_since(from);
        Self { hard_close_at: Some(to.plus_micros(after)), ..self }
    }
}

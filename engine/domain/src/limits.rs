//! How much of everything there may be, each with its unit and its reason; and the checks of texts against them.

use crate::rejection::{LimitExceeded, Rejection};

/// The most characters of a title: one line on a page.
pub const TITLE_CHARS_MAX: usize = 200;
/// The most characters of an account's name.
pub const NAME_CHARS_MAX: usize = 200;
/// The most characters of a description: several printed pages; a lot's record stays far below a frame of the link.
pub const DESCRIPTION_CHARS_MAX: usize = 20_000;
/// The most characters of a sale's terms.
pub const TERMS_CHARS_MAX: usize = 20_000;
/// The most characters of a category's path.
pub const CATEGORY_CHARS_MAX: usize = 200;
/// The most images of one thing.
pub const IMAGES_MAX: usize = 24;
/// The most characters of an image's address: what browsers handle everywhere.
pub const IMAGE_CHARS_MAX: usize = 2_000;
/// The most characters of the caller's own key of a thing (SKU, catalogue number).
pub const REF_CHARS_MAX: usize = 100;
/// The most characters of a reason.
pub const REASON_CHARS_MAX: usize = 500;
/// The most bands of an increment table: the longest published one has 12.
pub const INCREMENT_BANDS_MAX: usize = 64;
/// The most bands of a fee table: as many as of an increment table.
pub const FEE_BANDS_MAX: usize = 64;
/// How long after its end a lot waits for holds that are under way, in milliseconds (RULES, "Funding": 2 s).
pub const CLOSING_MS: u64 = 2_000;
/// The most bids of one lot that wait for holds: what a hot lot may have in flight, about 200 bytes each.
pub const WAITING_BIDS_MAX: usize = 16_384;
/// The most of them of one account: nobody takes all the room.
pub const WAITING_BIDS_OF_ACCOUNT_MAX: usize = 256;
/// The most restatements of one lot that wait for holds: each looks at every bidder.
pub const RESTATEMENTS_MAX: usize = 256;
/// How many holds a step of a closed lot gives back, and how many waiting bids it refuses: keeps a step short.
pub const HOLDS_PER_STEP: usize = 64;
/// The most lines of an order.
pub const ORDER_LINES_MAX: usize = 100;
/// The most locations of a stock item.
pub const LOCATIONS_MAX: usize = 64;
/// The most characters of a location's name.
pub const LOCATION_CHARS_MAX: usize = 100;
/// How long an order may take to have its lines set aside, in milliseconds: as long as a client waits for an answer by default.
pub const ORDER_PLACING_MS: u64 = 5_000;
/// How long units stay set aside for an unpaid order, in milliseconds: an hour, time for a bank or a card. Later it may
/// still be paid, and gets what is there then.
pub const ORDER_RESERVATION_MS: u64 = 60 * 60 * 1_000;
/// How long an order without a won lot may stay unpaid before it is cancelled, in milliseconds: 14 days, a usual term of payment.
pub const ORDER_PAYMENT_MS: u64 = 14 * 24 * 60 * 60 * 1_000;
/// How long after its delivery, or return, an order waits for (more) returns, in milliseconds: 14 days, the right of
/// withdrawal in the European Union (directive 2011/83/EU, article 9).
pub const ORDER_RETURN_MS: u64 = 14 * 24 * 60 * 60 * 1_000;
/// The most moves that an order shows; the oldest but the first are forgotten beyond.
pub const ORDER_HISTORY_MAX: usize = 64;
/// The most bookings that an order remembers as refused: more than its parties.
pub const ORDER_UNBOOKED_MAX: usize = 128;
/// The most units of a multi-unit or dutch lot: a close names every winner.
pub const LOT_UNITS_MAX: u64 = 1_000_000;
/// The most bidders of a multi-unit or dutch lot: every one may win, and a close with all winners has to fit a frame of
/// 256 KiB to a client (67 bytes a winner) and a batch of the journal (1,000 KiB, 80 bytes a winner).
pub const WINNERS_MAX: usize = 2_048;
/// The most items of a combinatorial lot: with [`PACKAGE_BIDS_MAX`] bids its end is worked out in some 10 ms (the bench
/// prints it), and a shard stands as long.
pub const ITEMS_MAX: usize = 12;
/// The most bids for packages of one combinatorial lot, as [`ITEMS_MAX`].
pub const PACKAGE_BIDS_MAX: usize = 256;
/// The most of them of one account: nobody takes all the room.
pub const PACKAGE_BIDS_OF_ACCOUNT_MAX: usize = 32;
/// The most characters of an item's name: an item is named in one line.
pub const ITEM_CHARS_MAX: usize = 100;
/// The shortest time in which a candle may go out, in milliseconds: a second, long enough for a bid to come through.
pub const CANDLE_MIN_MS: u64 = 1_000;
/// The longest time in which a candle may go out, in milliseconds: a week.
pub const CANDLE_MAX_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// The most takes of one account in a dutch lot that stand: each is remembered, so that it can be voided.
pub const TAKES_MAX: usize = 256;
/// The shortest step of a clock, in milliseconds: each is a journaled event to every watcher.
pub const CLOCK_INTERVAL_MIN_MS: u64 = 100;
/// The longest step of a clock, in milliseconds: a week.
pub const CLOCK_INTERVAL_MAX_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// The most live holds of one account.
pub const HOLDS_MAX: usize = 100_000;
/// How many of an account's live holds, the oldest, its snapshot lists: the snapshot is one frame (256 KiB).
pub const HOLDS_LISTED: usize = 200;
/// The most assets (currencies and goods) of one account.
pub const ASSETS_MAX: usize = 10_000;
/// How many of an account's kinds of goods, the first by id, its snapshot lists: the snapshot is one frame (256 KiB).
pub const HOLDINGS_LISTED: usize = 256;
/// The most lines of one entry: each sub-account twice.
pub const ENTRY_LINES_MAX: usize = 8;
/// How many entries an account remembers: a correction names one of them, and what gives one back is refused beyond what it booked. An older one is given back
/// unchecked: who asks for it, an order, keeps its own account of what it has given back.
pub const ENTRIES_KEPT: usize = 128;
/// The most units of a lot, and of a stock item: 2^53 - 1, the largest integer that every JSON reader keeps exactly.
pub const QUANTITY_MAX: u64 = crate::amount::AMOUNT_MAX;
/// The most bidders of one lot: a restatement looks at each.
pub const BIDDERS_MAX: usize = 1_000_000;
/// How many of its own bids on a lot are remembered for each bidder (fewer only where it has placed fewer): what a
/// retraction of its last bids can go back to. At twice as many the older half is forgotten.
pub const BIDS_KEPT: usize = 8;
/// The most registrations of one sale.
pub const REGISTRATIONS_MAX: usize = 1_000_000;
/// The most grants of one account: its facts are held by every shard.
pub const GRANTS_MAX: usize = 1_000;
/// The most accounts linked with one account, and the most markets it is suspended or verified in.
pub const MARKS_MAX: usize = 1_000;
/// The most live reservations of one stock item.
pub const RESERVATIONS_MAX: usize = 1_000_000;
/// How long a reservation lives where nobody says, in milliseconds (RULES: 10 minutes).
pub const RESERVATION_TTL_MS: u64 = 10 * 60 * 1_000;
/// The longest that a reservation may be made or extended to, in milliseconds from now: a day, as nothing may hold stock for ever.
pub const RESERVATION_TTL_MAX_MS: u64 = 24 * 60 * 60 * 1_000;
/// How many ended reservations a stock item remembers, to say how they ended.
pub const RESERVATIONS_ENDED_KEPT: usize = 256;
/// How many reservations one due step expires: keeps a step short where many end at once.
pub const EXPIRIES_PER_STEP: usize = 64;
/// The most live orders of one book, waiting ones included: about 200 bytes each.
pub const BOOK_ORDERS_MAX: usize = 262_144;
/// The most of them of one account.
pub const BOOK_ORDERS_OF_ACCOUNT_MAX: usize = 1_024;
/// The most price levels of one side of a book: a snapshot shows them all, and is one frame (256 KiB).
pub const BOOK_LEVELS_MAX: usize = 10_000;
/// The most orders that one order trades with, and that a step of a call auction serves: one event of about 100 bytes each.
pub const BOOK_FILLS_MAX: usize = 1_024;
/// The most orders of a book that wait for holds.
pub const BOOK_WAITING_MAX: usize = 16_384;
/// The most significant figures that a book can ask for: all that an amount has.
pub const SIGNIFICANT_FIGURES_MAX: u32 = 16;
/// The shortest time between two indicative prices of a call auction, in milliseconds: as often as a person can follow.
pub const INDICATIVE_MS: u64 = 250;
/// The longest call auction, and the longest random part of its end, in milliseconds: a week.
pub const AUCTION_MAX_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// The longest soft close window and extension, in milliseconds: a week.
pub const SOFT_CLOSE_MAX_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// The longest stagger between the lots of a sale, in milliseconds: a day.
pub const STAGGER_MAX_MS: u64 = 24 * 60 * 60 * 1_000;

/// A limit that is reached.
#[must_use]
pub fn exceeded(limit: &str, allowed: u64, asked: u64) -> Rejection {
    Rejection::LimitExceeded(LimitExceeded { limit: limit.to_owned(), allowed, asked })
}

/// A text that must be there: 1 to `max` characters, not only blanks.
///
/// # Errors
/// `InvalidRequest` with the field's name.
pub fn text(field: &str, value: &str, max: usize) -> Result<(), Rejection> {
    if value.trim().is_empty() || is_longer(value, max) {
        return Err(Rejection::invalid(field, format!("1 to {max} characters")));
    }
    Ok(())
}

/// A text that may be absent, or empty.
///
/// # Errors
/// `InvalidRequest` with the field's name.
pub fn optional_text(field: &str, value: Option<&str>, max: usize) -> Result<(), Rejection> {
    if value.is_some_and(|value| is_longer(value, max)) {
        return Err(Rejection::invalid(field, format!("at most {max} characters")));
    }
    Ok(())
}

/// A reason that must be given.
///
/// # Errors
/// `InvalidRequest` for `reason`.
pub fn reason(value: Option<&str>) -> Result<(), Rejection> {
    text("reason", value.unwrap_or_default(), REASON_CHARS_MAX)
}

/// A list of images' addresses.
///
/// # Errors
/// `InvalidRequest` for `images`.
pub fn images(value: &[String]) -> Result<(), Rejection> {
    let fits = value.len() <= IMAGES_MAX
        && value.iter().all(|image| !image.is_empty() && !is_longer(image, IMAGE_CHARS_MAX));
    if fits {
        Ok(())
    } else {
        Err(Rejection::invalid(
            "images",
            format!("at most {IMAGES_MAX} addresses of 1 to {IMAGE_CHARS_MAX} characters"),
        ))
    }
}

fn is_longer(value: &str, chars: usize) -> bool {
    // A character takes at most four bytes: most texts need no counting.
    value.len() > chars && (value.len() > 4 * chars || value.chars().count() > chars)
}

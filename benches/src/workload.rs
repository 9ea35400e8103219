//! A market with lots and bidders, and bids on them as a gateway would send them.

use std::sync::Arc;

use vendue_domain::account::{AccountCommand, CreateAccount, Deposit, Grant};
use vendue_domain::actor::Command;
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::facts::Role;
use vendue_domain::id::{AccountId, LotId, MarketId, OrderId, StockId};
use vendue_domain::lot::{CreateLot, Format, Funding, LotCommand, OpenLot, PlaceBid};
use vendue_domain::market::{CreateMarket, MarketCommand};
use vendue_domain::order::{LineRequest, OrderCommand, PlaceOrder};
use vendue_domain::record::Field;
use vendue_domain::stock::{CreateStock, StockCommand};
use vendue_domain::time::Timestamp;
use vendue_engine::EngineOptions;
use vendue_engine::keys::NoOlderKeys;
use vendue_engine::shard::{Seal, Shard};
use vendue_protocol::link::CommandItem;

/// The link that the bench's commands come from.
pub(crate) const LINK: u32 = 1;

/// The market of the bench.
pub(crate) const MARKET: MarketId = MarketId::from_u128(0xA001);

/// When the bench's world begins.
pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000_000);

/// Personal data of the bench: there is none.
pub(crate) struct NoSeal;

impl Seal for NoSeal {
    fn seal(&self, _account: AccountId, plain: &str) -> Option<Vec<u8>> {
        Some(plain.as_bytes().to_vec())
    }

    fn fingerprint(&self, _account: AccountId, plain: &str) -> Option<u64> {
        Some(plain.len() as u64)
    }
}

/// A fresh shard, alone in its cell.
pub(crate) fn shard(options: EngineOptions) -> Shard {
    Shard::new(0, 1, Arc::new(options), 7, Arc::new(NoOlderKeys), Arc::new(NoSeal), Arc::default())
}

/// The id of bidder number `n`.
pub(crate) const fn bidder(n: u64) -> AccountId {
    AccountId::from_u128(0xB000_0000 + n as u128)
}

/// The id of lot number `n`.
pub(crate) fn lot(n: u64) -> LotId {
    // Spread like random ids, so that maps see what they will see.
    LotId::from_u128(u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

/// The bytes of a command item.
pub(crate) fn item(request: u64, by: AccountId, key: &[u8], command: &Command) -> Vec<u8> {
    let mut out = Vec::new();
    let bytes = command.to_bytes();
    let expires_at = Timestamp(i64::MAX);
    CommandItem { request, by, expires_at, key, currency: None, command: &bytes }.encode(&mut out);
    out
}

/// The command that makes the market.
pub(crate) fn only_market() -> Vec<u8> {
    let market = Command::Market(MarketCommand::Create(Box::new(CreateMarket {
        market: Some(MARKET),
        name: "Bench".into(),
        currency: euro(),
        increments: None,
        policy: None,
        r#ref: None,
        fees: None,
    })));
    item(0, AccountId::HOUSE, b"market", &market)
}

/// The commands that make a market with `lots` open lots and `bidders` bidders; under [`Funding::Full`] with money enough
/// for every bid.
pub(crate) fn market(lots_count: u64, bidders: u64, funding: Funding) -> Vec<Vec<u8>> {
    let mut items = vec![only_market()];
    items.extend(accounts(0..bidders));
    if funding == Funding::Full {
        let deposits = (0..bidders).map(|n| Command::Account(AccountCommand::Deposit(deposit(bidder(n)))));
        items.extend(deposits.map(|command| item(0, AccountId::HOUSE, b"deposit", &command)));
    }
    items.extend(lots(0..lots_count, funding));
    items
}

/// The commands that make these bidders.
pub(crate) fn accounts(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let commands = numbers.flat_map(|n| {
        let create = CreateAccount {
            account: Some(bidder(n)),
            name: format!("Bidder {n}"),
            r#ref: None,
            name_sealed: Default::default(),
            name_hash: None,
        };
        let grant = Grant { account: bidder(n), market: MARKET, role: Role::Bidder, revoke: None };
        [(b"create", AccountCommand::Create(create)), (b"grant ", AccountCommand::Grant(grant))]
    });
    commands.map(|(key, command)| item(0, AccountId::HOUSE, key, &Command::Account(command))).collect()
}

/// The commands that make and open these lots.
pub(crate) fn lots(numbers: std::ops::Range<u64>, funding: Funding) -> Vec<Vec<u8>> {
    let commands = numbers.flat_map(|n| {
        let create = LotCommand::Create(Box::new(create_lot(n, funding)));
        let open = LotCommand::Open(OpenLot { lot: lot(n), reason: Some("bench".into()) });
        [(b"create", create), (b"open  ", open)]
    });
    commands.map(|(key, command)| item(0, AccountId::HOUSE, key, &Command::Lot(command))).collect()
}

/// The commands that make these stock items.
pub(crate) fn stock(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let commands = numbers.map(|n| CreateStock {
        stock: Some(StockId::from_u128(lot(n).0.as_u128())),
        market: MARKET,
        title: format!("Stock {n}"),
        price: Amount::new(1_990).unwrap_or(Amount::ONE),
        on_hand: 100,
        r#ref: None,
        threshold: None,
        limit_per_account: None,
        description: None,
        category: None,
        images: None,
        seller: None,
        locations: None,
        strategy: None,
    });
    let commands = commands.map(|create| Command::Stock(StockCommand::Create(Box::new(create))));
    commands.map(|command| item(0, AccountId::HOUSE, b"create", &command)).collect()
}

/// The commands that place an order of one unit of each of these stock items, by the first bidder.
pub(crate) fn orders(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let commands = numbers.map(|n| PlaceOrder {
        order: Some(OrderId::from_u128(lot(n).0.as_u128() ^ 1)),
        market: Some(MARKET),
        lines: vec![LineRequest {
            stock: Some(StockId::from_u128(lot(n).0.as_u128())),
            quantity: Some(1),
            ..LineRequest::default()
        }],
        near: None,
        found: Vec::new(),
    });
    let commands = commands.map(|place| Command::Order(OrderCommand::Place(Box::new(place))));
    commands.map(|command| item(0, bidder(0), b"order", &command)).collect()
}

/// As much as an account can have.
fn deposit(account: AccountId) -> Deposit {
    Deposit {
        account,
        amount: Some(Amount::MAX),
        currency: Some(euro()),
        goods: None,
        quantity: None,
        reason: "bench".into(),
    }
}

pub(crate) fn euro() -> Currency {
    Currency::new("EUR").unwrap_or_else(|| unreachable!("EUR is listed"))
}

fn create_lot(n: u64, funding: Funding) -> CreateLot {
    CreateLot {
        lot: Some(lot(n)),
        market: MARKET,
        title: format!("Lot {n}"),
        format: Format::English,
        quantity: None,
        opens_at: None,
        closes_at: Some(START.plus_ms(365 * 86_400_000)),
        start_amount: Amount::new(100).unwrap_or(Amount::ONE),
        reserve: None,
        buy_now: None,
        increments: None,
        soft_close: None,
        funding: Some(funding),
        proxy: None,
        qualification: None,
        sale: None,
        number: None,
        description: None,
        category: None,
        estimate: None,
        images: None,
        r#ref: None,
        seller: None,
        clock: None,
        pricing: None,
        deposit: None,
        sealed: None,
        candle_ms: None,
        items: None,
        seed: None,
    }
}

/// Makes bids without end: round robin over the lots, each accepted one a step above the lot's last, every one by
/// another bidder than the leader.
pub(crate) struct Bids {
    lots: u64,
    bidders: u64,
    /// How many contest a lot; `None`: every bid is another's.
    rivals: Option<u64>,
    /// Of 100 bids, how many must be refused as too low.
    rejected: u64,
    made: u64,
    steps: Vec<u64>,
    bytes: Vec<u8>,
}

impl Bids {
    /// Bids on `lots` lots by `bidders` bidders, `rejected` of 100 too low.
    pub(crate) fn new(lots: u64, bidders: u64, rejected: u64) -> Self {
        Self {
            lots,
            bidders,
            rivals: None,
            rejected,
            made: 0,
            steps: vec![0; lots as usize],
            bytes: Vec::with_capacity(256),
        }
    }

    /// The same, where `rivals` bidders take turns on each lot.
    pub(crate) const fn with_rivals(mut self, rivals: u64) -> Self {
        self.rivals = Some(rivals);
        self
    }

    /// The next bid's item.
    pub(crate) fn next(&mut self) -> &[u8] {
        let n = self.made;
        self.made += 1;
        let place = (n % self.lots) as usize;
        // Spread evenly: a bid is refused where the running share passes a whole number.
        let refused = (n * self.rejected) / 100 != ((n + 1) * self.rejected) / 100;
        let amount = if refused && self.steps[place] > 0 {
            1
        } else {
            self.steps[place] += 1;
            // 100.00 above the last: more than any increment of the default table.
            100 + self.steps[place] * 10_000
        };
        let command = Command::Lot(LotCommand::Bid(PlaceBid {
            lot: lot(place as u64),
            amount: Amount::new(amount).unwrap_or(Amount::MAX),
            quantity: None,
            all_or_none: None,
            if_seq: None,
            validate_only: None,
            stay_until: None,
            package: None,
        }));
        let by = self.bidder_of(n);
        self.bytes.clear();
        let key = n.to_le_bytes();
        CommandItem::encode_head(&mut self.bytes, n, by, Timestamp(i64::MAX), &key, None);
        command.encode(&mut self.bytes);
        &self.bytes
    }
    fn bidder_of(&self, n: u64) -> AccountId {
        let turn = n / self.lots;
        match self.rivals {
            Some(rivals) => bidder((n % self.lots + turn % rivals) % self.bidders),
            None => bidder((turn + n) % self.bidders),
        }
    }
}

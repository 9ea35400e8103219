//! The messages of the race: the public workload, or one of the same shape where it is not at hand.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use vendue_domain::book::matching::{Core, Order, Remainder, Side};
use vendue_domain::id::AccountId;

/// Where the public workload lies in a checkout beside the shared data.
const BESIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/book/normal_messages.csv.gz");
/// Messages of the generated workload: as many as the public one has.
const GENERATED: u64 = 1_996_097;

/// What a message asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    New,
    Ioc,
    Cancel,
    Modify,
}

/// One message, ready to be taken.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    /// The id as one of 0, 1, 2, ...: for books that name orders themselves, to look their name up without a hash.
    pub(crate) slot: u32,
    pub(crate) kind: Kind,
    pub(crate) side: Side,
    /// A cancel or modify of an order that is dead or unknown: for books that do not tell.
    pub(crate) dead: bool,
}

/// All messages.
pub(crate) struct Workload {
    pub(crate) messages: Vec<Message>,
    /// Different ids.
    pub(crate) slots: usize,
    /// Where they come from.
    pub(crate) source: &'static str,
}

impl Workload {
    /// The file named, else the one beside the project, else a generated one.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, String> {
        let beside = Path::new(BESIDE);
        let (messages, source) = match path.or_else(|| beside.exists().then_some(beside)) {
            Some(path) => (read(path)?, "the public normal workload"),
            None => {
                (generate(), "generated in the shape of the public normal workload, which is not at hand")
            }
        };
        Ok(Self::prepare(messages, source))
    }

    fn prepare(mut messages: Vec<Message>, source: &'static str) -> Self {
        let mut slots = HashMap::new();
        let mut core = Core::default();
        for message in &mut messages {
            let next = slots.len() as u32;
            message.slot = *slots.entry(message.id).or_insert(next);
            match follow(&mut core, message) {
                // A modify keeps its order's side, whatever the message says.
                Some(side) => message.side = side,
                None => message.dead = true,
            }
        }
        Self { messages, slots: slots.len(), source }
    }
}

/// Takes a message only to know which orders live; the side of its own, if that one did.
fn follow(core: &mut Core, message: &Message) -> Option<Side> {
    let id = u128::from(message.id);
    let mut side = message.side;
    if matches!(message.kind, Kind::Cancel | Kind::Modify) {
        side = core.find(id).and_then(|handle| core.cancel(handle))?.side;
    }
    if message.kind != Kind::Cancel {
        let remainder = if message.kind == Kind::Ioc { Remainder::Lapses } else { Remainder::Rests };
        let &Message { price, quantity, .. } = message;
        // A refused order (its id is live) changes nothing here, nor in the race.
        let _ = core.execute(
            &Order { id, account: AccountId::default(), side, price, quantity },
            remainder,
            |_| {},
        );
    }
    Some(side)
}

fn read(path: &Path) -> Result<Vec<Message>, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(wrong)?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).map_err(wrong)?;
    text.lines()
        .skip(1)
        .map(|line| parse(line).ok_or_else(|| format!("{}: not a message: {line}", path.display())))
        .collect()
}

/// `seq,type(0 new, 1 cancel, 2 modify),side(0 buy, 1 sell),ioc,qty,order_id,price_ticks`.
fn parse(line: &str) -> Option<Message> {
    let mut numbers = line.split(',').skip(1).map(|text| text.trim().parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let (kind, side, ioc) = (next()?, next()?, next()?);
    let kind = match (kind, ioc) {
        (0, 0) => Kind::New,
        (0, _) => Kind::Ioc,
        (1, _) => Kind::Cancel,
        _ => Kind::Modify,
    };
    let side = if side == 0 { Side::Buy } else { Side::Sell };
    Some(Message { quantity: next()?, id: next()?, price: next()?, slot: 0, kind, side, dead: false })
}

/// New orders, cancels, modifies and immediate orders in the public workload's proportions, around a wandering price.
fn generate() -> Vec<Message> {
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut live, mut middle): (Vec<Message>, u64) = (Vec::new(), 33_850);
    let mut messages = Vec::with_capacity(GENERATED as usize);
    for id in 0..GENERATED {
        middle = (middle + random(3)).saturating_sub(1).clamp(33_000, 34_700);
        let (side, chance) = (if random(2) == 0 { Side::Buy } else { Side::Sell }, random(1_000));
        // The nearer to the middle, the more.
        let away = 1 + random(20) * random(20);
        let price = if side == Side::Buy { middle - away } else { middle + away };
        let mut message =
            Message { id, price, quantity: 1 + random(100), slot: 0, kind: Kind::New, side, dead: false };
        if chance < 75 {
            let across = if side == Side::Buy { middle + 3 } else { middle - 3 };
            message = Message { kind: Kind::Ioc, price: across, ..message };
        } else if chance >= 500 && !live.is_empty() {
            let place = random(live.len() as u64) as usize;
            message = if chance < 913 {
                Message { kind: Kind::Cancel, ..live.swap_remove(place) }
            } else {
                let known = live[place];
                Message { kind: Kind::Modify, quantity: message.quantity, ..known }
            };
        } else {
            live.push(message);
        }
        messages.push(message);
    }
    messages
}

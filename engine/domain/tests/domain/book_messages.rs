//! The public order-book workload's messages and reports, through the matching core.

use std::fmt::Write as _;

use vendue_domain::book::matching::{Core, Order, Remainder, Side};
use vendue_domain::id::AccountId;

/// What a message asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    New,
    Cancel,
    Modify,
}

/// One line of the workload.
#[derive(Clone, Copy)]
pub struct Message {
    pub seq: u64,
    pub kind: Kind,
    pub side: Side,
    pub ioc: bool,
    pub quantity: u64,
    pub id: u128,
    pub price: u64,
}

impl Message {
    /// `seq,type,side,ioc,qty,order_id,price_ticks`; `None` for the heading.
    pub fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split(',').map(|text| text.trim().parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let (seq, kind, side, ioc) = (next()?, next()?, next()?, next()? == 1);
        let kind = [Kind::New, Kind::Cancel, Kind::Modify][kind as usize];
        let side = if side == 0 { Side::Buy } else { Side::Sell };
        Some(Self { seq, kind, side, ioc, quantity: next()?, id: u128::from(next()?), price: next()? })
    }
}

fn enter(core: &mut Core, message: &Message, side: Side, out: &mut String) -> u64 {
    let &Message { seq, id, price, quantity, .. } = message;
    let order = Order { id, account: AccountId::default(), side, price, quantity };
    let remainder = if message.ioc { Remainder::Lapses } else { Remainder::Rests };
    let executed = core.execute(&order, remainder, |fill| {
        let _ = writeln!(out, "1,{seq},{},{},{},{id}", fill.price, fill.quantity, fill.id);
    });
    executed.expect("the workload's orders are admitted").remaining
}

/// Takes one message and writes its reports, one a line.
pub fn take(core: &mut Core, message: &Message, out: &mut String) {
    let &Message { seq, id, price, quantity, .. } = message;
    let gone =
        if message.kind == Kind::New { None } else { core.find(id).and_then(|handle| core.cancel(handle)) };
    let number = |side| u8::from(side == Side::Sell);
    let _ = match (message.kind, gone) {
        (Kind::New, _) => {
            let side = number(message.side);
            let _ = writeln!(out, "0,{seq},{side},{id},{price},{quantity}");
            let lapsed = enter(core, message, message.side, out) > 0 && message.ioc;
            if lapsed { writeln!(out, "2,{seq},{side},{id},{price}") } else { Ok(()) }
        }
        (Kind::Cancel, None) => writeln!(out, "4,{seq},{id}"),
        (Kind::Cancel, Some(order)) => writeln!(out, "2,{seq},{},{id},{}", number(order.side), order.price),
        (Kind::Modify, None) => writeln!(out, "5,{seq},{id}"),
        (Kind::Modify, Some(order)) => {
            enter(core, message, order.side, out);
            writeln!(out, "3,{seq},{},{id},{price},{quantity}", number(order.side))
        }
    };
}

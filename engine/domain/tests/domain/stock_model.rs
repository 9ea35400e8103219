//! A stock item against a slow model: it keeps every reservation that ever was and counts anew each time (I23 to I29).

use vendue_domain::actor::{Answer, Entity};
use vendue_domain::id::ReservationId;
use vendue_domain::rejection::Rejection;
use vendue_domain::stock::{
    AdjustStock, CommitReservation, ExtendReservation, ReceiveStock, ReleaseStock, ReserveStock, StockCommand,
};
use vendue_domain::time::Timestamp;

use crate::random::{Random, rounds};
use crate::stock_tables::{STOCK, create_stock};
use crate::world::{Command, OPERATOR, Outcome, SELLER, START, World, account};

/// Random commands in all: rounds times commands of one stock item.
const ROUNDS: u64 = 2_500;
const COMMANDS: u64 = 400;

const BUYERS: [char; 4] = ['A', 'B', 'C', 'D'];

#[derive(Clone, Copy, PartialEq)]
enum State {
    Live,
    Committed,
    Released,
    Expired,
}

struct Reservation {
    id: ReservationId,
    who: char,
    quantity: u64,
    expires_at: i64,
    state: State,
}

struct Model {
    on_hand: i64,
    threshold: i64,
    limit: Option<u64>,
    all: Vec<Reservation>,
    now: i64,
}

impl Model {
    /// Units in a state, of everybody or one account.
    fn sum(&self, state: State, who: Option<char>) -> u64 {
        let counted =
            self.all.iter().filter(|one| one.state == state && who.is_none_or(|who| who == one.who));
        counted.map(|one| one.quantity).sum()
    }

    fn available(&self) -> i64 {
        self.on_hand
            - (self.sum(State::Live, None) + self.sum(State::Committed, None)) as i64
            - self.threshold
    }

    fn expire(&mut self) {
        let now = self.now;
        let over = self.all.iter_mut().filter(|one| one.state == State::Live && one.expires_at <= now);
        over.for_each(|one| one.state = State::Expired);
    }

    fn reserve(&mut self, who: char, quantity: u64, ttl_ms: u64, id: ReservationId) -> String {
        let taken = self.sum(State::Live, Some(who)) + self.sum(State::Committed, Some(who));
        if self.limit.is_some_and(|limit| taken + quantity > limit) {
            return "limit_exceeded".into();
        }
        if quantity as i64 > self.available() {
            return "out_of_stock".into();
        }
        let expires_at = self.now + ttl_ms as i64 * 1_000;
        self.all.push(Reservation { id, who, quantity, expires_at, state: State::Live });
        "ok".into()
    }

    /// What somebody does to a reservation that may have ended already.
    fn touch(
        &mut self,
        nth: usize,
        allowed: bool,
        operators_only: bool,
        act: impl FnOnce(&mut Reservation),
    ) -> String {
        if operators_only && !allowed {
            return "forbidden".into();
        }
        let Some(one) = self.all.get_mut(nth) else { return "not_found".into() };
        match one.state {
            State::Live if !allowed => "forbidden".into(),
            State::Live => {
                act(one);
                "ok".into()
            }
            State::Expired => "reservation_expired".into(),
            State::Committed => "reservation_not_active committed".into(),
            State::Released => "reservation_not_active released".into(),
        }
    }

    fn adjust(&mut self, quantity: i64) -> String {
        if quantity == 0 {
            return "invalid_request".into();
        }
        if quantity < 0 && -quantity > self.available().min(self.on_hand) {
            return "out_of_stock".into();
        }
        self.on_hand += quantity;
        "ok".into()
    }
}

fn said(result: &Result<Outcome, Rejection>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(Rejection::ReservationNotActive(details)) => format!("reservation_not_active {}", details.state),
        Err(rejection) => rejection.code().into(),
    }
}

/// One random command to both: who, what, and what the model expects.
fn step(model: &mut Model, random: &mut Random, next_id: u128) -> (char, StockCommand, String) {
    let who = if random.once_in(8) { 'O' } else { random.pick(&BUYERS) };
    // Mostly a recent reservation: the stock item forgets how the oldest ended.
    let nth = (model.all.len() as u64).saturating_sub(random.below(20)) as usize;
    let reservation = model.all.get(nth).map(|one| one.id).unwrap_or_default();
    let own = who == 'O' || model.all.get(nth).is_some_and(|one| one.who == who);
    let stock = Some(STOCK);
    let ttl_ms = 1 + random.below(20_000);
    let now = model.now;
    match random.below(10) {
        0..=4 => {
            let who = random.pick(&BUYERS);
            let quantity = 1 + random.below(6);
            let expected = model.reserve(who, quantity, ttl_ms, ReservationId::from_u128(next_id));
            (
                who,
                StockCommand::Reserve(ReserveStock { stock: STOCK, quantity, ttl_ms: Some(ttl_ms) }),
                expected,
            )
        }
        5 => {
            let expected = model.touch(nth, own, false, |one| one.state = State::Released);
            (who, StockCommand::Release(ReleaseStock { stock, reservation }), expected)
        }
        6 => {
            let expected = model.touch(nth, who == 'O', true, |one| one.state = State::Committed);
            (who, StockCommand::Commit(CommitReservation { stock, reservation }), expected)
        }
        7 => {
            let later =
                |one: &mut Reservation| one.expires_at = one.expires_at.max(now + ttl_ms as i64 * 1_000);
            let expected = model.touch(nth, own, false, later);
            (
                who,
                StockCommand::Extend(ExtendReservation { stock, reservation, ttl_ms: Some(ttl_ms) }),
                expected,
            )
        }
        8 => {
            let quantity = 1 + random.below(5);
            model.on_hand += quantity as i64;
            ('S', StockCommand::Receive(ReceiveStock { stock: STOCK, quantity, reason: None }), "ok".into())
        }
        _ => {
            let quantity = random.below(21) as i64 - 12;
            let expected = model.adjust(quantity);
            let reason = "counted".to_owned();
            ('S', StockCommand::Adjust(AdjustStock { stock: STOCK, quantity, reason }), expected)
        }
    }
}

#[test]
fn a_stock_item_is_what_all_its_reservations_make_it() {
    rounds(ROUNDS, |seed| {
        let mut random = Random::new(seed);
        let threshold = random.below(7) as i64 - 3;
        let limit = random.once_in(2).then(|| 5 + random.below(30));
        let mut text = format!("on_hand=10 threshold={threshold}");
        limit.iter().for_each(|limit| text += &format!(" limit={limit}"));
        let mut world = World::new();
        world.thorough_every = 97;
        let create = Command::Stock(StockCommand::Create(Box::new(create_stock(&text))));
        world.command(SELLER, &create).expect("created");
        let mut model = Model { on_hand: 10, threshold, limit, all: Vec::new(), now: 0 };
        for nth in 0..COMMANDS {
            model.now += random.below(1_000_000) as i64 * i64::from(random.once_in(2));
            world.now = Timestamp(START.0 + model.now);
            // Sometimes the expiry's own event is late: it must not matter.
            if !random.once_in(4) {
                world.due();
            }
            model.expire();
            let next_id = world.commands + 1;
            let (who, command, expected) = step(&mut model, &mut random, next_id);
            let by = if who == 'S' {
                SELLER
            } else if who == 'O' {
                OPERATOR
            } else {
                account(who)
            };
            let moved = matches!(command, StockCommand::Reserve(_) | StockCommand::Adjust(_));
            let result = world.command(by, &Command::Stock(command.clone()));
            assert_eq!(said(&result), expected, "command {nth}: {command:?}");
            if let Ok(Outcome { answer: Some(Answer::Counters(answer)), .. }) = &result
                && matches!(command, StockCommand::Reserve(_))
            {
                assert_eq!(answer.reservation, model.all.last().map(|one| one.id));
            }
            // Late expiries come out with what rests on them, at the latest with the next due.
            if !(moved && result.is_ok()) {
                world.due();
            }
            check(&world, &model, nth);
        }
    });
}

fn check(world: &World, model: &Model, nth: u64) {
    let Entity::Stock(stock) = world.entity() else { panic!("a stock item") };
    let counters = stock.counters();
    let found = (counters.on_hand as i64, counters.reserved, counters.allocated, counters.available as i64);
    let expected =
        (model.on_hand, model.sum(State::Live, None), model.sum(State::Committed, None), model.available());
    assert_eq!(found, expected, "on hand, reserved, allocated, available after command {nth}");
    let next =
        model.all.iter().filter(|one| one.state == State::Live).map(|one| START.0 + one.expires_at).min();
    assert_eq!(world.entity().next_deadline().map(|deadline| deadline.0), next, "the next expiry");
}

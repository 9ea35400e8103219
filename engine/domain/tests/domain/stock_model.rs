//! A stock item against a slow model: it keeps every claim that ever was (reservations, orders' lines) with where its units
//! lie, and counts anew each time (I23 to I29).

use vendue_domain::actor::{Answer, Entity, Event};
use vendue_domain::facts::Standing;
use vendue_domain::id::{AccountId, OrderId, ReservationId};
use vendue_domain::invariants;
use vendue_domain::rejection::Rejection;
use vendue_domain::stock::{
    AdjustStock, AllocateForOrder, ExtendReservation, OfOrder, ReceiveStock, ReleaseStock, ReserveForOrder,
    ReserveStock, ReturnStock, ShipStock, StockCommand, StockEvent, Strategy, TakeReservation,
};
use vendue_domain::time::Timestamp;

use crate::random::{Random, rounds};
use crate::stock_tables::{STOCK, create_stock};
use crate::world::{Command, OPERATOR, Outcome, SELLER, START, World, account};

/// Random commands in all: rounds times commands of one stock item.
const ROUNDS: u64 = 2_500;
const COMMANDS: u64 = 400;

const BUYERS: [char; 4] = ['A', 'B', 'C', 'D'];
const NAMES: [&str; 3] = ["north", "south", "east"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Live,
    Allocated,
    Released,
    Expired,
    /// Its order wants nothing back any more.
    Finished,
    /// Its order gave it back after it had been allocated.
    GivenUp,
}

/// Somebody's claim on units: a reservation, which may become an order's line and be allocated.
#[derive(Debug, Clone)]
struct Claim {
    id: ReservationId,
    who: char,
    quantity: i64,
    /// Units at each location that have not left.
    parts: Vec<i64>,
    expires_at: i64,
    state: State,
    order: Option<OrderId>,
    shipped: i64,
    returned: i64,
}

struct Model {
    on_hand: Vec<i64>,
    threshold: i64,
    limit: Option<i64>,
    all: Vec<Claim>,
    now: i64,
}

impl Model {
    /// Units in a state, of everybody or one account.
    fn sum(&self, state: State, who: Option<char>) -> i64 {
        let counted =
            self.all.iter().filter(|one| one.state == state && who.is_none_or(|who| who == one.who));
        counted.map(|one| one.quantity - one.shipped).sum()
    }

    fn taken(&self, who: char) -> i64 {
        let bought = self.all.iter().filter(|one| {
            one.who == who && matches!(one.state, State::Live | State::Allocated | State::Finished)
        });
        bought.map(|one| one.quantity - one.returned).sum()
    }

    fn available(&self) -> i64 {
        self.on_hand.iter().sum::<i64>()
            - self.sum(State::Live, None)
            - self.sum(State::Allocated, None)
            - self.threshold
    }

    /// Units at a location that nobody has been promised; below 0 where back-orders are.
    fn free(&self, location: usize) -> i64 {
        let claims = self.all.iter().filter(|one| matches!(one.state, State::Live | State::Allocated));
        self.on_hand[location] - claims.map(|one| one.parts[location]).sum::<i64>()
    }

    fn expire(&mut self) {
        let now = self.now;
        let over = self.all.iter_mut().filter(|one| one.state == State::Live && one.expires_at <= now);
        over.for_each(|one| one.state = State::Expired);
    }

    /// That the units were taken from where the strategy says: counted unit by unit, or by trying all.
    fn check_parts(&self, parts: &[i64], quantity: i64, strategy: Strategy) {
        let places = self.on_hand.len();
        let mut free: Vec<i64> = (0..places).map(|location| self.free(location).max(0)).collect();
        assert_eq!(parts.iter().sum::<i64>(), quantity, "all of it: {parts:?}");
        let there = quantity.min(free.iter().sum());
        let beyond: i64 = parts.iter().zip(&free).map(|(part, free)| (part - free).max(0)).sum();
        assert_eq!(
            beyond,
            quantity - there,
            "only a back-order takes what is not there: {parts:?} of {free:?}"
        );
        if quantity > there {
            return;
        }
        match strategy {
            Strategy::MostStock => {
                let mut expected = vec![0; places];
                let mut left = quantity;
                while left > 0 {
                    let most = (0..places).rev().max_by_key(|&place| free[place]).expect("a place");
                    let taken = left.min(free[most]);
                    (expected[most], free[most], left) = (taken, -1, left - taken);
                }
                assert_eq!(parts, expected, "from the fullest first");
            }
            Strategy::FewestParcels => {
                let suffices = |set: &u32| {
                    (0..places).filter(|place| set & (1 << place) != 0).map(|place| free[place]).sum::<i64>()
                        >= quantity
                };
                let fewest = (1_u32..1 << places).filter(suffices).map(u32::count_ones).min();
                let used = parts.iter().filter(|part| **part > 0).count() as u32;
                assert_eq!(Some(used), fewest, "as few parcels as can be: {parts:?} of {free:?}");
            }
            Strategy::Nearest => {
                // The locations lie in a row, and everything goes to the first.
                let mut left = quantity;
                for (place, part) in parts.iter().enumerate() {
                    assert_eq!(*part, left.min(free[place]), "from the nearest first: {parts:?} of {free:?}");
                    left -= part;
                }
            }
        }
    }
}

/// What one step does and what the model expects of it.
struct Step {
    by: Option<AccountId>,
    command: StockCommand,
    expected: String,
}

struct Trial {
    world: World,
    model: Model,
    random: Random,
    strategy: Strategy,
    lives: invariants::stock::ReservationLives,
    orders: u128,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let threshold = random.below(7) as i64 - 3;
        let limit = random.once_in(2).then(|| 5 + random.below(30));
        let places = 1 + random.below(3) as usize;
        let (name, strategy) = random.pick(&[
            ("most_stock", Strategy::MostStock),
            ("nearest", Strategy::Nearest),
            ("fewest_parcels", Strategy::FewestParcels),
        ]);
        let mut text = format!("on_hand=10 threshold={threshold} strategy={name}");
        limit.iter().for_each(|limit| text += &format!(" limit={limit}"));
        let mut on_hand = vec![10];
        if places > 1 {
            on_hand = (0..places).map(|_| 3 + random.below(6) as i64).collect();
            for (place, units) in on_hand.iter().enumerate() {
                text += &format!(" at={}:{units}:{},10", NAMES[place], place * 10);
            }
        }
        let mut world = World::new();
        world.thorough_every = 97;
        let create = Command::Stock(StockCommand::Create(Box::new(create_stock(&text))));
        world.command(SELLER, &create).expect("created");
        let limit = limit.map(|limit| limit as i64);
        let model = Model { on_hand, threshold, limit, all: Vec::new(), now: 0 };
        let lives = invariants::stock::ReservationLives::default();
        Self { world, model, random, strategy, lives, orders: 0 }
    }

    fn near(&self) -> Option<(i64, i64)> {
        (self.model.on_hand.len() > 1).then_some((0, 10_000_000))
    }

    /// Mostly a recent claim: the stock item forgets how the oldest ended.
    fn nth(&mut self) -> usize {
        (self.model.all.len() as u64).saturating_sub(self.random.below(20)) as usize
    }

    fn location(&mut self) -> (usize, Option<String>) {
        let place = self.random.below(self.model.on_hand.len() as u64) as usize;
        if self.model.on_hand.len() == 1 || (place == 0 && self.random.once_in(2)) {
            return (0, None);
        }
        (place, Some(NAMES[place].to_owned()))
    }

    /// What the rules must say to somebody who wants so many units.
    fn reservable(&self, who: char, quantity: i64) -> String {
        if self.model.limit.is_some_and(|limit| self.model.taken(who) + quantity > limit) {
            "limit_exceeded".into()
        } else if quantity > self.model.available() {
            "out_of_stock".into()
        } else {
            "ok".into()
        }
    }

    /// What the rules must say about a reservation that may have ended.
    fn touchable(claim: Option<&Claim>, allowed: bool) -> String {
        // An allocation that was made after its reservation had lapsed has none.
        let with_id = claim.filter(|one| one.id != ReservationId::default());
        let Some(one) = with_id else { return "not_found".into() };
        match one.state {
            State::Live if !allowed => "forbidden".into(),
            State::Live if one.order.is_some() => "reservation_not_active ordered".into(),
            State::Live => "ok".into(),
            State::Expired => "reservation_expired".into(),
            State::Allocated | State::Finished | State::GivenUp => "reservation_not_active committed".into(),
            State::Released => "reservation_not_active released".into(),
        }
    }

    fn step(&mut self) -> Step {
        match self.random.below(20) {
            0..=5 => self.reserve(),
            6..=7 => self.reserve_for_order(),
            8 => self.touch(),
            9..=10 => self.take(),
            11..=12 => self.allocate(),
            13 => self.release_line(),
            14..=15 => self.ship(),
            16 => self.take_back(),
            17 => self.finish(),
            18 => {
                let ((place, location), quantity) = (self.location(), 1 + self.random.below(5));
                self.model.on_hand[place] += quantity as i64;
                let receive = ReceiveStock { stock: STOCK, quantity, reason: None, location };
                Step { by: Some(SELLER), command: StockCommand::Receive(receive), expected: "ok".into() }
            }
            _ => self.adjust(),
        }
    }

    fn claim(&mut self, who: char, quantity: i64, ttl_ms: u64, order: Option<OrderId>) {
        self.model.all.push(Claim {
            id: ReservationId::from_u128(self.world.commands + 1),
            who,
            quantity,
            // Filled in from the event, after it is checked.
            parts: vec![0; self.model.on_hand.len()],
            expires_at: self.model.now + ttl_ms as i64 * 1_000,
            state: State::Live,
            order,
            shipped: 0,
            returned: 0,
        });
    }

    fn reserve(&mut self) -> Step {
        let (who, quantity) = (self.random.pick(&BUYERS), 1 + self.random.below(6));
        let ttl_ms = 1 + self.random.below(20_000);
        let expected = self.reservable(who, quantity as i64);
        if expected == "ok" {
            self.claim(who, quantity as i64, ttl_ms, None);
        }
        let near = self.near();
        let reserve = ReserveStock { stock: STOCK, quantity, ttl_ms: Some(ttl_ms), strategy: None, near };
        Step { by: Some(account(who)), command: StockCommand::Reserve(reserve), expected }
    }

    fn new_order(&mut self) -> OrderId {
        self.orders += 1;
        OrderId::from_u128(self.orders)
    }

    fn reserve_for_order(&mut self) -> Step {
        let (who, quantity) = (self.random.pick(&BUYERS), 1 + self.random.below(6));
        let ttl_ms = 1 + self.random.below(20_000);
        let order = self.new_order();
        let expected = self.reservable(who, quantity as i64);
        if expected == "ok" {
            self.claim(who, quantity as i64, ttl_ms, Some(order));
        }
        let (buyer, near) = (account(who), self.near());
        let asked = ReserveForOrder { stock: STOCK, order, line: 0, buyer, quantity, near, ttl_ms };
        Step { by: None, command: StockCommand::ReserveForOrder(Box::new(asked)), expected }
    }

    fn touch(&mut self) -> Step {
        let who = if self.random.once_in(8) { 'O' } else { self.random.pick(&BUYERS) };
        let (nth, now) = (self.nth(), self.model.now);
        let claim = self.model.all.get(nth);
        let own = who == 'O' || claim.is_some_and(|one| one.who == who);
        let expected = Self::touchable(claim, own);
        let reservation = claim.map(|one| one.id).unwrap_or_default();
        let (stock, ttl_ms) = (Some(STOCK), 1 + self.random.below(20_000));
        let extends = self.random.once_in(2);
        if let (Some(one), "ok") = (self.model.all.get_mut(nth), expected.as_str()) {
            if extends {
                one.expires_at = one.expires_at.max(now + ttl_ms as i64 * 1_000);
            } else {
                one.state = State::Released;
            }
        }
        let command = if extends {
            StockCommand::Extend(ExtendReservation { stock, reservation, ttl_ms: Some(ttl_ms) })
        } else {
            StockCommand::Release(ReleaseStock { stock, reservation })
        };
        Step { by: Some(if who == 'O' { OPERATOR } else { account(who) }), command, expected }
    }

    fn take(&mut self) -> Step {
        let (nth, now) = (self.nth(), self.model.now);
        let who = self.random.pick(&BUYERS);
        let (order, ttl_ms) = (self.new_order(), 1 + self.random.below(20_000));
        let claim = self.model.all.get(nth);
        let expected = Self::touchable(claim, claim.is_some_and(|one| one.who == who));
        let reservation = claim.map(|one| one.id).unwrap_or_default();
        if let (Some(one), "ok") = (self.model.all.get_mut(nth), expected.as_str()) {
            one.order = Some(order);
            one.expires_at = one.expires_at.max(now + ttl_ms as i64 * 1_000);
        }
        let asked =
            TakeReservation { stock: STOCK, order, line: 0, buyer: account(who), reservation, ttl_ms };
        Step { by: None, command: StockCommand::TakeReservation(Box::new(asked)), expected }
    }

    fn of_order(&mut self) -> Option<usize> {
        let nth = self.nth();
        self.model.all.get(nth).filter(|one| one.order.is_some()).map(|_| nth)
    }

    fn allocate(&mut self) -> Step {
        let Some(nth) = self.of_order() else { return self.reserve() };
        let one = self.model.all[nth].clone();
        if !matches!(one.state, State::Live | State::Expired) {
            return self.reserve();
        }
        let order = one.order.unwrap_or_default();
        let available = self.model.available().max(0);
        let claim = &mut self.model.all[nth];
        if one.state == State::Live {
            claim.state = State::Allocated;
        } else {
            // Paid after it had lapsed: what is there, and the reservation stays what it was.
            claim.order = None;
            let quantity = one.quantity.min(available);
            if quantity > 0 {
                let parts = vec![0; one.parts.len()];
                let id = ReservationId::default();
                self.model.all.push(Claim { id, quantity, parts, state: State::Allocated, ..one });
            }
        }
        let (buyer, near, quantity) = (account(one.who), self.near(), one.quantity as u64);
        let reservation = one.id;
        let asked = AllocateForOrder { stock: STOCK, order, line: 0, buyer, reservation, quantity, near };
        Step { by: None, command: StockCommand::AllocateForOrder(Box::new(asked)), expected: "ok".into() }
    }

    fn release_line(&mut self) -> Step {
        let Some(nth) = self.of_order() else { return self.reserve() };
        let one = &mut self.model.all[nth];
        match one.state {
            State::Live => one.state = State::Released,
            // It has gone back already, or goes back now because its time was over.
            State::Expired => {}
            State::Allocated => {
                one.quantity = one.shipped;
                one.parts.iter_mut().for_each(|part| *part = 0);
                if one.shipped == 0 {
                    one.state = State::GivenUp;
                }
            }
            _ => return self.reserve(),
        }
        let of = OfOrder {
            stock: STOCK,
            order: one.order.unwrap_or_default(),
            line: 0,
            reservation: Some(one.id),
        };
        Step { by: None, command: StockCommand::ReleaseForOrder(of), expected: "ok".into() }
    }

    fn ship(&mut self) -> Step {
        let Some(nth) = self.of_order() else { return self.reserve() };
        let one = self.model.all[nth].clone();
        let order = one.order.unwrap_or_default();
        let (place, location) = self.location();
        let quantity = self.random.once_in(2).then(|| 1 + self.random.below(6));
        let asked = quantity.map_or(one.quantity - one.shipped, |quantity| quantity as i64);
        let expected = if one.state != State::Allocated {
            "order_not_found".to_owned()
        } else if one.quantity == one.shipped {
            "not_allowed_in_state".to_owned()
        } else if asked > one.quantity - one.shipped {
            "invalid_request".to_owned()
        } else {
            self.ship_from(nth, asked, location.is_some().then_some(place))
        };
        let (line, reason) = (None, None);
        let ship = ShipStock { stock: STOCK, order, line, quantity, location, reason };
        Step { by: Some(SELLER), command: StockCommand::Ship(Box::new(ship)), expected }
    }

    /// Takes units out, one after another: of a place that is named (which lends what is free there) or of each part's own.
    fn ship_from(&mut self, nth: usize, quantity: i64, from: Option<usize>) -> String {
        let mut trial = (self.model.on_hand.clone(), self.model.all[nth].clone());
        for _ in 0..quantity {
            let (on_hand, one) = &mut trial;
            let places = 0..on_hand.len();
            let part = match from {
                Some(from) if one.parts[from] > 0 => Some(from),
                Some(from) => places.clone().find(|&place| place != from && one.parts[place] > 0),
                None => places.clone().find(|&place| one.parts[place] > 0 && on_hand[place] > 0),
            };
            let Some(part) = part else { return "out_of_stock".into() };
            let leaves = from.unwrap_or(part);
            if on_hand[leaves] == 0 {
                return "out_of_stock".into();
            }
            on_hand[leaves] -= 1;
            one.parts[part] -= 1;
            one.shipped += 1;
        }
        // What a place lends must be free there.
        if let Some(from) = from {
            let own = self.model.all[nth].parts[from].min(quantity);
            if quantity - own > self.model.free(from).max(0) {
                return "out_of_stock".into();
            }
        }
        (self.model.on_hand, self.model.all[nth]) = trial;
        "ok".into()
    }

    fn take_back(&mut self) -> Step {
        let Some(nth) = self.of_order() else { return self.reserve() };
        let (place, location) = self.location();
        let quantity = self.random.once_in(2).then(|| 1 + self.random.below(4));
        let one = &mut self.model.all[nth];
        let out = one.shipped - one.returned;
        let asked = quantity.map_or(out, |quantity| quantity as i64);
        let expected = if one.state != State::Allocated {
            "order_not_found"
        } else if out == 0 {
            "not_allowed_in_state"
        } else if asked > out {
            "invalid_request"
        } else {
            one.returned += asked;
            self.model.on_hand[place] += asked;
            "ok"
        };
        let order = self.model.all[nth].order.unwrap_or_default();
        let (line, reason) = (Some(0), None);
        let back = ReturnStock { stock: STOCK, order, line, quantity, location, reason };
        Step { by: Some(SELLER), command: StockCommand::Return(Box::new(back)), expected: expected.into() }
    }

    fn finish(&mut self) -> Step {
        let Some(nth) = self.of_order() else { return self.reserve() };
        let one = &mut self.model.all[nth];
        if one.state == State::Allocated && one.quantity == one.shipped {
            one.state = State::Finished;
        }
        let of = OfOrder {
            stock: STOCK,
            order: one.order.unwrap_or_default(),
            line: 0,
            reservation: Some(one.id),
        };
        Step { by: None, command: StockCommand::FinishForOrder(of), expected: "ok".into() }
    }

    fn adjust(&mut self) -> Step {
        let (place, location) = self.location();
        let quantity = self.random.below(21) as i64 - 12;
        let model = &mut self.model;
        let depth = (-model.threshold).max(0);
        let removable = model.available().min(model.on_hand[place]).min(model.free(place).max(0) + depth);
        let expected = if quantity == 0 {
            "invalid_request"
        } else if -quantity > removable.max(0) {
            "out_of_stock"
        } else {
            model.on_hand[place] += quantity;
            "ok"
        };
        let adjust = AdjustStock { stock: STOCK, quantity, reason: "counted".to_owned(), location };
        Step { by: Some(SELLER), command: StockCommand::Adjust(adjust), expected: expected.into() }
    }

    fn run(&mut self, nth: u64) {
        self.model.now += self.random.below(1_000_000) as i64 * i64::from(self.random.once_in(2));
        self.world.now = Timestamp(START.0 + self.model.now);
        // Sometimes the expiry's own event is late: it must not matter.
        if !self.random.once_in(4) {
            let outcome = self.world.due();
            self.see(&outcome, AccountId::default());
        }
        self.model.expire();
        let Step { by, command, expected } = self.step();
        let command = Command::Stock(command);
        let result = match by {
            Some(by) => self.world.command(by, &command),
            None => self.world.command_as(AccountId::default(), Standing::ENGINE, &command),
        };
        assert_eq!(said(&result), expected, "command {nth}: {command:?}");
        if let Ok(outcome) = &result {
            if let (Some(Answer::Counters(answer)), Command::Stock(StockCommand::Reserve(_))) =
                (&outcome.answer, &command)
            {
                assert_eq!(answer.reservation, self.model.all.last().map(|one| one.id));
            }
            self.see(outcome, by.unwrap_or_default());
        }
        // What was late comes out with what rests on it, at the latest with the next due.
        let outcome = self.world.due();
        self.see(&outcome, AccountId::default());
        self.check(nth);
    }

    fn see(&mut self, outcome: &Outcome, by: AccountId) {
        let stamp =
            vendue_domain::context::Stamp { time: self.world.now, by, command_id: self.world.commands };
        for event in &outcome.events {
            let Event::Stock(event) = event else { panic!("of a stock item") };
            self.lives.see(event, &stamp).expect("a reservation's life");
            self.place(event);
        }
    }

    /// Where the units of a new claim lie: as the event says, which must be as the strategy says.
    fn place(&mut self, event: &StockEvent) {
        let fresh = match event {
            StockEvent::Reserved(_) => true,
            StockEvent::OrderReserved(event) => !event.taken,
            StockEvent::Allocated(event) => event.reservation.is_none() && event.quantity > 0,
            _ => return,
        };
        let places = self.model.on_hand.len();
        let Some(last) = self.model.all.last().filter(|_| fresh) else { return };
        let mut parts = vec![0; places];
        match event.split() {
            Some(split) => {
                split.parts.iter().for_each(|part| parts[part.location as usize] += part.quantity as i64)
            }
            None => parts[0] = last.quantity,
        }
        self.model.check_parts(&parts, last.quantity, self.strategy);
        if let Some(last) = self.model.all.last_mut() {
            if let StockEvent::OrderReserved(event) = event {
                last.id = event.reservation;
            }
            last.parts = parts;
        }
    }

    fn check(&self, nth: u64) {
        let Entity::Stock(stock) = self.world.entity() else { panic!("a stock item") };
        invariants::stock::counters(stock).expect("the counters");
        let (model, counters) = (&self.model, stock.counters());
        let found = [counters.on_hand, counters.reserved, counters.allocated, counters.available];
        let on_hand: i64 = model.on_hand.iter().sum();
        let (reserved, allocated) = (model.sum(State::Live, None), model.sum(State::Allocated, None));
        let expected = [on_hand, reserved, allocated, model.available()];
        assert_eq!(
            found.map(|units| units as i64),
            expected,
            "on hand, reserved, allocated, available after {nth}"
        );
        for (place, location) in stock.locations().iter().enumerate() {
            assert_eq!(location.on_hand as i64, model.on_hand[place], "on hand at {place} after {nth}");
            assert_eq!(location.free() as i64, model.free(place).max(0), "free at {place} after {nth}");
        }
        let live = model.all.iter().filter(|one| one.state == State::Live);
        let next = live.map(|one| START.0 + one.expires_at).min();
        assert_eq!(self.world.entity().next_deadline().map(|deadline| deadline.0), next, "the next expiry");
    }
}

fn said(result: &Result<Outcome, Rejection>) -> String {
    let refused = |outcome: &Outcome| {
        outcome.events.iter().find_map(|event| match event {
            Event::Stock(StockEvent::OrderRefused(refused)) => Some(refused.rejection.clone()),
            _ => None,
        })
    };
    let rejection = match result {
        Ok(outcome) => match refused(outcome) {
            None => return "ok".into(),
            Some(rejection) => rejection,
        },
        Err(rejection) => rejection.clone(),
    };
    match rejection {
        Rejection::ReservationNotActive(details) => format!("reservation_not_active {}", details.state),
        rejection => rejection.code().into(),
    }
}

#[test]
fn a_stock_item_is_what_all_its_claims_make_it() {
    rounds(ROUNDS, |seed| {
        let trial = std::cell::RefCell::new(Trial::new(seed));
        for nth in 0..COMMANDS {
            trial.borrow_mut().run(nth);
        }
    });
}

//! The states of a lot, its ends, and what the public sees of it.

use super::*;

impl Model {
    pub fn close(&mut self, result: &'static str, winners: Vec<Win>, price: Option<u64>) {
        self.state = State::Closed;
        (self.by_operator, self.by_halt) = (false, false);
        self.next_at = None;
        self.outcome = Some((result, winners, price));
    }

    pub fn close_by_bids(&mut self) {
        let (mut winners, price) = self.terms.outcome(&self.bids);
        if self.kind() == Kind::Dutch {
            winners.sort_by_key(|(who, ..)| self.aliases.iter().position(|known| known == who));
        }
        let price = price.or(self.announced);
        self.close(if winners.is_empty() { "unsold" } else { "sold" }, winners, price);
    }

    /// Whoever was suspended while the lot was closed has no standing in it when it is open again.
    pub fn expel(&mut self) {
        if self.state != State::Closed {
            let suspended = self.suspended.clone();
            self.remove(|bid| suspended.contains(&bid.who));
        }
    }

    pub fn due(&mut self) {
        self.expel();
        if self.state != State::Open {
            return;
        }
        if self.ends_at <= self.now {
            self.ran -= self.now - self.ends_at;
            self.close_by_bids();
        } else if self.kind() == Kind::Dutch && self.terms.remaining(&self.bids) == 0 {
            self.ends_at = self.now;
            self.close_by_bids();
        } else if self.kind() == Kind::Dutch {
            self.announce();
        }
    }

    pub fn stop(&mut self) {
        self.state = State::Paused;
        self.paused_since = self.now;
        self.next_at = None;
    }

    pub fn halt(&mut self) {
        self.halted = true;
        if self.state == State::Open && self.ends_at > self.now {
            self.stop();
            self.by_halt = true;
        }
    }

    pub fn go_on(&mut self) {
        self.ends_at += self.now - self.paused_since;
        self.state = State::Open;
        (self.by_halt, self.by_operator) = (false, false);
    }

    pub fn unhalt(&mut self) {
        self.halted = false;
        if self.state == State::Paused && self.by_halt && !self.by_operator {
            self.go_on();
        }
    }

    pub fn pause(&mut self) -> Result<String, String> {
        match self.state {
            State::Open => self.stop(),
            State::Paused if !self.by_operator => {}
            _ => return Err("not_allowed_in_state".into()),
        }
        self.by_operator = true;
        Ok("paused".into())
    }

    pub fn resume(&mut self) -> Result<String, String> {
        match self.state {
            State::Paused if self.halted => Err("market_halted".into()),
            State::Paused => {
                self.go_on();
                Ok("open".into())
            }
            _ => Err("not_allowed_in_state".into()),
        }
    }

    pub fn reopen(&mut self, ends_at: i64) -> Result<String, String> {
        match self.state {
            // Its orders exist.
            State::Closed if matches!(self.outcome, Some(("sold", ..))) => Err("not_allowed_in_state".into()),
            State::Closed if self.halted => Err("market_halted".into()),
            State::Closed => {
                self.ends_at = ends_at;
                self.state = State::Open;
                self.outcome = None;
                self.expel();
                Ok("open".into())
            }
            _ => Err("not_allowed_in_state".into()),
        }
    }

    pub fn cancel(&mut self) -> Result<String, String> {
        if self.state == State::Closed {
            return Err("not_allowed_in_state".into());
        }
        self.ends_at = self.now;
        let price = self.shown_price();
        self.close("cancelled", Vec::new(), price);
        Ok("closed".into())
    }

    pub fn shown_price(&self) -> Option<u64> {
        if self.kind() == Kind::Dutch { self.announced } else { self.terms.price(&self.bids) }
    }

    pub fn next(&self) -> u64 {
        match self.kind() {
            Kind::Dutch => self.announced.unwrap_or(self.terms.start),
            _ => self.terms.shown_next(&self.bids),
        }
    }

    /// The whole state as the public sees it, as `show` writes it.
    pub fn shown(&mut self) -> String {
        let kind = self.kind();
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        let number = |value: Option<u64>| or_dash(value.map(|value| value.to_string()));
        let time = |micros: i64| {
            if micros % 1_000_000 == 0 { format!("{}s", micros / 1_000_000) } else { format!("{micros}us") }
        };
        let leader = self.terms.leader(&self.bids).filter(|_| kind == Kind::Reverse).map(|bid| bid.who);
        let leader = leader.map(|leader| format!("bidder-{}", self.alias(leader)));
        let by_unit = kind == Kind::Dutch || kind.is_multi();
        let (result, winners, closed_price) = match self.outcome.clone() {
            Some((result, winners, price)) => (Some(result.to_owned()), winners, Some(price)),
            None => (None, Vec::new(), None),
        };
        let winners = winners.into_iter().map(|(who, units, amount)| {
            let units = if by_unit { format!("{units}x") } else { String::new() };
            format!("bidder-{}:{units}{amount}", self.alias(who))
        });
        let winners = winners.collect::<Vec<_>>().join(",");
        let paused = self.state == State::Paused;
        let met = self.terms.met(&self.bids).filter(|_| kind == Kind::Reverse);
        format!(
            "state={} price={} leader={} bids={} min_next_amount={} reserve_met={} ends_at={} remaining_ms={} \
             result={} winners={winners} bidders={} remaining={} next_at={}",
            format!("{:?}", self.state).to_lowercase(),
            number(closed_price.unwrap_or(self.shown_price())),
            or_dash(leader),
            self.bids.len(),
            self.next(),
            or_dash(met.map(|met| met.to_string())),
            or_dash((!paused).then(|| time(self.ends_at))),
            or_dash(paused.then(|| ((self.ends_at - self.paused_since) / 1_000).to_string())),
            or_dash(result),
            number(kind.is_sealed().then_some(self.bids.len() as u64)),
            number(by_unit.then(|| self.terms.remaining(&self.bids))),
            or_dash(self.next_at.map(time)),
        )
    }
}

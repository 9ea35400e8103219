//! The making of a lot.

use std::sync::Arc;

use super::{Content, CreateLot, Format, Listing, LotCreated, LotEvent, Qualification};
use crate::actor::Decision;
use crate::amount::Hidden;
use crate::command::content_hash;
use crate::context::Context;
use crate::facts::{MarketFacts, SaleFacts, Standing};
use crate::rejection::Rejection;

pub(super) fn create(command: &CreateLot, context: &Context<'_>) -> Result<Decision<LotEvent>, Rejection> {
    if !context.standing.any(Standing::SELLER.with(Standing::OPERATOR)) {
        return Err(Rejection::Forbidden);
    }
    let seller = command.seller.unwrap_or(context.by);
    if seller != context.by && !context.standing.any(Standing::OPERATOR) {
        return Err(Rejection::Forbidden);
    }
    if context.standing.any(Standing::SUSPENDED) {
        return Err(Rejection::Forbidden);
    }
    let market = context.facts.market(command.market).ok_or(Rejection::NotFound)?;
    let lot = command.lot.ok_or_else(|| Rejection::invalid("lot", "the id of the new lot"))?;
    let sale = sale_of(command, context)?;
    if command.number == Some(0) {
        return Err(Rejection::invalid("number", "from 1"));
    }
    // A lot of a sale ends when the sale says, unless it says otherwise itself: staggered, by its number.
    let closes_at = command.closes_at.or_else(|| sale.and_then(|sale| sale.closes_at(command.number)));
    super::listing::check_known(command)?;
    let listing = listing_of(command, market, seller);
    listing.validate()?;
    listing.validate_times(closes_at, context.now)?;
    let content = content_hash(command);
    Ok(Decision::event(LotEvent::Created(Box::new(LotCreated { lot, listing, closes_at, content }))))
}

fn sale_of<'a>(command: &CreateLot, context: &Context<'a>) -> Result<Option<&'a SaleFacts>, Rejection> {
    let Some(sale) = command.sale else { return Ok(None) };
    match context.facts.sale(sale) {
        Some(facts) if facts.market == command.market => Ok(Some(facts)),
        _ => Err(Rejection::invalid("sale", "a sale of this market")),
    }
}

fn listing_of(command: &CreateLot, market: &MarketFacts, seller: crate::id::AccountId) -> Listing {
    let by_sale = if command.sale.is_some() { Qualification::Registered } else { Qualification::None };
    Listing {
        market: command.market,
        currency: market.currency,
        seller,
        content: Content {
            title: command.title.clone(),
            description: command.description.clone(),
            category: command.category.clone(),
            estimate: command.estimate,
            images: command.images.clone().unwrap_or_default(),
        },
        format: command.format,
        quantity: command.quantity.unwrap_or(1),
        start_amount: command.start_amount,
        reserve: command.reserve.map(Hidden),
        buy_now: command.buy_now,
        increments: command.increments.clone().map(Arc::new).or_else(|| market.increments.clone()),
        soft_close: command.soft_close,
        funding: command.funding.unwrap_or_default(),
        plain: command.proxy == Some(false),
        qualification: command.qualification.unwrap_or(by_sale),
        sale: command.sale,
        number: command.number,
        reference: command.r#ref.clone(),
        opens_at: command.opens_at,
        clock: command.clock,
        pricing: command.pricing.unwrap_or_default(),
        deposit: command.deposit,
        sealed: command.sealed == Some(true) || command.format.is_sealed(),
        fees: market.fees.clone(),
        candle_ms: command.candle_ms,
        items: command.items.clone().unwrap_or_default(),
        seed: command.seed.filter(|_| command.format == Format::Candle),
    }
}

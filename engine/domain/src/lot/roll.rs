//! The roll of a lot: who bids on it, in the order of their first bids, and where to find each.

use hashbrown::HashMap;

use super::Qualification;
use super::format::Terms;
use crate::context::Context;
use crate::id::{AccountId, BidId};
use crate::limits;
use crate::record::{Field, Reader, RecordError};
use crate::rejection::{NotQualified, Rejection};

/// Up to how many bidders a lot is searched from end to end: below it that beats a hash table and saves its memory.
const SEARCHED_MAX: usize = 8;

/// One bidder, with what its format keeps of it.
pub(super) trait Member: Field + Clone + PartialEq {
    /// A bidder without bids.
    fn new(account: AccountId, alias: u32) -> Self;

    fn account(&self) -> AccountId;

    /// As the lot's public knows it.
    fn alias(&self) -> u32;

    fn set_alias(&mut self, alias: u32);

    /// Whether a bid of its counts now.
    fn stands(&self) -> bool;

    /// Its newest bid that stands: where each is better than the one before, its best.
    fn last_bid(&self) -> Option<BidId>;
}

/// All bidders of a lot, in the order of their first bids. Nobody ever leaves: an alias is never given twice.
#[derive(Debug, Clone)]
pub(super) struct Roll<M> {
    pub(super) list: Vec<M>,
    /// Places by account; empty while there are few.
    places: HashMap<AccountId, u32>,
}

impl<M> Default for Roll<M> {
    fn default() -> Self {
        Self { list: Vec::new(), places: HashMap::new() }
    }
}

/// Where to find bidders follows from who they are.
impl<M: PartialEq> PartialEq for Roll<M> {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl<M: Member> Field for Roll<M> {
    fn is_absent(&self) -> bool {
        self.list.is_empty()
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.list.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        Vec::decode(input).map(Self::new)
    }
}

impl<M: Member> Roll<M> {
    pub(super) fn new(list: Vec<M>) -> Self {
        let mut roll = Self { list, places: HashMap::new() };
        roll.index();
        roll
    }

    fn index(&mut self) {
        if self.list.len() > SEARCHED_MAX {
            self.places =
                (0_u32..).zip(&self.list).map(|(place, member)| (member.account(), place)).collect();
        }
    }

    /// The accounts, in order.
    pub(super) fn accounts(&self) -> impl ExactSizeIterator<Item = AccountId> {
        self.list.iter().map(Member::account)
    }

    #[inline]
    pub(super) fn place(&self, account: AccountId) -> Option<u32> {
        if self.list.len() > SEARCHED_MAX {
            return self.places.get(&account).copied();
        }
        self.list.iter().position(|member| member.account() == account).map(|place| place as u32)
    }

    #[inline]
    pub(super) fn find(&self, account: AccountId) -> Option<&M> {
        self.place(account).map(|place| &self.list[place as usize])
    }

    /// The bidder's place; a new one comes last. In a sale a paddle may be another after a new registration.
    #[inline]
    pub(super) fn find_or_add(&mut self, account: AccountId, alias: u32) -> u32 {
        if let Some(place) = self.place(account) {
            self.list[place as usize].set_alias(alias);
            return place;
        }
        let place = self.list.len() as u32;
        self.list.push(M::new(account, alias));
        match self.list.len() {
            ..=SEARCHED_MAX => {}
            len if len == SEARCHED_MAX + 1 => self.index(),
            _ => {
                self.places.insert(account, place);
            }
        }
        place
    }

    /// The newest bid that stands of the bidder whom the public knows by this name.
    pub(super) fn last_bid_of(&self, alias: u32) -> Option<BidId> {
        self.list.iter().find(|member| member.alias() == alias).and_then(Member::last_bid)
    }

    pub(super) fn place_of_alias(&self, alias: u32) -> Option<u32> {
        self.list.iter().position(|member| member.alias() == alias).map(|place| place as u32)
    }

    /// The bidder's alias in this lot: its own already, its paddle number in a sale, or the next number. `most`: how many
    /// bidders the format has room for.
    #[inline]
    pub(super) fn alias_of(
        &self,
        terms: &Terms<'_>,
        context: &Context<'_>,
        most: usize,
    ) -> Result<u32, Rejection> {
        if let Some(member) = self.find(context.by)
            && (member.stands() || terms.listing.sale.is_none())
        {
            return Ok(member.alias());
        }
        self.admit(terms, context, most)
    }

    /// What the lot asks of a bidder before its first bid.
    fn admit(&self, terms: &Terms<'_>, context: &Context<'_>, most: usize) -> Result<u32, Rejection> {
        let lacks = |needs: &str| Err(Rejection::NotQualified(NotQualified { needs: needs.to_owned() }));
        if terms.listing.qualification == Qualification::Verified
            && !context.standing.any(crate::facts::Standing::VERIFIED)
        {
            return lacks("verified");
        }
        let asked = self.list.len() as u64 + 1;
        if asked > most as u64 && self.place(context.by).is_none() {
            return Err(limits::exceeded("bidders", most as u64, asked));
        }
        // Whoever bids in a sale has accepted its terms, whatever else the lot asks for.
        let Some(sale) = terms.listing.sale else { return Ok(asked as u32) };
        let terms_version = context.facts.sale(sale).map_or(1, |facts| facts.terms_version);
        match context.facts.registration(sale, context.by) {
            Some(registration) if registration.terms_version >= terms_version => Ok(registration.alias),
            _ => lacks("registered"),
        }
    }
}

//! What events say beside what they change, asked in one place: whom they cause to receive what, whose command they
//! complete, and with what. Tests of the engine give real events further meanings here, so that chains of effects can be
//! tried without any market's rules.

use vendue_domain::actor::{Answer, Event};
use vendue_domain::context::Stamp;
use vendue_domain::effect::{Asked, Effects};
use vendue_domain::facts::Standing;
use vendue_domain::id::Id;
use vendue_domain::rejection::Rejection;

/// See [`Event::effects`].
#[inline]
pub(crate) fn effects(event: &Event, id: Id, stamp: &Stamp, out: &mut Effects) {
    event.effects(id, stamp, out);
    #[cfg(test)]
    toy::effects(event, id, stamp, out);
}

/// See [`Event::asked`].
#[inline]
pub(crate) fn asked(event: &Event) -> Option<Asked> {
    #[cfg(test)]
    if let Some(asked) = toy::asked(event) {
        return Some(asked);
    }
    event.asked()
}

/// See [`Event::refusal`].
#[inline]
pub(crate) fn refusal(event: &Event) -> Option<&Rejection> {
    #[cfg(test)]
    if let Some(rejection) = toy::refusal(event) {
        return Some(rejection);
    }
    event.refusal()
}

/// See [`Event::answer`].
#[inline]
pub(crate) fn answer(event: &Event, id: Id, stamp: &Stamp) -> Option<Answer> {
    #[cfg(test)]
    if toy::is_silent(event) {
        return None;
    }
    event.answer(id, stamp)
}

/// What the engine may do when it brings an effect.
#[inline]
pub(crate) fn standing() -> Standing {
    #[cfg(test)]
    return Standing::ENGINE.with(toy::standing());
    #[cfg(not(test))]
    Standing::ENGINE
}

#[cfg(test)]
pub(crate) mod toy;

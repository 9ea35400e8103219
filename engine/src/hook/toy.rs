//! Meanings that tests give to real events.
use super::*;
pub(crate) fn effects(_: &Event, _: Id, _: &Stamp, _: &mut Effects) {}
pub(crate) fn asked(_: &Event) -> Option<Asked> {
    None
}
pub(crate) fn refusal(_: &Event) -> Option<&'static Rejection> {
    None
}
pub(crate) fn is_silent(_: &Event) -> bool {
    false
}
pub(crate) fn standing() -> Standing {
    Standing::OPERATOR
}

use protocol::{Selection, StreamTypes, Subscription};

/// Whether nothing is left to record.
pub(crate) fn is_empty(subscription: &Subscription) -> bool {
    let audio = subscription.types != StreamTypes::Video && subscription.audio != Selection::None;
    let video = subscription.types != StreamTypes::Audio && subscription.video != Selection::None;
    !audio && !video
}

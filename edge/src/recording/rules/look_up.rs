use crate::recording::contract::{Outcome, Target};
use crate::recording::state::{Recording, State};

/// The recording that a caller means, or what they are answered.
pub(crate) fn look_up<'a>(state: &'a mut State, target: &Target, now_ms: u64) -> Result<&'a mut Recording, Outcome> {
    let not_found = |reason: &str| Outcome::NotFound {
        reason: reason.to_owned(),
    };
    let Some(recording) = state.find_mut(&target.sid) else {
        return Err(not_found(
            "no recording with this sid: it was not started, or its resource has expired",
        ));
    };
    if let Some(nonce) = &target.nonce {
        if *nonce != recording.ticket.nonce {
            return Err(Outcome::Mismatch);
        }
        if recording.away {
            return Err(not_found(
                "the resource has expired, or the recording has made room for later ones of this channel and uid",
            ));
        }
        if recording.expires_ms().is_some_and(|expires_ms| now_ms >= expires_ms) {
            return Err(not_found(
                "the resource has expired: the hours that it was acquired for have passed since the start",
            ));
        }
    }
    Ok(recording)
}

use super::only;
use crate::access::{Limits, Method};
use crate::input::{FieldError, Fields};

/// Takes over the limits that are given; the others stay.
pub(super) fn change(limits: &mut Limits, given: &Fields<'_>) -> Result<(), FieldError> {
    only(given, &["requests_per_second", "recordings"])?;
    if let Some(rates) = given.object("requests_per_second")? {
        only(&rates, &Method::ALL.map(Method::name))?;
        for method in Method::ALL {
            if let Some(rate) = within(&rates, method.name(), Limits::MAX_RATE)? {
                limits.requests_per_second.set(method, rate);
            }
        }
    }
    if let Some(recordings) = within(given, "recordings", Limits::MAX_RECORDINGS)? {
        limits.recordings = recordings;
    }
    Ok(())
}

fn within(fields: &Fields<'_>, name: &str, max: u32) -> Result<Option<u32>, FieldError> {
    let number = fields.integer(name, 1..=max.into())?;
    Ok(number.and_then(|number| u32::try_from(number).ok()))
}

use super::error::{ApiError, INVALID_PARAMETER};
use super::names::Names;
use crate::input::Fields;

const DEFAULT_EXPIRED_HOURS: u64 = 72;

/// The body of `acquire`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acquire<'a> {
    pub(super) names: Names<'a>,
    pub(super) expires_hours: u32,
}

impl<'a> Acquire<'a> {
    pub(super) fn read(body: &Fields<'a>) -> Result<Self, ApiError> {
        let names = Names::read(body)?;
        let Some(request) = body.object("clientRequest")? else {
            return Ok(Self {
                names,
                expires_hours: expires_hours(None)?,
            });
        };
        match request.integer("scene", 0..=2)?.unwrap_or(0) {
            0 => {}
            1 => {
                return Err(request
                    .error("scene", "1, recording of web pages, is not offered by this server")
                    .into());
            }
            _ => {
                return Err(request
                    .error("scene", "2, postponed transcoding, is not offered by this server")
                    .into());
            }
        }
        Ok(Self {
            names,
            expires_hours: expires_hours(Some(&request))?,
        })
    }
}

fn expires_hours(request: Option<&Fields<'_>>) -> Result<u32, ApiError> {
    let error = || {
        let reason = "Acquire: invalid resourceExpiredHour value! It must be a whole number of hours from 1 to 720";
        ApiError::new(INVALID_PARAMETER, reason)
    };
    let hours = request
        .map(|request| request.integer("resourceExpiredHour", 1..=720))
        .transpose();
    let hours = hours.map_err(|_| error())?.flatten().unwrap_or(DEFAULT_EXPIRED_HOURS);
    u32::try_from(hours).map_err(|_| error())
}

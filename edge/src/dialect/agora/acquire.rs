use super::error::{ApiError, INVALID_PARAMETER};
use super::names::Names;
use super::start_parameter;
use crate::access::Flavour;
use crate::input::{FieldError, Fields};

const DEFAULT_EXPIRED_HOURS: u64 = 72;
const MAX_EXCLUDED: usize = 100;
const REGIONS: [&str; 4] = ["CN", "AP", "EU", "NA"];

/// The body of `acquire`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acquire<'a> {
    pub(super) names: Names<'a>,
    pub(super) expires_hours: u32,
    /// Of `startParameter`, if that says anything.
    pub(super) start_digest: Option<String>,
}

impl<'a> Acquire<'a> {
    pub(super) fn read(body: &Fields<'a>, flavour: Flavour) -> Result<Self, ApiError> {
        let names = Names::read(body, flavour)?;
        let Some(request) = body.object("clientRequest")? else {
            return Ok(Self {
                names,
                expires_hours: expires_hours(None)?,
                start_digest: None,
            });
        };
        check_scene(&request)?;
        check_places(&request)?;
        let start = request.object("startParameter")?;
        Ok(Self {
            names,
            expires_hours: expires_hours(Some(&request))?,
            start_digest: start.and_then(|start| start_parameter::digest(start.map())),
        })
    }
}

fn check_scene(request: &Fields<'_>) -> Result<(), FieldError> {
    let problem = match request.integer("scene", 0..=2)?.unwrap_or(0) {
        0 => return Ok(()),
        1 => "1, recording of web pages, is not offered by this server",
        _ => "2, postponed transcoding, is not offered by this server",
    };
    Err(request.error("scene", problem))
}

/// Where to record, and what not to share a place with: hints, which nodes here do not need.
fn check_places(request: &Fields<'_>) -> Result<(), FieldError> {
    request.strings("excludeResourceIds", MAX_EXCLUDED)?;
    request.integer("regionAffinity", 0..=4)?;
    match request.string("region")? {
        Some(region) if !REGIONS.contains(&region) => Err(request.error("region", "must be CN, AP, EU or NA")),
        _ => Ok(()),
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

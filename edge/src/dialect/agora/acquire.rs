use super::error::{ApiError, INVALID_PARAMETER};
use super::flavour::Flavour;
use super::names::Names;
use super::start_parameter;
use crate::access::{KeyRing, ResourceId};
use crate::input::{FieldError, Fields};
use crate::recording::{Preference, tag};

const DEFAULT_EXPIRED_HOURS: u64 = 72;
const MAX_EXCLUDED: usize = 100;
/// The regions, with their numbers in `regionAffinity`.
const REGIONS: [(u64, &str); 4] = [(1, "CN"), (2, "AP"), (3, "EU"), (4, "NA")];

/// The body of `acquire`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acquire<'a> {
    pub(super) names: Names<'a>,
    pub(super) expires_hours: u32,
    /// The digest of `startParameter`, if that says anything.
    pub(super) start_digest: Option<String>,
    pub(super) preference: Preference,
}

impl<'a> Acquire<'a> {
    pub(super) fn read(body: &Fields<'a>, flavour: Flavour, keys: &KeyRing) -> Result<Self, ApiError> {
        let names = Names::read(body, flavour)?;
        let Some(request) = body.object("clientRequest")? else {
            return Ok(Self {
                names,
                expires_hours: expires_hours(None)?,
                start_digest: None,
                preference: Preference::default(),
            });
        };
        check_scene(&request)?;
        let start = request.object("startParameter")?;
        Ok(Self {
            names,
            expires_hours: expires_hours(Some(&request))?,
            start_digest: start.and_then(|start| start_parameter::digest(start.map())),
            preference: preference(&request, keys)?,
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

/// Where to record, and what not to share a place with.
fn preference(request: &Fields<'_>, keys: &KeyRing) -> Result<Preference, FieldError> {
    let excluded = request.strings("excludeResourceIds", MAX_EXCLUDED)?.unwrap_or_default();
    // One that this server has not sealed is of no recording here, so that nothing has to be avoided.
    let opened = excluded.iter().filter_map(|text| ResourceId::open(text, keys).ok());
    let avoid = opened.map(|resource| tag(&resource.recorder())).collect();
    let affinity = request.integer("regionAffinity", 0..=4)?;
    // 0 is the nearest region, which the deployment knows.
    let affinity = affinity.and_then(|number| REGIONS.iter().find(|(known, _)| *known == number));
    let region = match request.string("region")? {
        Some(region) if REGIONS.iter().all(|(_, known)| *known != region) => {
            return Err(request.error("region", "must be CN, AP, EU or NA"));
        }
        Some(region) => Some(region),
        None => affinity.map(|(_, name)| *name),
    };
    Ok(Preference {
        region: region.map(str::to_owned),
        avoid,
    })
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

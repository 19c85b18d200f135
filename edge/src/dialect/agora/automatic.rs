//! A start that nobody calls.

use serde_json::{Map, Value, from_str};

use super::error::ApiError;
use super::names::Names;
use super::start::Start;
use super::storage_config::Terms;
use super::{Flavour, mode, specification};
use crate::access::{App, Automatic, ResourceId, hex};
use crate::dialect::vendor::StartTerms;
use crate::input::Fields;
use crate::recording::{self, Call, Command, Preference, Ticket};

/// For how long after the start the recording can be asked about: as long as a resource ID lasts at most.
const EXPIRES_HOURS: u32 = 720;

/// The start of a channel's recording as the setting of its app asks for it: the body is that of a start call, but for the
/// channel, and for the token, which the operator needs none of.
pub(super) fn start(
    flavour: Flavour,
    automatic: &Automatic,
    channel: &str,
    app: &App,
    terms: StartTerms<'_>,
) -> Result<Call, String> {
    let mut body: Map<String, Value> = from_str(automatic.body.expose()).map_err(|error| error.to_string())?;
    body.insert("cname".to_owned(), channel.into());
    let body = Fields::new(&body);
    read(flavour, automatic, &body, app, terms).map_err(ApiError::reason)
}

fn read(
    flavour: Flavour,
    automatic: &Automatic,
    body: &Fields<'_>,
    app: &App,
    StartTerms {
        targets,
        now_ms,
        entropy,
    }: StartTerms<'_>,
) -> Result<Call, ApiError> {
    let mode = mode::read(&automatic.mode)?;
    let Names { cname, uid } = Names::read(body, flavour)?;
    let terms = Terms {
        flavour,
        targets,
        now_ms,
    };
    let start = Start::read(body, mode, terms)?;
    let resource = ResourceId::new(&app.app_id, cname, uid, EXPIRES_HOURS, now_ms, entropy);
    let max_idle_ms = start.max_idle_ms();
    let start = recording::Start {
        sid: hex(&entropy.id),
        ticket: Ticket {
            nonce: hex(&entropy.secret),
            issued_ms: resource.issued_ms,
            expires_hours: resource.expires_hours,
            preference: Preference::default(),
        },
        spec: specification::of(start, mode, app),
        max_idle_ms,
        token_expires_ms: None,
        house: None,
        waits_ms: None,
    };
    Ok(Call {
        key: resource.recorder(),
        command: Command::Start(Box::new(start)),
    })
}

//! What a call asks to be joined.

use percent_encoding::percent_decode_str;
use protocol::Secret;

use super::answer::Refusal;
use super::join::Join;
use super::listed::id_in_key;
use super::params::Params;
use super::record_callback::address;
use super::route::Route;
use crate::access::is_id;
use crate::input::Targets;

/// The most that one file of `merge-mp4` covers.
const LONGEST_MS: u64 = 8 * 3_600_000;
const MAX_NAME_CHARS: usize = 64;

/// The call, as far as it can be read without asking anybody.
pub(super) struct JoinRequest {
    pub(super) join: Join,
    pub(super) channel: String,
    pub(super) wanted: Wanted,
    pub(super) file_name: Option<String>,
    pub(super) callback: Option<Secret>,
}

#[derive(Clone)]
pub(super) enum Wanted {
    /// IDs, in the order in which they are played; at least one.
    Files(Vec<String>),
    /// Unix milliseconds.
    Time { from_ms: u64, until_ms: u64 },
}

impl JoinRequest {
    pub(super) fn read(join: Join, route: Route<'_>, params: &Params, targets: Targets) -> Result<Self, Refusal> {
        let channel = route.channel_id.or(params.get("channelId"));
        let channel = channel.filter(|id| is_id(id)).ok_or(Refusal::Param("channelId"))?;
        let file_name = params.get("fileName");
        if file_name.is_some_and(|name| name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control)) {
            return Err(Refusal::Param("fileName"));
        }
        let join = match join {
            Join::Merge { .. } => Join::Merge {
                lasting: params.get("autoConvert") == Some("Y"),
            },
            other => other,
        };
        Ok(Self {
            join,
            channel: channel.to_owned(),
            wanted: wanted(join, params)?,
            file_name: file_name.map(str::to_owned),
            callback: params.get("callbackUrl").map(|url| address(url, targets)).transpose()?,
        })
    }
}

fn wanted(join: Join, params: &Params) -> Result<Wanted, Refusal> {
    if join == Join::MergeMp4 {
        let time = |name| {
            let time = params.get(name).and_then(|text| text.parse::<u64>().ok());
            time.ok_or(Refusal::Param(name))
        };
        let (from_ms, until_ms) = (time("startTime")?, time("endTime")?);
        let is_span = until_ms > from_ms && until_ms - from_ms <= LONGEST_MS;
        return match is_span {
            true => Ok(Wanted::Time { from_ms, until_ms }),
            false => Err(Refusal::Param("endTime")),
        };
    }
    let listed = |name| {
        let list = params
            .get(name)?
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        Some(list.map(str::to_owned).collect::<Vec<_>>())
    };
    let ids = match (
        listed("fileIds"),
        listed("urls").or(listed("fileUrl")),
        listed("sessionId"),
    ) {
        (Some(ids), _, _) | (None, None, Some(ids)) => ids,
        (None, Some(urls), _) => {
            let ids: Option<Vec<_>> = urls.iter().map(|url| id_of(url)).collect();
            ids.ok_or(Refusal::Param("urls"))?
        }
        (None, None, None) => return Err(Refusal::Param("fileIds")),
    };
    let is_good = (1..=protocol::Joining::MOST_PARTS).contains(&ids.len()) && ids.iter().all(|id| is_id(id));
    is_good.then_some(Wanted::Files(ids)).ok_or(Refusal::Param("fileIds"))
}

/// The ID of the file that a link of this server leads to. Its signature does not matter here: the file is looked up by its ID.
fn id_of(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let key = percent_decode_str(path).decode_utf8().ok()?;
    id_in_key(&key)
}

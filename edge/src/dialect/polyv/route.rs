use super::join::Join;
use super::{PLAYBACK, STREAM};
use crate::access::Method;
use crate::http::Request;

/// A request's place in the API; the parts of the path are as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) struct Route<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) user_id: Option<&'a str>,
    pub(super) channel_id: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    SetRecordCallback,
    GetChannelCallback,
    UpdateChannelCallback,
    RecordFiles,
    Record,
    DeleteRecord,
    /// Callbacks of the account for what is not a recorded file, by their names among [`App::further`](crate::access::App::further).
    SetFurtherCallback(&'static str),
    Join(Join),
}

impl Endpoint {
    pub(super) fn method(self) -> Method {
        match self {
            Self::SetRecordCallback | Self::SetFurtherCallback(_) | Self::UpdateChannelCallback | Self::Join(_) => {
                Method::Update
            }
            Self::GetChannelCallback | Self::RecordFiles | Self::Record => Method::Query,
            Self::DeleteRecord => Method::Stop,
        }
    }
}

/// `None` for what is no route: another path, another method.
pub(super) fn route(request: &Request) -> Option<Route<'_>> {
    let path = request.path.strip_prefix("/live/")?;
    let segments: Vec<_> = path.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    let of_user = |endpoint, user_id| (endpoint, Some(user_id), None);
    let of_channel = |endpoint, channel_id| (endpoint, None, Some(channel_id));
    let of_neither = |endpoint| (endpoint, None, None);
    let (endpoint, user_id, channel_id) = match (request.method.as_str(), segments.as_slice()) {
        ("POST", ["v2", "user", user_id, "set-record-callback"]) => of_user(Endpoint::SetRecordCallback, *user_id),
        ("POST", ["v2", "user", user_id, "set-stream-callback"]) => {
            of_user(Endpoint::SetFurtherCallback(STREAM), *user_id)
        }
        ("POST", ["v2", "user", user_id, "set-playback-callback"]) => {
            of_user(Endpoint::SetFurtherCallback(PLAYBACK), *user_id)
        }
        ("GET", ["v3", "channel", "callback", "get-setting"]) => of_neither(Endpoint::GetChannelCallback),
        ("POST", ["v3", "channel", "callback", "update-setting"]) => of_neither(Endpoint::UpdateChannelCallback),
        ("GET", ["v2", "channels", channel_id, "recordFiles"]) => of_channel(Endpoint::RecordFiles, *channel_id),
        ("GET", ["v3", "channel", "record", "get"]) => of_neither(Endpoint::Record),
        ("POST", ["v2", "channel", "recordFile", channel_id, "delete-record"]) => {
            of_channel(Endpoint::DeleteRecord, *channel_id)
        }
        ("POST", ["v2", "channel", "recordFile", channel_id, "merge"]) => {
            of_channel(Endpoint::Join(Join::Merge { lasting: false }), *channel_id)
        }
        ("POST", ["v3", "channel", "record", "merge"]) => of_neither(Endpoint::Join(Join::Merge { lasting: false })),
        ("POST", ["v3", "channel", "record", "merge-mp4"]) => of_neither(Endpoint::Join(Join::MergeMp4)),
        ("POST", ["v2", "channel", "recordFile", channel_id, "convert"]) => {
            of_channel(Endpoint::Join(Join::Convert), *channel_id)
        }
        ("POST", ["v3", "channel", "record", "convert"]) => of_neither(Endpoint::Join(Join::Convert)),
        _ => return None,
    };
    Some(Route {
        endpoint,
        user_id,
        channel_id,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Each route.
    pub(in crate::dialect::polyv) const ROUTES: [(&str, &str); 13] = [
        ("POST", "/live/v2/user/u/set-record-callback"),
        ("POST", "/live/v2/user/u/set-stream-callback"),
        ("POST", "/live/v2/user/u/set-playback-callback"),
        ("GET", "/live/v3/channel/callback/get-setting"),
        ("POST", "/live/v3/channel/callback/update-setting"),
        ("GET", "/live/v2/channels/7/recordFiles"),
        ("GET", "/live/v3/channel/record/get"),
        ("POST", "/live/v2/channel/recordFile/7/delete-record"),
        ("POST", "/live/v2/channel/recordFile/7/merge"),
        ("POST", "/live/v2/channel/recordFile/7/convert"),
        ("POST", "/live/v3/channel/record/merge"),
        ("POST", "/live/v3/channel/record/merge-mp4"),
        ("POST", "/live/v3/channel/record/convert"),
    ];

    #[test]
    fn every_route_and_no_other() {
        for (method, path) in ROUTES {
            for other in ["GET", "POST", "PUT", "DELETE"] {
                let request = Request {
                    method: other.into(),
                    path: path.into(),
                    ..Request::default()
                };
                assert_eq!(route(&request).is_some(), other == method, "{other} {path}");
            }
        }
        for path in [
            "/live/v2/user//set-record-callback",
            "/live/v2/user/u/set-record-callback/",
            "/v2/user/u/set-record-callback",
            "/live/v1/user/u/set-record-callback",
            "/live/",
            "/",
        ] {
            let request = Request {
                method: "POST".into(),
                path: path.into(),
                ..Request::default()
            };
            assert_eq!(route(&request), None, "{path}");
        }
    }
}

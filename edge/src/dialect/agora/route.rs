use crate::access::Method;
use crate::http::Request;

/// A request's place in the API; the parts of the path are as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) struct Route<'a> {
    pub(super) app_id: &'a str,
    pub(super) endpoint: Endpoint<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    Acquire,
    Start {
        resource_id: &'a str,
        mode: &'a str,
    },
    /// What concerns a recording that was started.
    Running {
        resource_id: &'a str,
        sid: &'a str,
        mode: &'a str,
        action: Action,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Query,
    Stop,
    Pause,
    Resume,
    Update,
    UpdateLayout,
}

impl Endpoint<'_> {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Acquire => Method::Acquire,
            Self::Start { .. } => Method::Start,
            Self::Running { action, .. } => match action {
                Action::Query => Method::Query,
                Action::Stop => Method::Stop,
                Action::Update | Action::Pause | Action::Resume => Method::Update,
                Action::UpdateLayout => Method::UpdateLayout,
            },
        }
    }
}

/// `None` for what is no route: another path, another method.
pub(super) fn route(request: &Request) -> Option<Route<'_>> {
    let segments: Vec<_> = request.path.strip_prefix('/')?.split('/').collect();
    let path = match segments.as_slice() {
        // Clients can name a service region in front.
        ["na" | "eu" | "ap" | "cn", path @ ..] => path,
        path => path,
    };
    let ["v1", "apps", app_id, "cloud_recording", call @ ..] = path else {
        return None;
    };
    if path.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    let endpoint = match (request.method.as_str(), call) {
        ("POST", ["acquire"]) => Endpoint::Acquire,
        ("POST", ["resourceid", resource_id, "mode", mode, "start"]) => Endpoint::Start { resource_id, mode },
        (method, ["resourceid", resource_id, "sid", sid, "mode", mode, action]) => {
            let action = match (method, *action) {
                ("GET", "query") => Action::Query,
                ("POST", "stop") => Action::Stop,
                ("POST", "pause") => Action::Pause,
                ("POST", "resume") => Action::Resume,
                ("POST", "update") => Action::Update,
                ("POST", "updateLayout") => Action::UpdateLayout,
                _ => return None,
            };
            Endpoint::Running {
                resource_id,
                sid,
                mode,
                action,
            }
        }
        _ => return None,
    };
    Some(Route { app_id, endpoint })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &str, path: &str) -> Option<String> {
        let request = Request {
            method: method.into(),
            path: path.into(),
            ..Request::default()
        };
        route(&request).map(|route| format!("{} {:?}", route.app_id, route.endpoint))
    }

    #[test]
    fn every_route_and_no_other() {
        let running = |action| format!(r#"a Running {{ resource_id: "r", sid: "s", mode: "mix", action: {action} }}"#);
        let routes = [
            ("POST", "/acquire", "a Acquire".to_owned()),
            (
                "POST",
                "/resourceid/r/mode/mix/start",
                r#"a Start { resource_id: "r", mode: "mix" }"#.to_owned(),
            ),
            ("GET", "/resourceid/r/sid/s/mode/mix/query", running("Query")),
            ("POST", "/resourceid/r/sid/s/mode/mix/stop", running("Stop")),
            ("POST", "/resourceid/r/sid/s/mode/mix/pause", running("Pause")),
            ("POST", "/resourceid/r/sid/s/mode/mix/resume", running("Resume")),
            ("POST", "/resourceid/r/sid/s/mode/mix/update", running("Update")),
            (
                "POST",
                "/resourceid/r/sid/s/mode/mix/updateLayout",
                running("UpdateLayout"),
            ),
        ];
        for (method, path, expected) in &routes {
            for region in ["", "/na", "/eu", "/ap", "/cn"] {
                let whole = format!("{region}/v1/apps/a/cloud_recording{path}");
                assert_eq!(parse(method, &whole).as_ref(), Some(expected), "{whole}");
                for other in ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "get"] {
                    assert_eq!(parse(other, &whole).is_some(), other == *method, "{other} {whole}");
                }
                assert_eq!(parse(method, &format!("{whole}/")), None);
            }
        }
        for path in [
            "",
            "/",
            "/v1/apps/a/acquire",
            "/v1/apps//cloud_recording/acquire",
            "/xx/v1/apps/a/cloud_recording/acquire",
            "/na/eu/v1/apps/a/cloud_recording/acquire",
            "/v2/apps/a/cloud_recording/acquire",
            "/v1/apps/a/cloud_recording",
            "/v1/apps/a/cloud_recording/Acquire",
            "/v1/apps/a/cloud_recording/resourceid//mode/mix/start",
            "/v1/apps/a/cloud_recording/resourceid/r/sid/s/mode/mix/updatelayout",
        ] {
            assert_eq!(parse("POST", path), None, "{path}");
        }
    }
}

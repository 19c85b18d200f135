use crate::access::Method;
use crate::http::Request;

/// A request's place in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum Route {
    /// A browser asks what a page may send.
    Preflight,
    /// Where the API is.
    ServerAddress,
    AccessToken,
    Record(Endpoint),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum Endpoint {
    Init,
    SetLayout,
    SetOverlay,
    Suspend,
    Resume,
    Finish,
    TaskList,
    Info,
    DownloadUrl,
    DeleteFiles,
}

/// The paths, each with its method.
pub(super) const PATHS: [(&str, &str, Route); 12] = [
    ("GET", "/server/address", Route::ServerAddress),
    ("GET", "/access/token", Route::AccessToken),
    ("POST", "/v1/record/init", Route::Record(Endpoint::Init)),
    ("POST", "/v1/record/set/layout", Route::Record(Endpoint::SetLayout)),
    (
        "POST",
        "/v1/record/set-output-overlay",
        Route::Record(Endpoint::SetOverlay),
    ),
    ("POST", "/v1/record/suspend", Route::Record(Endpoint::Suspend)),
    ("POST", "/v1/record/resume", Route::Record(Endpoint::Resume)),
    ("POST", "/v1/record/finish", Route::Record(Endpoint::Finish)),
    ("GET", "/v1/record/task/list", Route::Record(Endpoint::TaskList)),
    ("POST", "/v1/record/info", Route::Record(Endpoint::Info)),
    (
        "GET",
        "/v1/record/file/download/url",
        Route::Record(Endpoint::DownloadUrl),
    ),
    ("POST", "/v1/record/file", Route::Record(Endpoint::DeleteFiles)),
];

/// `None` for what is no route: another path, another method.
pub(super) fn route(request: &Request) -> Option<Route> {
    let mut paths = PATHS.iter();
    let (method, _, route) = paths.find(|(_, path, _)| *path == request.path)?;
    match request.method.as_str() {
        "OPTIONS" => Some(Route::Preflight),
        asked => (asked == *method).then_some(*route),
    }
}

impl Route {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Preflight | Self::ServerAddress | Self::AccessToken => Method::Acquire,
            Self::Record(endpoint) => endpoint.method(),
        }
    }
}

impl Endpoint {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Init => Method::Start,
            Self::SetLayout | Self::SetOverlay => Method::UpdateLayout,
            Self::Suspend | Self::Resume | Self::DeleteFiles => Method::Update,
            Self::Finish => Method::Stop,
            Self::TaskList | Self::Info | Self::DownloadUrl => Method::Query,
        }
    }

    /// Whether what is asked stands in the query rather than in the body.
    pub(super) fn is_get(self) -> bool {
        matches!(self, Self::TaskList | Self::DownloadUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_method_and_answers_preflights() {
        let found = |method: &str, path: &str| {
            route(&Request {
                method: method.into(),
                path: path.into(),
                ..Request::default()
            })
        };
        for (method, path, expected) in PATHS {
            for other in ["GET", "POST", "PUT", "DELETE", "HEAD", "get"] {
                let expected = (other == method).then_some(expected);
                assert_eq!(found(other, path), expected, "{other} {path}");
            }
            assert_eq!(found("OPTIONS", path), Some(Route::Preflight));
            assert_eq!(found(method, &format!("{path}/")), None);
        }
        for path in [
            "",
            "/",
            "/v1/record",
            "/v1/record/task",
            "/v1/apps/a/cloud_recording/acquire",
        ] {
            assert_eq!(found("POST", path), None, "{path}");
            assert_eq!(found("OPTIONS", path), None, "{path}");
        }
    }
}

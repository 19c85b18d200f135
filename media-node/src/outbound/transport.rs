use http::{Request, Response};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport};
use opendal_http_transport_reqwest::ReqwestTransport;
use url::Url;

use super::{Blocked, Client};

/// So that OpenDAL's requests go this way too. What is blocked is its error `PermissionDenied`.
impl HttpTransport for Client {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let url = Url::parse(&request.uri().to_string())
            .map_err(|error| Error::new(ErrorKind::ConfigInvalid, format!("its address is not a URL: {error}")))?;
        self.targets.check(&url).map_err(|blocked| refused(&blocked))?;
        let answer = ReqwestTransport::new(self.http.clone()).fetch(request).await;
        answer.map_err(|error| Blocked::among(&error).map(refused).unwrap_or(error))
    }
}

fn refused(blocked: &Blocked) -> Error {
    Error::new(ErrorKind::PermissionDenied, blocked.to_string())
}

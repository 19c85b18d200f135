use std::error::Error;

use reqwest::Response;

/// Why the body of an answer cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error(transparent)]
    Http(reqwest::Error),
    #[error("the answer is longer than {most} bytes")]
    TooLong { most: usize },
}

/// The body of an answer, of at most so many bytes whatever its head says of its length. The time that it may take is that
/// of the request. Nothing is decompressed on the way, so that the bytes that came are those that count.
pub async fn read_body(mut answer: Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    // The URL may hold what is secret.
    while let Some(part) = answer
        .chunk()
        .await
        .map_err(|error| BodyError::Http(error.without_url()))?
    {
        if body.len() + part.len() > most {
            return Err(BodyError::TooLong { most });
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// The innermost cause of an error says what a person needs: "connection refused" rather than "error sending request".
pub fn innermost_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

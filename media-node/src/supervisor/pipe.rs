use protocol::{Confirmed, Desired, InventoryPage, Job, MAX_MESSAGE_BYTES, Refusal, Report, Secret};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::Vitals;

/// A message with its end.
const MAX_LINE_BYTES: u64 = MAX_MESSAGE_BYTES as u64;

/// A message from the supervisor to the process of a recording, as a line of JSON. The first one is `Begin`. The end of the input means that the
/// supervisor is gone: capture ends and the spool keeps the rest for the next process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToProcess {
    Begin(Box<Begin>),
    Desired(Box<Desired>),
    /// The edge has what has happened up to here.
    Confirmed(Confirmed),
    /// The edge has answered a report.
    Answered(Box<Answered>),
    /// What an answer has allowed is allowed up to this moment, by [`boot_ms`](crate::clock::boot_ms).
    Renewed(u64),
    /// This node is being shut down: another one shall go on.
    Leave,
    Interrupt(Interrupt),
}

/// The first message to a recording's process.
#[derive(Debug, Serialize, Deserialize)]
pub struct Begin {
    pub job: Job,
    pub node: Node,
    /// Prove first that the job can be carried out and, unless another node has begun it, that the bucket can be written to.
    pub check: bool,
    /// Somebody confirms what happened.
    #[serde(default)]
    pub confirms: bool,
}

/// What a recording's process has to know of its node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    pub node_id: String,
    /// Base of the RTSP URLs of the embedded channel server.
    pub rtsp: String,
    /// Base of the control API's URLs.
    pub roster: String,
    pub node_token: Secret,
    /// What rosters of other nodes are asked for with, where nodes have tokens of their own.
    #[serde(default)]
    pub roster_key: Option<Secret>,
    /// The key that playing from the embedded channel server asks for.
    pub play_key: Option<Secret>,
    /// What the recorders' passes follow from, which channel servers take beside the key.
    pub pass_secret: Secret,
}

/// What the answer to a report says beside what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Playlists may be written up to this moment, by [`boot_ms`](crate::clock::boot_ms); without it there is no limit.
    pub lease_until_ms: Option<u64>,
    pub inventory: InventoryPage,
    /// How many videos of a video-on-demand service the report told of.
    pub videos: usize,
}

/// End capture without ending the recording: another process goes on with it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Interrupt {
    /// How long uploads may go on.
    pub drain_ms: u64,
}

/// A message from the process of a recording to its supervisor, as a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromProcess {
    Report(Box<Report>),
    /// With each report.
    Vitals(Vitals),
    /// It cannot begin; nothing was recorded.
    Refused(Refusal),
}

/// One line with its end.
pub fn encode<T: Serialize>(message: &T) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// The next message of a stream of lines, `None` at its end. Not cancel-safe: half a line is lost with the future.
///
/// # Errors
/// When reading fails, a line is too long, or it is not a message.
pub async fn next<T: DeserializeOwned>(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<T>, PipeError> {
    let mut line = Vec::new();
    input
        .take(MAX_LINE_BYTES)
        .read_until(b'\n', &mut line)
        .await
        .map_err(PipeError::Read)?;
    match line.last() {
        None => Ok(None),
        // The other side was stopped in the middle of a line.
        Some(last) if *last != b'\n' && (line.len() as u64) < MAX_LINE_BYTES => Ok(None),
        Some(b'\n') => serde_json::from_slice(&line).map(Some).map_err(PipeError::Content),
        Some(_) => Err(PipeError::TooLong),
    }
}

/// Why a message cannot be had from the other end.
#[derive(Debug, thiserror::Error)]
pub enum PipeError {
    #[error("the line cannot be read: {0}")]
    Read(std::io::Error),
    #[error("the line is not a message: {0}")]
    Content(serde_json::Error),
    #[error("the line is too long")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whole_lines_are_messages_and_a_cut_one_is_the_end() {
        let mut input: &[u8] = b"{\"interrupt\":{\"drain_ms\":5}}\n{\"interr";
        let first: Option<ToProcess> = next(&mut input).await.unwrap();
        assert!(matches!(first, Some(ToProcess::Interrupt(Interrupt { drain_ms: 5 }))));
        assert!(next::<ToProcess>(&mut input).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn other_text_is_an_error() {
        let mut input: &[u8] = b"hello\n";
        assert!(matches!(
            next::<ToProcess>(&mut input).await,
            Err(PipeError::Content(_))
        ));
    }
}

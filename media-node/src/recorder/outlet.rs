use protocol::{Refusal, Report};
use tokio::io::{AsyncWriteExt, Stdout};

use crate::supervisor::{self, FromProcess, Vitals};

/// What a recording's process tells its supervisor.
pub(super) struct Outlet {
    output: Stdout,
}

impl Outlet {
    pub(super) fn open() -> Self {
        Self {
            output: tokio::io::stdout(),
        }
    }

    /// # Errors
    /// When the supervisor does not listen any more, as with [`report`](Self::report).
    pub(super) async fn refuse(&mut self, refusal: Refusal) -> Result<(), String> {
        self.tell(&FromProcess::Refused(refusal)).await
    }

    pub(super) async fn report(&mut self, vitals: Vitals, report: Report) -> Result<(), String> {
        self.tell(&FromProcess::Vitals(vitals)).await?;
        self.tell(&FromProcess::Report(Box::new(report))).await
    }

    async fn tell(&mut self, message: &FromProcess) -> Result<(), String> {
        let write = async {
            self.output.write_all(&supervisor::encode(message)?).await?;
            self.output.flush().await
        };
        write
            .await
            .map_err(|error: std::io::Error| format!("the supervisor does not listen: {error}"))
    }
}

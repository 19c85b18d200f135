use crate::input::{FieldError, Fields};

/// What the body of `stop` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// Answer at once, rather than when everything is uploaded.
    pub(super) async_stop: bool,
}

impl Stop {
    pub(super) fn read(body: &Fields<'_>) -> Result<Self, FieldError> {
        let request = body.object("clientRequest")?;
        let async_stop = request
            .map(|request| request.boolean("async_stop"))
            .transpose()?
            .flatten();
        Ok(Self {
            async_stop: async_stop.unwrap_or(false),
        })
    }
}

use super::error::ApiError;
use super::names::Names;
use crate::input::Fields;

/// The body of `stop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop<'a> {
    pub(super) names: Names<'a>,
    /// Answer at once, rather than when everything is uploaded.
    pub(super) async_stop: bool,
}

impl<'a> Stop<'a> {
    pub(super) fn read(body: &Fields<'a>) -> Result<Self, ApiError> {
        let names = Names::read(body)?;
        let request = body.object("clientRequest")?;
        let async_stop = request
            .map(|request| request.boolean("async_stop"))
            .transpose()?
            .flatten();
        Ok(Self {
            names,
            async_stop: async_stop.unwrap_or(false),
        })
    }
}

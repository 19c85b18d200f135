use super::flavour::Flavour;

/// A code of the vendor's tables, with the text that every answer with it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    number: Number,
    pub(super) text: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// Of record calls: the last digits.
    Record(u64),
    /// Of the gateway in front of them: as it is.
    Gateway(u64),
}

const fn record(number: u64, text: &'static str) -> Code {
    let number = Number::Record(number);
    Code { number, text }
}

const fn gateway(number: u64, text: &'static str) -> Code {
    let number = Number::Gateway(number);
    Code { number, text }
}

impl Code {
    pub(super) fn number(self, flavour: Flavour) -> u64 {
        match (self.number, flavour) {
            (Number::Gateway(number), _) => number,
            (Number::Record(number), Flavour::Ten) => 6_050_030_000 + number,
            (Number::Record(number), Flavour::Nine) => 605_030_000 + number,
        }
    }
}

pub(super) const AUTHENTICATION_FAILED: Code = gateway(606_000_000, "Authentication failed");
pub(super) const TOKEN_OVER: Code = gateway(606_000_001, "access_token timeout");
pub(super) const PARAMETER_MISSING: Code = gateway(606_000_002, "important parameter missing");
pub(super) const GATEWAY_PARAMETER: Code = gateway(606_000_003, "parameter error");
pub(super) const OPERATION_FAILED: Code = gateway(606_000_005, "operation failed");
pub(super) const BUSY: Code = gateway(606_000_006, "busy");

/// Ours: what cannot be told by any other code.
pub(super) const FAILED: Code = record(0, "failed");
pub(super) const NO_CONTEXT: Code = record(1, "context does not exist");
pub(super) const PARAMETER: Code = record(3, "parameter error");
/// The connection is there already.
pub(super) const CONNECTED: Code = record(4, "the link exists already");
pub(super) const NOT_JSON: Code = record(5, "json parse error");
pub(super) const NOT_SIGNED_IN: Code = record(6, "not logged in");
pub(super) const NOT_ALLOWED: Code = record(7, "authentication failed");
pub(super) const TOO_MANY_TASKS: Code = record(9, "server context limit reached");
pub(super) const NO_CAPACITY: Code = record(10, "server load limit reached");
pub(super) const CONTEXT_EXISTS: Code = record(12, "context exists already");
pub(super) const COMMAND_NOT_SENT: Code = record(16, "sending the command to the resource platform failed");
pub(super) const UNREADABLE_REPLY: Code = record(17, "parsing the resource platform's message failed");
pub(super) const RESOURCE_REFUSED: Code = record(18, "the resource platform refused to record");
pub(super) const NOT_CERTIFIED: Code = record(28, "certification failed");
pub(super) const FILE_UNREADABLE: Code = record(31, "file read error");
pub(super) const MEDIA_TIMEOUT: Code = record(32, "media service timeout");
pub(super) const PAUSED: Code = record(33, "the record task is paused, setting the output failed");
pub(super) const AUTOMATIC_LAYOUT: Code = record(35, "automatic recording takes no manual layout");
pub(super) const AUTOMATIC_EXISTS: Code = record(38, "the group has an automatic record task already");
pub(super) const CANNOT_SUSPEND: Code = record(39, "cannot suspend unless recording");
pub(super) const CANNOT_RESUME: Code = record(40, "cannot resume unless suspended");

/// An answer by a code, with what is particular to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) code: Code,
    pub(super) msg: String,
}

impl ApiError {
    /// `detail` holds no secrets; empty for the bare text.
    pub(super) fn new(code: Code, detail: impl AsRef<str>) -> Self {
        let msg = match detail.as_ref() {
            "" => code.text.to_owned(),
            detail => format!("{}: {detail}", code.text),
        };
        Self { code, msg }
    }
}

impl From<crate::input::FieldError> for ApiError {
    fn from(error: crate::input::FieldError) -> Self {
        Self::new(PARAMETER, error.to_string())
    }
}

use percent_encoding::percent_decode_str;

use super::answer::Refusal;
use crate::http::Request;

/// Longer requests than any that the API has.
const MAX_BYTES: usize = 64 << 10;
const MAX_PARAMS: usize = 100;

/// The parameters of a request, wherever clients put them: in the query, in a form, or some here and some there. The first of a
/// name counts, as it does for the vendor's server.
#[derive(Debug)]
pub(super) struct Params {
    /// Decoded as forms are.
    pairs: Vec<(String, String)>,
    /// Decoded with plus signs left as they are, as some clients send addresses.
    plain: Vec<(String, String)>,
}

impl Params {
    pub(super) fn read(request: &Request) -> Result<Self, Refusal> {
        if request.query.len() > MAX_BYTES || request.body.len() > MAX_BYTES {
            return Err(Refusal::TooLong);
        }
        let is_form = request.headers.get("content-type").is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        let form = match is_form {
            true => String::from_utf8_lossy(&request.body),
            false => "".into(),
        };
        let both = [request.query.as_str(), form.as_ref()];
        let params = Self {
            pairs: pairs(both, |text| text.replace('+', " ")),
            plain: pairs(both, str::to_owned),
        };
        match params.pairs.len() > MAX_PARAMS {
            true => Err(Refusal::TooLong),
            false => Ok(params),
        }
    }

    /// The value of a parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that is there.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        pairs.find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// All of them, in each way in which they can be read.
    pub(super) fn readings(&self) -> [&[(String, String)]; 2] {
        [&self.pairs, &self.plain]
    }
}

fn pairs(texts: [&str; 2], prepare: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&prepare(text)).decode_utf8_lossy().into_owned();
    let mut pairs = Vec::<(String, String)>::new();
    let sent = texts
        .iter()
        .flat_map(|text| text.split('&'))
        .filter(|pair| !pair.is_empty());
    for pair in sent.take(MAX_PARAMS + 1) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name);
        if !pairs.iter().any(|(known, _)| *known == name) {
            pairs.push((name, decode(value)));
        }
    }
    pairs
}

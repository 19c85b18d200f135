use std::collections::BTreeSet;

/// What a client sends about ICE after its offer, RFC 8840.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) ufrag: Option<String>,
    pub(super) password: Option<String>,
    /// `candidate:…`
    pub(super) candidates: Vec<String>,
}

/// Candidates that one fragment may have.
const MAX_CANDIDATES: usize = 64;

impl Fragment {
    pub(super) fn parse(text: &str) -> Self {
        let mut fragment = Self::default();
        for line in text.lines().map(str::trim) {
            let value = |name: &str| line.strip_prefix(name).map(str::to_owned);
            fragment.ufrag = fragment.ufrag.or_else(|| value("a=ice-ufrag:"));
            fragment.password = fragment.password.or_else(|| value("a=ice-pwd:"));
            let candidate = line.strip_prefix("a=").filter(|line| line.starts_with("candidate:"));
            if let Some(candidate) = candidate.filter(|_| fragment.candidates.len() < MAX_CANDIDATES) {
                fragment.candidates.push(candidate.to_owned());
            }
        }
        fragment
    }

    /// What an answer says about ICE.
    pub(super) fn of_answer(answer: &str) -> String {
        let is_told = |line: &&str| {
            [
                "a=ice-ufrag:",
                "a=ice-pwd:",
                "a=candidate:",
                "a=ice-lite",
                "a=ice-options",
                "a=end-of-candidates",
            ]
            .iter()
            .any(|name| line.starts_with(name))
        };
        let lines = answer.lines().filter(is_told);
        // Each medium says the same.
        let mut seen = BTreeSet::new();
        lines
            .filter(|line| seen.insert(*line))
            .flat_map(|line| [line, "\r\n"])
            .collect()
    }
}

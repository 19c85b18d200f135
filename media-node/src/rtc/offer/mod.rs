//! A client's offer, cut down to what is taken of it: for each medium one codec and how it is sent again. So it is known from the
//! answer on what a publisher sends, as everybody needs to know who plays it. Pure.
//!
//! `section` is one medium of it, and `format` one way in which a medium is coded.

mod format;
mod section;

use super::fragment::Fragment;
pub(in crate::rtc) use format::{Format, parameter};
pub(in crate::rtc) use section::Section;
use section::{direction, offers_rotation};

/// Longer ones are none.
pub(in crate::rtc) const MAX_OFFER_BYTES: usize = 64 << 10;
/// Lines that one offer may have.
const MAX_LINES: usize = 2_000;
/// How the only medium of an offer is called that calls it nothing.
const UNNAMED: &str = "0";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::rtc) enum OfferError {
    #[error("the offer cannot be read: {0}")]
    Malformed(String),
    #[error("{0}")]
    NotTaken(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rtc) enum Kind {
    Audio,
    Video,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rtc) struct Offer {
    session: Vec<String>,
    pub(in crate::rtc) sections: Vec<Section>,
    /// Its only medium has no name (`a=mid`), and gets none in the answer.
    is_unnamed: bool,
}

impl Offer {
    pub(in crate::rtc) fn parse(text: &str) -> Result<Self, OfferError> {
        let malformed = |reason: &str| OfferError::Malformed(reason.to_owned());
        if text.len() > MAX_OFFER_BYTES {
            return Err(OfferError::Malformed(format!(
                "it is longer than {MAX_OFFER_BYTES} bytes"
            )));
        }
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.first() != Some(&"v=0") || lines.len() > MAX_LINES {
            return Err(malformed("it is no session description"));
        }
        let (mut session, mut media): (Vec<String>, Vec<Vec<String>>) = Default::default();
        for line in lines {
            if line.as_bytes().get(1) != Some(&b'=') {
                return Err(malformed("a line has no equals sign behind its first letter"));
            }
            if line.starts_with("m=") {
                media.push(Vec::new());
            }
            media.last_mut().unwrap_or(&mut session).push(line.to_owned());
        }
        if media.is_empty() {
            return Err(malformed("it offers no media"));
        }
        let direction = direction(&session);
        let sections = media.into_iter().map(|lines| Section::read(lines, direction));
        let offer = Self {
            session,
            sections: sections.collect::<Result<_, _>>()?,
            is_unnamed: false,
        };
        match offer.sections.iter().filter(|section| section.mid.is_empty()).count() {
            0 => Ok(offer),
            1 if offer.sections.len() == 1 => Ok(offer.named()),
            unnamed if unnamed == offer.sections.len() => {
                let reason = "the offer's media have no a=mid, and so cannot share one connection: offer them with a=mid and \
                              a=group:BUNDLE, or one medium only";
                Err(OfferError::NotTaken(reason.to_owned()))
            }
            _ => Err(malformed("a medium has no a=mid")),
        }
    }

    /// With a name for its only medium, which older clients leave out.
    fn named(mut self) -> Self {
        for section in &mut self.sections {
            section.mid = UNNAMED.to_owned();
            section.lines.push(format!("a=mid:{UNNAMED}"));
        }
        self.session.push(format!("a=group:BUNDLE {UNNAMED}"));
        Self {
            is_unnamed: true,
            ..self
        }
    }

    /// The answer as the client gets it. What is understood though nobody is asked to send it is left out.
    pub(in crate::rtc) fn answered(&self, answer: &str) -> String {
        let is_name = |line: &str| line.starts_with("a=mid:") || line.starts_with("a=group:BUNDLE");
        let is_left_out = |line: &str| offers_rotation(line) || self.is_unnamed && is_name(line);
        let lines = answer.lines().filter(|line| !is_left_out(line));
        lines.flat_map(|line| [line, "\r\n"]).collect()
    }

    /// The offer with one format of each medium, as `choose` says.
    ///
    /// # Errors
    /// When one has none that is taken, or there is more than one medium of a kind.
    pub(in crate::rtc) fn narrowed(
        &self,
        choose: impl Fn(&Section, &[Format]) -> Result<usize, OfferError>,
    ) -> Result<(Self, Vec<Format>), OfferError> {
        let mut narrowed = self.clone();
        let mut chosen = Vec::with_capacity(self.sections.len());
        for kind in [Kind::Audio, Kind::Video] {
            if self.sections.iter().filter(|section| section.kind == kind).count() > 1 {
                let reason = "the offer has more than one audio or video track: a session has one of each at most";
                return Err(OfferError::NotTaken(reason.to_owned()));
            }
        }
        for section in &mut narrowed.sections {
            let mut formats = section.formats();
            let index = choose(section, &formats)?;
            if index >= formats.len() {
                return Err(section.none());
            }
            let format = formats.swap_remove(index);
            section.keep(&format);
            chosen.push(format);
        }
        Ok((narrowed, chosen))
    }

    /// The offer with one format of each medium that the client sends, as `choose` says, and these media.
    ///
    /// # Errors
    /// When one has none that is taken.
    pub(in crate::rtc) fn narrowed_sent(
        &self,
        choose: impl Fn(&Section, &[Format]) -> Result<usize, OfferError>,
    ) -> Result<(Self, Vec<(Section, Format)>), OfferError> {
        let mut narrowed = self.clone();
        let mut sent = Vec::new();
        for section in narrowed.sections.iter_mut().filter(|section| section.sends) {
            let formats = section.formats();
            let index = choose(section, &formats)?;
            let format = formats.into_iter().nth(index).ok_or_else(|| section.none())?;
            section.keep(&format);
            sent.push((section.clone(), format));
        }
        Ok((narrowed, sent))
    }

    /// Of the client's certificate.
    pub(in crate::rtc) fn fingerprint(&self) -> Option<&str> {
        let sections = self.sections.iter().flat_map(|section| &section.lines);
        let mut lines = self.session.iter().chain(sections);
        lines.find_map(|line| line.strip_prefix("a=fingerprint:"))
    }

    /// The same with these media only.
    pub(in crate::rtc) fn with_only(&self, sections: Vec<Section>) -> Self {
        Self {
            session: self.session.clone(),
            sections,
            is_unnamed: self.is_unnamed,
        }
    }

    /// The same with other credentials of ICE and these candidates only.
    pub(in crate::rtc) fn restarted(&self, fragment: &Fragment) -> Option<Self> {
        let (ufrag, password) = (fragment.ufrag.as_ref()?, fragment.password.as_ref()?);
        let mut restarted = self.clone();
        let is_old = |line: &str| {
            ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"]
                .iter()
                .any(|old| line.starts_with(old))
        };
        restarted.session.retain(|line| !is_old(line));
        for section in &mut restarted.sections {
            section.lines.retain(|line| !is_old(line));
            section.lines.push(format!("a=ice-ufrag:{ufrag}"));
            section.lines.push(format!("a=ice-pwd:{password}"));
        }
        Some(restarted)
    }

    /// Whether ICE has the same credentials.
    pub(in crate::rtc) fn has_credentials_of(&self, other: &Self) -> bool {
        let credentials = |offer: &Self| {
            let sections = offer.sections.iter().flat_map(|section| section.lines.clone());
            let lines = offer.session.iter().cloned().chain(sections);
            let is_credential = |line: &String| line.starts_with("a=ice-ufrag:") || line.starts_with("a=ice-pwd:");
            lines.filter(is_credential).collect::<std::collections::BTreeSet<_>>()
        };
        credentials(self) == credentials(other)
    }

    pub(in crate::rtc) fn text(&self) -> String {
        let sections = self.sections.iter().flat_map(|section| &section.lines);
        let lines = self.session.iter().chain(sections);
        lines.flat_map(|line| [line.as_str(), "\r\n"]).collect()
    }
}

#[cfg(test)]
pub(in crate::rtc) mod tests;

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
/// Names the media that share one connection.
const BUNDLE: &str = "a=group:BUNDLE";
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
    /// What its only medium lacks: lines that begin like this are not in the answer either.
    unoffered: &'static [&'static str],
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
            unoffered: &[],
        };
        match offer.sections.iter().filter(|section| section.mid.is_empty()).count() {
            0 => offer.bundled(),
            1 if offer.sections.len() == 1 => Ok(offer.named()),
            unnamed if unnamed == offer.sections.len() => {
                let reason = "the offer's media have no a=mid, and so cannot share one connection: offer them with a=mid and \
                              a=group:BUNDLE, or one medium only";
                Err(OfferError::NotTaken(reason.to_owned()))
            }
            _ => Err(malformed("a medium has no a=mid")),
        }
    }

    /// With the media that share one connection in their order.
    ///
    /// # Errors
    /// When two have one name, or one that is offered is to have a connection of its own.
    fn bundled(mut self) -> Result<Self, OfferError> {
        let mut mids: Vec<&str> = self.sections.iter().map(|section| section.mid.as_str()).collect();
        mids.sort_unstable();
        if mids.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(OfferError::Malformed("two media have the same a=mid".to_owned()));
        }
        if let ([only], false) = (
            self.sections.as_slice(),
            self.session.iter().any(|line| is_bundle(line)),
        ) {
            self.session.push(format!("{BUNDLE} {}", only.mid));
            self.unoffered = &[BUNDLE];
        }
        let group = self.session.iter().position(|line| is_bundle(line));
        let Some(line) = group.and_then(|group| self.session.get_mut(group)) else {
            let reason =
                "the offer's media have no a=group:BUNDLE, and so cannot share one connection: offer them with it";
            return Err(OfferError::NotTaken(reason.to_owned()));
        };
        let is_named = |mid: &str| line.split(' ').skip(1).any(|named| named == mid);
        let (named, alone): (Vec<&Section>, Vec<_>) = self.sections.iter().partition(|section| is_named(&section.mid));
        if let Some(alone) = alone.iter().find(|section| section.sends || section.receives) {
            return Err(OfferError::NotTaken(format!(
                "medium {} is not in a=group:BUNDLE: offer all media with one connection",
                alone.mid
            )));
        }
        *line = named
            .iter()
            .fold(BUNDLE.to_owned(), |line, section| format!("{line} {}", section.mid));
        Ok(self)
    }

    /// The same with media that the client sends, or receives, alone.
    pub(in crate::rtc) fn one_way(mut self, is_sent: bool) -> Self {
        self.sections
            .iter_mut()
            .for_each(|section| section.take_one_way(is_sent));
        self
    }

    /// With a name for its only medium, which older clients leave out.
    fn named(mut self) -> Self {
        for section in &mut self.sections {
            section.mid = UNNAMED.to_owned();
            section.lines.push(format!("a=mid:{UNNAMED}"));
        }
        self.session.push(format!("{BUNDLE} {UNNAMED}"));
        self.unoffered = &["a=mid:", BUNDLE];
        self
    }

    /// The answer as the client gets it. What is understood though nobody is asked to send it is left out.
    pub(in crate::rtc) fn answered(&self, answer: &str) -> String {
        let is_unoffered = |line: &str| self.unoffered.iter().any(|begins| line.starts_with(begins));
        // The answer has a medium for each of the offer's, in their order.
        let mut sections = self.sections.iter();
        let mut sends = false;
        let mut is_left_out = |line: &str| {
            if line.starts_with("m=") {
                sends = sections.next().is_some_and(|section| section.sends);
            }
            sends && offers_rotation(line) || is_unoffered(line)
        };
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
                let reason = "the offer has more than one audio or video track: a session has one of each at most, so begin another \
                              session for each further one, of another stream or user";
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
            unoffered: self.unoffered,
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

fn is_bundle(line: &str) -> bool {
    line.split(' ').next() == Some(BUNDLE)
}

#[cfg(test)]
pub(in crate::rtc) mod tests;

//! Finds the fonts for the texts of scenes, and tells of what they cannot write.

use std::collections::BTreeSet;

use protocol::{Fault, ProblemCode, Scene, TextContent};
use tokio::sync::{mpsc, watch};

use super::feeder::Wishes;
use super::mixing::MixEvent;
use crate::record::status::{SharedBoard, problem};
use crate::stream::Clock;
use crate::text::Fonts;

const GLYPHS: &str = "glyphs";

/// The most characters that a problem names.
const NAMED: usize = 20;

pub struct Texts {
    pub events: mpsc::WeakSender<MixEvent>,
    pub board: SharedBoard,
    pub clock: Clock,
}

impl Texts {
    /// Tells the feeder the fonts when the first scene with texts comes. Ends with the wishes.
    pub async fn follow(self, mut wishes: watch::Receiver<Wishes>) {
        let mut fonts: Option<Fonts> = None;
        let mut checked: Option<BTreeSet<String>> = None;
        loop {
            let wanted = fixed(&wishes.borrow_and_update().scene);
            let has_texts = wanted.is_some();
            if has_texts && fonts.is_none() {
                fonts = tokio::task::spawn_blocking(Fonts::of_machine).await.ok();
                if let (Some(events), Some(fonts)) = (self.events.upgrade(), fonts.clone()) {
                    // A feeder that has gone needs no fonts.
                    let _ = events.send(MixEvent::Fonts(fonts)).await;
                }
            }
            if wanted != checked
                && let Some(fonts) = fonts.clone()
            {
                let texts = wanted.clone();
                let missing = move || texts.map(|texts| missing(&fonts, &texts)).unwrap_or_default();
                self.tell(&tokio::task::spawn_blocking(missing).await.unwrap_or_default());
                checked = wanted;
            }
            if wishes.changed().await.is_err() {
                return;
            }
        }
    }

    fn tell(&self, missing: &BTreeSet<char>) {
        let mut board = self.board.lock();
        // Another text may lack other characters, which is another problem.
        board.over(GLYPHS);
        if missing.is_empty() {
            return;
        }
        let named: Vec<String> = missing.iter().take(NAMED).map(char::to_string).collect();
        let more = if missing.len() > NAMED { " …" } else { "" };
        let message = format!(
            "the texts in the mix have characters for which the node has no font: {}{more}; install one there that has them, such \
             as fonts-noto-cjk, and restart the recording",
            named.join(" ")
        );
        let at_ms = self.clock.wall_ms(self.clock.now_us());
        let told = problem(Fault::Ours, ProblemCode::GlyphsMissing, message, at_ms);
        board.problem_once(GLYPHS, told);
    }
}

/// What the scene's texts say, but for times; `None` without any texts.
fn fixed(scene: &Scene) -> Option<BTreeSet<String>> {
    let says = |content: &TextContent| match content {
        TextContent::Fixed(text) => text.clone(),
        TextContent::Time { .. } => "0123456789-: ".to_owned(),
    };
    let texts: BTreeSet<String> = scene.texts.iter().map(|text| says(&text.content)).collect();
    (!texts.is_empty()).then_some(texts)
}

fn missing(fonts: &Fonts, texts: &BTreeSet<String>) -> BTreeSet<char> {
    texts.iter().flat_map(|text| fonts.missing(text)).collect()
}

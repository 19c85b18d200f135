use super::depacketize::{Frame, FrameFormat};
use super::unit::Quarters;

/// How pictures have to be turned, as their sender says beside them: told with the format, from a keyframe on.
#[derive(Default)]
pub struct Turned {
    quarters: Quarters,
    /// What was told last.
    format: Option<FrameFormat>,
}

impl Turned {
    /// From the picture on that is whole next.
    pub fn set(&mut self, quarters: Quarters) {
        self.quarters = quarters;
    }

    /// Has a frame tell it that has come.
    pub fn tell(&mut self, frame: &mut Frame) {
        let is_told = frame.format.is_some();
        if is_told {
            self.format.clone_from(&frame.format);
        }
        if let Some(known) = self.format.as_mut().filter(|_| frame.keyframe)
            && (known.format.turn_to(self.quarters) || is_told)
        {
            frame.format = Some(known.clone());
        }
    }
}

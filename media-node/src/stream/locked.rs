use super::Frame;

/// Why a unit cannot be had in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Locked {
    #[error("it is encrypted, and no secret is known")]
    NoSecret,
    #[error("it is encrypted in another way or with another secret, or was damaged")]
    WrongSecret,
    #[error("it is not encrypted")]
    Clear,
    #[error("its codec is none that is decrypted")]
    Codec,
}

/// What stands between a track's depacketizer and its timeline where frames may be encrypted: it makes them clear.
pub trait Unlock: Send {
    /// Takes the track's next frame, in decoding order.
    fn pass(&mut self, frame: Frame) -> Passed;
}

/// What becomes of a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Passed {
    Clear(Frame),
    /// Left out; the cause, where it is not the same as before.
    Out(Option<Locked>),
}

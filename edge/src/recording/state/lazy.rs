use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that changes with every report, and is not worth a write of its own: it is persisted as it was when it was
/// [noted](Self::note) last, together with something that was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lazy<T> {
    value: T,
    noted: T,
}

impl<T: Copy> Lazy<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value, noted: value }
    }

    pub(crate) fn get(&self) -> T {
        self.value
    }

    pub(crate) fn set(&mut self, value: T) {
        self.value = value;
    }

    /// From here on the present value is what is persisted.
    pub(super) fn note(&mut self) {
        self.noted = self.value;
    }
}

impl<T: Serialize> Serialize for Lazy<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.noted.serialize(serializer)
    }
}

impl<'de, T: Copy + Deserialize<'de>> Deserialize<'de> for Lazy<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

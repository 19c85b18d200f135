//! What requests of each kind come to, and what callbacks are told.

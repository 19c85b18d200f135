//! One folder a vendor: its bytes become the core's commands, the core's outcomes its bytes. A dialect knows access and
//! the recording's words; it never calls another dialect, and never touches storage but through the directory.

pub mod agora;

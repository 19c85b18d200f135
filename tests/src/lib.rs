//! What the end-to-end tests in `e2e/` are made of: whole stacks, a customer who calls the API, publishers that put media
//! into channels, and measures of what arrived in the bucket. It knows the product only from the outside: its HTTP
//! interfaces, the scripts, and the files. What is wrong here is a failed test, so helpers panic with the reason.

pub mod bucket;
pub mod callback;
pub mod camera;
pub mod channel_token;
pub mod customer;
pub mod delivery;
pub mod dice;
pub mod fake_node;
pub mod far;
pub mod faulty;
pub mod frames;
pub mod fsp;
pub mod heard;
pub mod interpreter;
pub mod mediamtx;
pub mod mixed;
pub mod namespace;
pub mod node;
pub mod outage;
pub mod peers;
pub mod playlist;
pub mod polyv;
pub mod probe;
pub mod publisher;
pub mod recorded;
pub mod rtsp;
pub mod scenario;
pub mod stack;
pub mod sync;
pub mod uprtc;
pub mod vod;
pub mod wait;
pub mod writers;

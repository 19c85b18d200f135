mod captured;
mod chunks;
mod dice;
mod flv;
mod server;
mod session;
mod support;
mod tls;

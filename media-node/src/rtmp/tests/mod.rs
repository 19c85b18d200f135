mod chunks;
mod flv;
mod server;
mod session;
mod support;

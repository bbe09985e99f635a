//! The payments server seen from outside: raw bytes over a real socket, no client library in between.

mod client;
mod ledger;
mod legacy;
mod modern;
mod transport;

//! Services that follow and call each other, with real databases and real gRPC in memory.

mod follow;
mod rig;
mod streams;

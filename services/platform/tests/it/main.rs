//! The platform service over gRPC, on a real PostgreSQL, with its production wiring.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod api_key;
mod approval;
mod business_calendar;
mod database;
mod department;
mod events;
mod exchange_rate;
mod harness;
mod peer;
mod reach;
mod role;
mod secrecy;
mod session;
mod tenant;
mod timing;
mod user;

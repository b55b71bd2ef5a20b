//! Working time: which instants a calendar is open, and sums over them.
//!
//! A [`Calendar`] says on the wall clock of one zone when people work; a [`Timetable`] is the same as instants, with running sums, for a
//! window. An instant is working time exactly when the wall clock then shows a time inside a span, so an hour that a change to summer time
//! leaves out is not counted and one that comes twice counts twice.

mod calendar;
mod timetable;

pub use calendar::{Calendar, Day, Fault, Span, Week, Weeks, ordered};
pub use timetable::{NoWorkingTime, Timetable};

#[cfg(test)]
mod oracle;

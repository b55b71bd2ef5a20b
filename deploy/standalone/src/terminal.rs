//! Everything a person reads: results on standard output, problems, questions and progress on standard error.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use console::{Alignment, Term, style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::{Failure, Result};

/// Pause between progress lines where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// A line of the result. A reader that went away is no error.
pub fn line(text: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// A line of the result that stands out at a terminal.
pub fn heading(text: impl Display) {
    line(style(text).bold());
}

/// A line beside the result.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Why the command ends.
pub fn problem(text: impl Display) {
    note(format!("{} {text}", style("error:").red().bold().for_stderr()));
}

/// Asks for a secret without showing it.
pub fn ask_secret(question: &str) -> Result<String> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(Failure::new("no terminal to ask for the password at: set CRM_PASSWORD"));
    }
    let unreadable = |error| Failure::new(format!("cannot read from the terminal: {error}"));
    terminal.write_str(question).map_err(unreadable)?;
    terminal.read_secure_line().map_err(unreadable)
}

/// Whether somebody is there to answer a question.
pub fn can_ask() -> bool {
    Term::stderr().is_term() && io::stdin().is_terminal()
}

/// Asks a question; anything but yes is no.
pub fn confirm(question: &str) -> bool {
    let terminal = Term::stderr();
    let asked = terminal.write_str(&format!("{question} [y/N] ")).and_then(|()| terminal.read_line());
    asked.is_ok_and(|answer| matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是"))
}

/// Columns that a text takes at a terminal; a Chinese character takes two.
pub fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// The text, as wide as this at least.
pub fn padded(text: &str, width: usize) -> Cow<'_, str> {
    console::pad_str(text, width, Alignment::Left, None)
}

/// What a progress counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Rows,
}

/// A bar at a terminal, a line every two seconds elsewhere.
#[derive(Debug)]
pub struct Progress {
    title: &'static str,
    bar: ProgressBar,
    plain: bool,
    begin: Instant,
    told: Instant,
}

impl Progress {
    /// A progress of `total` steps; 0 when their number is not known yet.
    pub fn new(title: &'static str, unit: Unit, total: u64) -> Self {
        let plain = !Term::stderr().is_term();
        let target = if plain { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = match unit {
            Unit::Bytes => "{msg:>10} [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}",
            Unit::Rows => "{msg:>10} [{bar:30}] {human_pos}/{human_len} rows  {per_sec}  {eta} left",
        };
        if let Ok(look) = ProgressStyle::with_template(template) {
            bar.set_style(look.progress_chars("█▉ "));
        }
        bar.set_message(title);
        let now = Instant::now();
        Self { title, bar, plain, begin: now, told: now }
    }

    /// So many of so many steps are done.
    pub fn set(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.plain && self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            self.tell();
        }
    }

    /// Ends the progress, leaving its last state.
    pub fn finish(&self) {
        self.bar.finish();
        if self.plain {
            self.tell();
        }
    }

    fn tell(&self) {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        note(format!("{} {done}/{total} after {:.1} s", self.title, self.begin.elapsed().as_secs_f64()));
    }
}

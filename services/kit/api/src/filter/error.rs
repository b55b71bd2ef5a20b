//! Why an expression was refused, in the caller's terms and pointing at the spot.

use std::fmt;

/// A refused filter or formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What went wrong, for programs.
    pub kind: ErrorKind,
    /// Byte offset into the text.
    pub position: usize,
    /// The same place as a 1-based column, counted in characters.
    pub column: usize,
    /// What went wrong, for the caller: lowercase, without the position.
    pub message: String,
}

/// The classes of refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is longer, deeper or larger than the limits allow.
    Limit,
    /// The text does not follow the grammar.
    Syntax,
    /// A literal is malformed, out of range, or not a value its field can take.
    Literal,
    /// No field has this path.
    UnknownField(String),
    /// The caller sees this field masked, so it may not select by it.
    Masked(String),
    /// No function has this name.
    UnknownFunction(String),
    /// A function was given too few or too many arguments.
    Arguments,
    /// The kinds of two operands, or of an operand and its operator, do not fit.
    Type,
    /// The expression is sound, but only formulas may compute such a thing.
    FormulaOnly,
    /// A constant part of the expression can never be computed.
    Evaluation,
}

impl Error {
    pub(super) fn new(kind: ErrorKind, position: usize, message: impl Into<String>) -> Self {
        Self { kind, position, column: 0, message: message.into() }
    }

    /// Fills in the column once the whole text is at hand.
    pub(super) fn located_in(mut self, text: &str) -> Self {
        let starts_before = |&(start, _): &(usize, char)| start < self.position;
        self.column = text.char_indices().take_while(starts_before).count() + 1;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (column {})", self.message, self.column)
    }
}

impl std::error::Error for Error {}

/// `, did you mean "name"?` for the candidate nearest to a misspelt word, or nothing when none is near.
pub(super) fn suggestion<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let tolerance = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .filter(|candidate| *candidate != word)
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min()
        .map(|(_, candidate)| format!(", did you mean \"{candidate}\"?"))
        .unwrap_or_default()
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours,
/// after lowering ASCII case.
fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_ascii_lowercase().chars().collect();
    let right: Vec<char> = right.to_ascii_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut current = vec![row];
        for column in 1..=right.len() {
            let substitution = usize::from(left[row - 1] != right[column - 1]);
            let mut best =
                (above[column] + 1).min(current[column - 1] + 1).min(above[column - 1] + substitution);
            let swapped = row > 1
                && column > 1
                && left[row - 1] == right[column - 2]
                && left[row - 2] == right[column - 1];
            if swapped {
                best = best.min(before[column - 2] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

impl From<Error> for crate::Error {
    fn from(error: Error) -> Self {
        if let ErrorKind::Masked(path) = &error.kind {
            return Self::field_masked(path);
        }
        let place = error.to_string();
        let violation = crate::error::Violation::new("filter", "FILTER_INVALID", place.clone());
        Self::new(
            tonic::Code::InvalidArgument,
            crate::error::COMMON_DOMAIN,
            "FILTER_INVALID",
            format!("filter: {place}"),
        )
        .with_violation(violation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_answered_with_its_nearest_neighbour() {
        let known = ["name", "amount", "owner_id"];
        for (word, answer) in [
            ("nmae", ", did you mean \"name\"?"),
            ("Amount", ", did you mean \"amount\"?"),
            ("ownerid", ", did you mean \"owner_id\"?"),
            ("telephone", ""),
            ("x", ""),
        ] {
            assert_eq!(suggestion(word, known.into_iter()), answer, "{word}");
        }
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let error = Error::new(ErrorKind::Syntax, "名称 ".len(), "x").located_in("名称 = 1");
        assert_eq!((error.position, error.column), (7, 4));
    }
}

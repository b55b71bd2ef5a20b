//! What is done to the cells of a row before they are read: some values stand for others, and some fields are made of columns.

use std::{borrow::Cow, collections::BTreeMap};

use crm_kit_table::Cell;

/// A text with columns in it, as `{first_name} {last_name}`; `{{` and `}}` are braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Column(String),
}

/// A pattern over the columns of a file.
#[derive(Clone, Debug, Default)]
pub struct Made(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Cell(usize),
}

/// What is done to every row.
#[derive(Clone, Debug, Default)]
pub struct Rewriting {
    /// Number of the file's columns.
    pub width: usize,
    /// What stands for what, by the index of the column.
    pub values: BTreeMap<usize, BTreeMap<String, String>>,
    /// Cells that are added behind the file's own.
    pub made: Vec<Made>,
}

impl Pattern {
    /// Reads a pattern; `None` when its braces do not fit together.
    pub fn parse(text: &str) -> Option<Self> {
        let mut pieces = vec![Piece::Text(String::new())];
        let mut rest = text.chars().peekable();
        while let Some(next) = rest.next() {
            match next {
                '{' | '}' if rest.next_if_eq(&next).is_some() => push(&mut pieces, next),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next()? {
                            '}' => break,
                            '{' => return None,
                            other => name.push(other),
                        }
                    }
                    pieces.push(Piece::Column(name));
                }
                '}' => return None,
                other => push(&mut pieces, other),
            }
        }
        Some(Self(pieces))
    }

    /// The columns it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Column(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The pattern over the columns of a file; one that the file does not have is empty.
    pub fn over(self, header: &[&str]) -> Made {
        let place = |name: &str| header.iter().position(|column| *column == name);
        let parts = self.0.into_iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(Part::Text(text)),
            Piece::Column(name) => place(&name).map(Part::Cell),
        });
        Made(parts.collect())
    }
}

fn push(pieces: &mut Vec<Piece>, letter: char) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push(letter),
        _ => pieces.push(Piece::Text(letter.to_string())),
    }
}

impl Rewriting {
    /// The cells to read in place of those of a row.
    pub fn apply<'c>(&self, cells: &'c [Cell]) -> Cow<'c, [Cell]> {
        if self.values.is_empty() && self.made.is_empty() {
            return Cow::Borrowed(cells);
        }
        let mut row = cells.to_vec();
        row.resize(self.width.max(cells.len()), Cell::Empty);
        for (index, values) in &self.values {
            let Some(cell) = row.get_mut(*index) else { continue };
            if let Some(other) = values.get(cell.display().trim()) {
                *cell = if other.is_empty() { Cell::Empty } else { Cell::text(other.as_str()) };
            }
        }
        row.truncate(self.width);
        for made in &self.made {
            let text: String = made.0.iter().map(|part| part.of(&row)).collect();
            row.push(Cell::text(text.trim()));
        }
        Cow::Owned(row)
    }
}

impl Part {
    fn of(&self, row: &[Cell]) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Cell(index) => {
                row.get(*index).map(|cell| cell.display().trim().to_owned()).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rewriting(values: &[(usize, &str, &str)], made: &[&str]) -> Rewriting {
        let header = ["id", "product"];
        let mut table: BTreeMap<usize, BTreeMap<String, String>> = BTreeMap::new();
        for (index, from, to) in values {
            table.entry(*index).or_default().insert((*from).to_owned(), (*to).to_owned());
        }
        let made = made.iter().map(|text| Pattern::parse(text).unwrap().over(&header)).collect();
        Rewriting { width: header.len(), values: table, made }
    }

    #[test]
    fn values_stand_for_others_and_fields_are_made_of_columns() {
        let cells = [Cell::text("7"), Cell::text(" GTXPro ")];
        let rewriting =
            rewriting(&[(1, "GTXPro", "GTX Pro"), (1, "none", "")], &["{id}: {product} {{x}}", "USD"]);
        let row: Vec<String> =
            rewriting.apply(&cells).iter().map(|cell| cell.display().into_owned()).collect();
        assert_eq!(row, ["7", "GTX Pro", "7: GTX Pro {x}", "USD"]);
        let short =
            rewriting.apply(&cells[..1]).iter().map(|cell| cell.display().into_owned()).collect::<Vec<_>>();
        assert_eq!(short, ["7", "", "7:  {x}", "USD"]);
        let none = [Cell::text("7"), Cell::text("none")];
        assert!(rewriting.apply(&none)[1].is_empty());
    }

    #[test]
    fn braces_that_do_not_fit_are_no_pattern() {
        for wrong in ["{", "}", "{a", "a}", "{a{b}}"] {
            assert_eq!(Pattern::parse(wrong), None, "{wrong}");
        }
        let columns: Vec<String> =
            Pattern::parse("{a} {b c}{{d}}").unwrap().columns().map(str::to_owned).collect();
        assert_eq!(columns, ["a", "b c"]);
    }

    proptest! {
        #[test]
        fn what_has_no_braces_stands_for_itself(text in "[^{}]{0,40}") {
            let made = rewriting(&[], &[&text]);
            prop_assert_eq!(made.apply(&[])[2].display().into_owned(), text.trim());
        }
    }
}

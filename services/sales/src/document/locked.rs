//! Sheets of documents whose content is locked: whether anything would change, and what changes when lines alone do.

use crm_proto::crm::sales::v1::DocumentLine;

use super::{
    convert::{self, Wire},
    model::{Amounts, Line, Sheet},
};

impl Sheet {
    /// The first field in which another sheet says something else, leaving aside what follows from the rest.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let own = |sheet: &Self| sheet.lines.iter().map(stated).collect::<Vec<_>>();
        let is_same = [
            ("currency_code", self.currency == other.currency),
            ("price_book_id", self.price_book_id == other.price_book_id),
            ("price_includes_tax", self.price_includes_tax == other.price_includes_tax),
            ("amount_decimals", self.decimals == other.decimals),
            ("header_discount", self.header_discount == other.header_discount),
            ("lines", own(self) == own(other)),
        ];
        is_same.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }

    /// What a request would say for the sheet to have other lines and be the same otherwise.
    pub fn with_lines(&self, lines: Vec<DocumentLine>) -> Wire {
        let (header_discount_percent, header_discount) = convert::header(self);
        Wire {
            currency_code: self.currency.clone(),
            price_book_id: self.price_book_id.map(|id| id.to_string()).unwrap_or_default(),
            price_includes_tax: self.price_includes_tax,
            amount_decimals: i32::try_from(self.decimals).unwrap_or(0),
            header_discount_percent,
            header_discount,
            lines,
        }
    }
}

/// A line without what is computed of it.
fn stated(line: &Line) -> Line {
    Line { amounts: Amounts::default(), total_discount_percent: None, ..line.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named_by_its_field() {
        let sheet = Sheet { lines: vec![Line::default()], ..Sheet::of("CNY") };
        let mut other = sheet.clone();
        other.lines[0].amounts.gross = 1;
        other.totals.gross = 1;
        assert_eq!(sheet.difference(&other), None);
        other.lines[0].description = "x".into();
        assert_eq!(sheet.difference(&other), Some("lines"));
        assert_eq!(sheet.difference(&Sheet { decimals: 4, ..sheet.clone() }), Some("amount_decimals"));
    }
}

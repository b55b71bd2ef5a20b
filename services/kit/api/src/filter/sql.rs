//! Writes a checked filter as a SQL predicate. User text travels only in binds.
//!
//! The predicate is written for the truth that is wanted: negation is pushed down to the comparisons, so a
//! plain conjunction stays one that indexes can serve. A predicate wanted false asks for unset values
//! explicitly; elsewhere SQL's NULL already counts as not true.

use super::bind::{Bind, Sql, bound, bound_list, pattern, stored};
use super::check::Checked;
use super::document::Place;
use super::eval::{self, Failure};
use super::expr::{Affix, Comparison, Expr, Needs};
use super::schema::{Field, Kind, Presence};
use super::value::{Moment, Value};

/// Writes a filter with placeholders from `$first_placeholder`.
pub(super) fn write(filter: &Checked, first_placeholder: usize, moment: Moment) -> Sql {
    let mut writer = Writer { fields: &filter.fields, moment, first_placeholder, binds: Vec::new() };
    let text = writer.predicate(&filter.expr, true);
    Sql { text, binds: writer.binds }
}

struct Writer<'e> {
    fields: &'e [Field],
    moment: Moment,
    first_placeholder: usize,
    binds: Vec<Bind>,
}

impl Writer<'_> {
    /// SQL that is true exactly when the expression's truth is the wanted one.
    fn predicate(&mut self, expr: &Expr, wanted: bool) -> String {
        if let Some(value) = self.constant(expr) {
            return truth((value == Value::Bool(true)) == wanted);
        }
        match expr {
            Expr::Not(inner) => self.predicate(inner, !wanted),
            Expr::And(left, right) => self.junction(left, right, wanted, wanted),
            Expr::Or(left, right) => self.junction(left, right, wanted, !wanted),
            Expr::Choose(condition, yes, no) => {
                let condition = self.predicate(condition, true);
                let (yes, no) = (self.predicate(yes, wanted), self.predicate(no, wanted));
                format!("CASE WHEN {condition} THEN {yes} ELSE {no} END")
            }
            Expr::IsSet(index) => self.presence(*index, wanted),
            Expr::Compare(comparison, left, right) => self.comparison(*comparison, left, right, wanted),
            Expr::OneOf(item, list) => self.one_of(item, list, wanted),
            Expr::Member(item, list) => self.member(item, list, wanted),
            Expr::Affix(affix, text, part) => self.affix(*affix, text, part, wanted),
            Expr::Field(index) => {
                if let Some(text) = self.contained(expr, &Value::Bool(true), wanted) {
                    return text;
                }
                let column = &self.fields[*index].sql;
                let text = if wanted { column.to_string() } else { format!("NOT {column}") };
                self.guarded(&[expr], text, wanted)
            }
            _ => truth(!wanted),
        }
    }

    fn junction(&mut self, left: &Expr, right: &Expr, wanted: bool, both: bool) -> String {
        let (left, right) = (self.predicate(left, wanted), self.predicate(right, wanted));
        if both { format!("{left} AND {right}") } else { format!("({left} OR {right})") }
    }

    fn presence(&self, index: usize, wanted: bool) -> String {
        let field = &self.fields[index];
        let column = &field.sql;
        match (field.presence(), field.kind) {
            (Presence::Always, _) => truth(wanted),
            (Presence::NotNull, _) if wanted => format!("{column} IS NOT NULL"),
            (Presence::NotNull, _) => format!("{column} IS NULL"),
            (Presence::NotEmpty, Kind::TextList) if wanted => format!("cardinality({column}) > 0"),
            (Presence::NotEmpty, Kind::TextList) => format!("cardinality({column}) = 0"),
            (Presence::NotEmpty, _) if wanted => format!("{column} <> ''"),
            (Presence::NotEmpty, _) => format!("{column} = ''"),
        }
    }

    fn comparison(&mut self, comparison: Comparison, left: &Expr, right: &Expr, wanted: bool) -> String {
        let is_choice = |expr: &Expr| matches!(expr, Expr::Choose(..));
        if !wanted && (is_choice(left) || is_choice(right)) {
            return format!("({}) IS NOT TRUE", self.comparison(comparison, left, right, true));
        }
        match (self.constant(left), self.constant(right)) {
            (_, Some(value)) => self.compared_with_value(comparison, left, &value, wanted),
            (Some(value), None) => self.compared_with_value(comparison.mirrored(), right, &value, wanted),
            (None, None) => self.compared_with_each_other(comparison, left, right, wanted),
        }
    }

    fn compared_with_value(
        &mut self,
        comparison: Comparison,
        expr: &Expr,
        value: &Value,
        wanted: bool,
    ) -> String {
        let Some(mut bind) = bound(value) else {
            return truth(!wanted);
        };
        if comparison == Comparison::Equal
            && let Some(text) = self.contained(expr, value, wanted)
        {
            return text;
        }
        let (mut operand, mut comparison) = (self.operand(expr), comparison);
        if matches!(value, Value::Text(_)) && comparison != Comparison::Equal {
            operand.push_str(" COLLATE \"C\"");
        }
        if let Some(scale) = self.scale(expr) {
            match value.number().and_then(|number| stored(comparison, number, scale)) {
                Some((adjusted, whole)) => (comparison, bind) = (adjusted, Bind::Int(whole)),
                None => operand = as_numeric(&operand, scale),
            }
        }
        let (symbol, placeholder) = (comparison.symbol(wanted), self.bind(bind));
        self.guarded(&[expr], format!("{operand} {symbol} {placeholder}"), wanted)
    }

    fn compared_with_each_other(
        &mut self,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
        wanted: bool,
    ) -> String {
        let (mut left_sql, mut right_sql) = (self.operand(left), self.operand(right));
        let (left_scale, right_scale) = (self.scale(left), self.scale(right));
        if left_scale != right_scale {
            left_sql = left_scale.map(|scale| as_numeric(&left_sql, scale)).unwrap_or(left_sql);
            right_sql = right_scale.map(|scale| as_numeric(&right_sql, scale)).unwrap_or(right_sql);
        }
        let collation = if self.is_text(left) { " COLLATE \"C\"" } else { "" };
        let symbol = comparison.symbol(wanted);
        self.guarded(&[left, right], format!("{left_sql}{collation} {symbol} {right_sql}"), wanted)
    }

    fn one_of(&mut self, item: &Expr, list: &[Expr], wanted: bool) -> String {
        let values = list.iter().filter_map(|candidate| self.constant(candidate));
        let known: Vec<Value> = values.filter(|value| *value != Value::Null).collect();
        if let Some((field, place)) = self.document(item) {
            let documents = known.iter().filter_map(|value| place.holding(field.kind, value)).collect();
            let test = format!("{}{} @> ANY", if wanted { "" } else { "NOT " }, place.column());
            return self.any_of(&test, documents, wanted);
        }
        let Some(bind) = bound_list(&known, self.scale(item)) else {
            return truth(!wanted);
        };
        let (operand, placeholder) = (self.operand(item), self.bind(bind));
        let quantified = if wanted { "= ANY" } else { "<> ALL" };
        self.guarded(&[item], format!("{operand} {quantified}({placeholder})"), wanted)
    }

    /// `@>` rather than `= ANY`, for it is the one a GIN index serves.
    fn member(&mut self, item: &Expr, list: &Expr, wanted: bool) -> String {
        let column = self.operand(list);
        let not = if wanted { "" } else { "NOT " };
        let text = match self.constant(item) {
            Some(value @ Value::Text(_)) if self.document(list).is_some() => {
                return self.contained(list, &value, wanted).unwrap_or_else(|| truth(!wanted));
            }
            Some(Value::Text(text)) => {
                let placeholder = self.bind(Bind::TextList(vec![text.into_owned()]));
                format!("{not}{column} @> {placeholder}")
            }
            Some(_) => return truth(!wanted),
            None => format!("{not}{column} @> ARRAY[{}]", self.operand(item)),
        };
        self.guarded(&[item, list], text, wanted)
    }

    /// Equality with a value of a document, as containment. That is never NULL, so both truths are answered by it; `None` for what stands in no
    /// document.
    fn contained(&mut self, expr: &Expr, value: &Value, wanted: bool) -> Option<String> {
        let (field, place) = self.document(expr)?;
        let Some(document) = place.holding(field.kind, value) else {
            return Some(truth(!wanted));
        };
        let test = format!("{}{} @>", if wanted { "" } else { "NOT " }, place.column());
        Some(format!("{test} {}", self.bind(Bind::Json(document))))
    }

    fn any_of(&mut self, test: &str, documents: Vec<serde_json::Value>, wanted: bool) -> String {
        if documents.is_empty() {
            return truth(!wanted);
        }
        format!("{test}({})", self.bind(Bind::JsonList(documents)))
    }

    /// The field of a document that an expression is, and its place there.
    fn document(&self, expr: &Expr) -> Option<(&Field, &Place)> {
        let Expr::Field(index) = expr else { return None };
        let field = &self.fields[*index];
        field.document.as_ref().map(|place| (field, place))
    }

    fn affix(&mut self, affix: Affix, text: &Expr, part: &Expr, wanted: bool) -> String {
        let operand = self.operand(text);
        let not = if wanted { "" } else { "NOT " };
        let sql = match self.constant(part) {
            Some(Value::Text(part)) => {
                let placeholder = self.bind(Bind::Text(pattern(affix, &part)));
                format!("{operand} {not}LIKE {placeholder}")
            }
            Some(_) => return truth(!wanted),
            None => {
                let part = self.operand(part);
                match affix {
                    Affix::Prefix => format!("{not}starts_with({operand} COLLATE \"C\", {part})"),
                    Affix::Suffix => {
                        format!("{not}right({operand} COLLATE \"C\", char_length({part})) = {part}")
                    }
                    Affix::Anywhere => format!("{not}strpos({operand} COLLATE \"C\", {part}) > 0"),
                }
            }
        };
        self.guarded(&[text, part], sql, wanted)
    }

    /// The SQL of something compared: a column, a function of one, a truth, or a placeholder.
    fn operand(&mut self, expr: &Expr) -> String {
        match expr {
            Expr::Const(Value::Text(text)) => self.bind(Bind::Text(text.clone().into_owned())),
            Expr::Field(index) => self.fields[*index].sql.to_string(),
            Expr::LowerAscii(text) => format!("lower({} COLLATE \"C\")", self.operand(text)),
            Expr::Length(text) => format!("char_length({})", self.operand(text)),
            Expr::Count(list) => format!("cardinality({})", self.operand(list)),
            Expr::Choose(condition, yes, no) => {
                let condition = self.predicate(condition, true);
                let (yes, no) = (self.operand(yes), self.operand(no));
                format!("CASE WHEN {condition} THEN {yes} ELSE {no} END")
            }
            _ => format!("(({}) IS TRUE)", self.predicate(expr, true)),
        }
    }

    /// The value of an expression that reads no column, unset when it cannot be computed.
    fn constant(&self, expr: &Expr) -> Option<Value<'static>> {
        let fixed = expr.needs() != Needs::Record;
        fixed.then(|| eval::constant(expr, self.moment, Failure::Unset).unwrap_or(Value::Null))
    }

    /// How many decimal places an integer operand stands for; `None` when it is not stored as an integer.
    fn scale(&self, expr: &Expr) -> Option<u32> {
        match expr {
            Expr::Length(_) | Expr::Count(_) => Some(0),
            Expr::Field(index) => match self.fields[*index].kind {
                Kind::Int => Some(0),
                Kind::Decimal { scale } => Some(scale),
                _ => None,
            },
            _ => None,
        }
    }

    fn is_text(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Field(index) => self.fields[*index].kind == Kind::Text,
            Expr::LowerAscii(_) => true,
            _ => false,
        }
    }

    /// Lets unset values pass where the predicate is wanted false.
    fn guarded(&self, operands: &[&Expr], text: String, wanted: bool) -> String {
        let mut columns: Vec<&str> =
            operands.iter().filter_map(|operand| self.nullable_column(operand)).collect();
        columns.dedup();
        if wanted || columns.is_empty() {
            return text;
        }
        let unset: Vec<String> = columns.iter().map(|column| format!("{column} IS NULL")).collect();
        format!("({} OR {text})", unset.join(" OR "))
    }

    fn nullable_column(&self, expr: &Expr) -> Option<&str> {
        match expr {
            Expr::Field(index) => {
                Some(&self.fields[*index]).filter(|field| field.nullable).map(|field| &*field.sql)
            }
            Expr::LowerAscii(inner) | Expr::Length(inner) | Expr::Count(inner) => self.nullable_column(inner),
            _ => None,
        }
    }

    fn bind(&mut self, bind: Bind) -> String {
        self.binds.push(bind);
        format!("${}", self.first_placeholder + self.binds.len() - 1)
    }
}

impl Comparison {
    /// The operator that is true when the comparison's truth is the wanted one and both sides are set.
    fn symbol(self, wanted: bool) -> &'static str {
        match (self, wanted) {
            (Self::Equal, true) => "=",
            (Self::Equal, false) => "<>",
            (Self::Less, true) | (Self::AtLeast, false) => "<",
            (Self::AtMost, true) | (Self::Greater, false) => "<=",
            (Self::Greater, true) | (Self::AtMost, false) => ">",
            (Self::AtLeast, true) | (Self::Less, false) => ">=",
        }
    }
}

fn truth(holds: bool) -> String {
    if holds { "TRUE" } else { "FALSE" }.to_owned()
}

/// An integer operand as the exact number it stands for.
fn as_numeric(operand: &str, scale: u32) -> String {
    match scale {
        0 => format!("{operand}::numeric"),
        _ => format!("({operand}::numeric * 1e-{scale})"),
    }
}

//! The fields an expression may use: their kinds, their columns, and who may see them.

use std::borrow::Cow;

use super::document::Place;

/// What a field holds, and how its column stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `text`.
    Text,
    /// `boolean`.
    Bool,
    /// Any of Postgres's integers.
    Int,
    /// An exact amount stored as `bigint`: the value times 10 to the power of `scale`.
    Decimal {
        /// How many fractional digits the column keeps.
        scale: u32,
    },
    /// `numeric`.
    Numeric,
    /// `timestamptz`.
    Timestamp,
    /// `date`.
    Date,
    /// `uuid`, written as text in expressions.
    Uuid,
    /// `smallint`, written as the name of one of these values in expressions.
    Enum(&'static [(&'static str, i32)]),
    /// `text[]`.
    TextList,
}

/// One field of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name callers use: `display_name`, `address.city`, `custom.score`.
    pub path: Cow<'static, str>,
    /// What it holds.
    pub kind: Kind,
    /// Its column, or an expression in parentheses; written by us, never by a caller.
    pub sql: Cow<'static, str>,
    /// Whether the column can be NULL.
    pub nullable: bool,
    /// Whether the caller sees it masked, and so may not select by it.
    pub masked: bool,
    /// Where it stands, for a field of a JSON document.
    pub document: Option<Place>,
}

/// When a field counts as set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    NotNull,
    NotEmpty,
}

impl Field {
    /// A field that is always set and that everyone may see.
    #[must_use]
    pub const fn new(path: &'static str, kind: Kind, sql: &'static str) -> Self {
        let (path, sql) = (Cow::Borrowed(path), Cow::Borrowed(sql));
        Self { path, kind, sql, nullable: false, masked: false, document: None }
    }

    /// The same field over a column that can be NULL.
    #[must_use]
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    pub(super) fn presence(&self) -> Presence {
        match self.kind {
            _ if self.nullable => Presence::NotNull,
            Kind::Text | Kind::TextList => Presence::NotEmpty,
            _ => Presence::Always,
        }
    }
}

/// The fields of one resource as one caller sees them.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    fixed: &'static [Field],
    custom: Vec<Field>,
    masked: Vec<Cow<'static, str>>,
}

impl Schema {
    /// A schema of fields known at compile time; copies nothing.
    #[must_use]
    pub const fn new(fixed: &'static [Field]) -> Self {
        Self { fixed, custom: Vec::new(), masked: Vec::new() }
    }

    /// Adds fields known only at run time, such as a tenant's own. A fixed field of the same path wins.
    #[must_use]
    pub fn with_custom(mut self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.custom.extend(fields);
        self
    }

    /// Masks fields for this caller, besides those that are masked for everyone.
    #[must_use]
    pub fn with_masked<P: Into<Cow<'static, str>>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.masked.extend(paths.into_iter().map(Into::into));
        self
    }

    /// The field at a path.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<&Field> {
        self.fields().find(|field| field.path == path)
    }

    /// Whether this caller sees a field masked.
    #[must_use]
    pub fn is_masked(&self, field: &Field) -> bool {
        field.masked || self.masked.contains(&field.path)
    }

    /// Every field, the fixed ones first.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fixed.iter().chain(&self.custom)
    }
}

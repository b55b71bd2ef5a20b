//! Pages of the small lists, which have one order: that of the ids, which is the order in which records were created.
//!
//! Users and exchange rates, which are many, are listed by the kit's list builder instead.

use crm_kit_api::{
    Call, Result,
    page::{self, Binding, Token},
};
use uuid::Uuid;

/// Which page is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// Id of the last record of the page before.
    pub after: Option<Uuid>,
    limit: usize,
    binding: Binding,
}

impl Paging {
    /// Reads size and token of a request; `parts` are the fields that must not change between pages.
    pub fn read(call: &Call, page_size: i32, page_token: &str, parts: &[&str]) -> Result<Self> {
        let parts: Vec<&str> = std::iter::once(call.method.as_ref()).chain(parts.iter().copied()).collect();
        let binding = Binding::new(call.tenant_id(), &parts);
        let token = Token::decode(page_token, binding, 0)?;
        Ok(Self { after: token.map(|token| token.id), limit: page::size(page_size), binding })
    }

    /// Rows to read: one more than the page has, to know whether there is another.
    pub fn rows(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// The page's records and the token of the next.
    pub fn cut<R>(&self, mut rows: Vec<R>, id: impl Fn(&R) -> Uuid) -> (Vec<R>, String) {
        if rows.len() <= self.limit {
            return (rows, String::new());
        }
        rows.truncate(self.limit);
        let next = rows.last().map(|row| Token { keys: Vec::new(), id: id(row) }.encode(self.binding));
        (rows, next.unwrap_or_default())
    }
}

//! Use cases of price books.

use crm_kit_api::{
    Call, Error, Result, etag, id, mask,
    page::{self, Binding, Token},
};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::sales::v1::PriceBook as Wire;
use prost::Name as _;
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use super::{
    COLLECTION, convert, events,
    model::{MAX_BOOKS, PriceBook},
    store,
};
use crate::DOMAIN;

/// The use cases of price books. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PriceBooks {
    /// The service's database.
    pub db: Db,
}

impl PriceBooks {
    /// The price book with an id.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Wire> {
        let (tenant, id) = (call.tenant_id(), id::parse("id", id)?);
        let found = self
            .db
            .read_one(call, move |one| Box::pin(async move { store::get(one.conn(), tenant, id).await }))
            .await?;
        found.as_ref().map(convert::to_wire).ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// A page of price books and the token of the next one.
    pub async fn list(
        &self,
        call: &Call,
        page_size: i32,
        page_token: &str,
        show_retired: bool,
    ) -> Result<(Vec<Wire>, String)> {
        let (tenant, size) = (call.tenant_id(), page::size(page_size));
        let binding = Binding::new(tenant, &[COLLECTION, if show_retired { "retired" } else { "" }]);
        let after = Token::decode(page_token, binding, 0)?.map_or(Uuid::nil(), |token| token.id);
        let limit = i64::try_from(size + 1).map_err(Error::internal)?;
        let mut found = self
            .db
            .read_one(call, move |one| {
                Box::pin(async move { store::page(one.conn(), tenant, show_retired, after, limit).await })
            })
            .await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next = last.map(|last| Token { keys: Vec::new(), id: last.id }.encode(binding));
        Ok((found.iter().map(convert::to_wire).collect(), next.unwrap_or_default()))
    }

    /// Creates a price book.
    pub async fn create(&self, call: &Call, wire: Wire) -> Result<Wire> {
        let book = &convert::read(wire, convert::fresh(call))?;
        self.db.write(call, "create", move |tx| Box::pin(async move { create(tx, call, book).await })).await
    }

    /// Changes a price book.
    pub async fn update(&self, call: &Call, wire: Wire, update_mask: Option<FieldMask>) -> Result<Wire> {
        let (wire, update_mask) = (&wire, update_mask.as_ref());
        self.db
            .write(call, "update", move |tx| {
                Box::pin(async move { update(tx, call, wire, update_mask).await })
            })
            .await
    }
}

async fn create(tx: &mut Tx<'_>, call: &Call, book: &PriceBook) -> Result<Wire> {
    let tenant = tx.tenant_id();
    let known = store::lock_all(tx.conn(), tenant).await?;
    if known.len() >= MAX_BOOKS {
        let message = format!("the tenant has {MAX_BOOKS} price books already");
        let error = Error::new(Code::ResourceExhausted, DOMAIN, "PRICE_BOOK_LIMIT", message);
        return Err(error.with("limit", MAX_BOOKS));
    }
    if book.is_standard {
        take_standard(tx, call, &known, book).await?;
    }
    store::insert(tx.conn(), book).await?;
    tx.record(events::created(book));
    Ok(convert::to_wire(book))
}

async fn update(tx: &mut Tx<'_>, call: &Call, wire: &Wire, update_mask: Option<&FieldMask>) -> Result<Wire> {
    let (tenant, id) = (tx.tenant_id(), id::parse("price_book.id", &wire.id)?);
    let known = store::lock_all(tx.conn(), tenant).await?;
    let was = known.iter().find(|known| known.id == id).ok_or_else(|| Error::not_found(COLLECTION, id))?;
    etag::check(&wire.etag, was.revision)?;
    let before = convert::to_wire(was);
    let descriptor = crm_proto::message(&Wire::full_name());
    let merged = mask::merge(&descriptor, &before, wire, update_mask, convert::FIXED)?;
    let mut book = convert::read(merged, was.clone())?;
    if book == *was {
        return Ok(before);
    }
    book.revision += 1;
    book.update_time = call.now;
    if book.is_standard && !was.is_standard {
        take_standard(tx, call, &known, &book).await?;
    }
    store::update(tx.conn(), &book).await?;
    tx.record(events::updated(was, &book)?);
    Ok(convert::to_wire(&book))
}

/// Takes the mark of the standard book from the one of the currency that has it.
async fn take_standard(tx: &mut Tx<'_>, call: &Call, known: &[PriceBook], taker: &PriceBook) -> Result<()> {
    let same = known.iter().filter(|known| known.currency_code == taker.currency_code && known.is_standard);
    for was in same {
        let mut book = was.clone();
        book.is_standard = false;
        book.revision += 1;
        book.update_time = call.now;
        store::update(tx.conn(), &book).await?;
        tx.record(events::updated(was, &book)?);
    }
    Ok(())
}

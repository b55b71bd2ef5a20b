//! Orders of quotes: what was offered is what is ordered, to the last digit, and a quote becomes one order.

use crm_kit_api::{Call, Result, id};
use crm_kit_pg::Tx;
use crm_kit_record::{Record, custom_field::Fields, field::id_text, life, only};
use crm_proto::crm::sales::v1::Order as Wire;
use uuid::Uuid;

use super::{Order, Orders, store};
use crate::{
    document::price::Priced,
    quote::{self, Quote},
};

/// Permission to see what is offered.
const READ_QUOTES: &str = "sales.quotes.read";

impl Orders {
    /// The order of an accepted quote, made when there is none. Revisions of the quote are held meanwhile, so that of two callers at once the second
    /// finds the order of the first.
    pub async fn of_quote(&self, call: &Call, quote_id: &str) -> Result<Wire> {
        call.require(READ_QUOTES)?;
        let (fields, id) = (&self.slice.fields(call).await?, id::parse("quote_id", quote_id)?);
        let of = &self.slice.catalog.fields(call.tenant_id(), quote::COLLECTION).await?;
        let blank = Wire::default();
        let work = self.slice.make(call, fields, &blank, move |base| {
            Box::pin(async move {
                let base = &base;
                self.slice
                    .db
                    .write(call, "fromQuote", move |tx| {
                        Box::pin(async move { find_or_make(tx, call, (fields, of), id, base).await })
                    })
                    .await
            })
        });
        work.await
    }
}

async fn find_or_make(
    tx: &mut Tx<'_>,
    call: &Call,
    (fields, of): (&Fields, &Fields),
    quote_id: Uuid,
    base: &Order,
) -> Result<Wire> {
    let quote = quote::hold_accepted(tx, call, quote_id).await?;
    let tenant = tx.tenant_id();
    if let Some(known) = store::of_quote(tx.conn(), tenant, quote_id).await? {
        call.require("sales.orders.read")?;
        let found = Order::get(tx.conn(), tenant, &[known], Order::KIND.owners(call)).await?;
        let order = found.into_iter().next().ok_or_else(store::ordered)?;
        return Ok(order.to_wire(fields));
    }
    let custom = fields.to_wire(&fields.taken_over(of, &quote.custom));
    let wire = Wire { custom, ..content(&quote) };
    let order = life::read_owned(call, fields, wire, base.clone(), None)?;
    let mut order = Order { sheet: quote.sheet, ..order };
    order.priced(call, fields, None)?;
    life::insert(tx, call, fields, &[order]).await.map(only)
}

/// What an order takes over of a quote, but for what is priced.
fn content(quote: &Quote) -> Wire {
    Wire {
        display_name: quote.display_name.clone(),
        account_id: id_text(quote.account_id),
        account_name: quote.account_name.clone(),
        contact_id: id_text(quote.contact_id),
        contact_name: quote.contact_name.clone(),
        opportunity_id: id_text(quote.opportunity_id),
        quote_id: quote.id.to_string(),
        ..Wire::default()
    }
}

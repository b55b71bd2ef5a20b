//! Orders of quotes: what was offered is what is ordered, to the last digit, and a quote becomes one order.

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::Tx;
use crm_kit_record::{Record, custom_field::Fields, field::id_text, life, number, only};
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
        let blank = Wire::default();
        for _ in 0..number::ATTEMPTS {
            // The number is taken before the transaction, and given back when there is an order already.
            let mut numbers = self.slice.numbers_for(call, fields, std::iter::once(&blank)).await?;
            let base = &numbers.fresh(call, &blank);
            let work = self.slice.db.write(call, "fromQuote", move |tx| {
                Box::pin(async move { find_or_make(tx, call, fields, id, base).await })
            });
            let outcome = work.await;
            match &outcome {
                Err(error) if self.slice.passes(call, &numbers, error).await? => continue,
                Ok(order) if order.id == base.id.to_string() => {}
                _ => self.slice.give_back(call, &numbers.into_taken()).await,
            }
            return outcome;
        }
        Err(Error::concurrent_change())
    }
}

async fn find_or_make(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
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
    let order = life::read_owned(call, fields, content(&quote), base.clone(), None)?;
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

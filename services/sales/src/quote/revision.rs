//! New quotes from old ones: the next revision, and a copy that is a quote of its own.

use crm_kit_api::{Call, Result, etag, id};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Choice, Record as _,
    custom_field::{Fields, refresh},
    life as record, only, single,
};
use crm_proto::crm::sales::v1::{
    CopyQuoteRequest, DocumentLine, Quote as Wire,
    quote::{ApprovalState, State},
};
use sqlx::types::Json;

use super::{Quote, Quotes, life, ops, store};

impl Quotes {
    /// Begins the next revision of the latest one, with the same content and prices.
    pub async fn revise(&self, call: &Call, (id, etag): (&str, &str)) -> Result<Wire> {
        let (fields, id) = (&self.slice.fields(call).await?, id::parse("id", id)?);
        // Its number is that of the quote, and follows in the transaction.
        let named = Wire { number: "-".to_owned(), ..Wire::default() };
        let work = self.slice.make(call, fields, &named, move |fresh| {
            Box::pin(async move {
                let fresh = &fresh;
                self.slice
                    .db
                    .write(call, "revise", move |tx| {
                        Box::pin(async move {
                            let (was, _) = ops::hold(tx, call, id, true).await?;
                            etag::check(etag, was.revision)?;
                            revise(tx, call, fields, (&was, fresh)).await
                        })
                    })
                    .await
            })
        });
        work.await
    }

    /// Makes a new quote with the content of another one, priced anew.
    pub async fn copy(&self, call: &Call, request: CopyQuoteRequest) -> Result<Wire> {
        // Whoever copies a quote reads it.
        call.require("sales.quotes.read")?;
        let (fields, id) = (self.slice.fields(call).await?, id::parse("id", &request.id)?);
        let quote = self.slice.found(call, id).await?;
        let was = quote.to_wire(&fields);
        let mut wire = Wire {
            number: String::new(),
            opportunity_id: was.opportunity_id.clone(),
            valid_until: request.valid_until,
            external_ids: Vec::new(),
            owner_id: String::new(),
            lines: was.lines.iter().cloned().map(anew).collect(),
            custom: fields.to_wire(&fields.taken_over(&fields, &quote.custom)),
            ..was
        };
        if !request.opportunity_id.is_empty() {
            wire.opportunity_id = request.opportunity_id;
        }
        self.slice.create(call, vec![wire], single, only).await
    }
}

/// Stores the next revision. The revisions are held; one that was begun while this call waited for them is seen by looking again.
async fn revise(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    (was, fresh): (&Quote, &Quote),
) -> Result<Wire> {
    let tenant = tx.tenant_id();
    let revisions = store::lock_revisions(tx.conn(), tenant, was.id).await?;
    let later = revisions.iter().filter(|other| other.revision_number > was.revision_number);
    if let Some(later) = later.clone().find(|other| other.delete_time.is_none()) {
        return Err(life::revised(later));
    }
    life::must_be(was, call.now, &[State::Approved, State::Presented, State::Rejected, State::Expired])?;
    // A revision in the recycle bin keeps its number.
    let next = later.map(|later| later.revision_number).max().unwrap_or(was.revision_number) + 1;
    let mut quote = Quote {
        id: fresh.id,
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        number: format!("{}-R{next}", was.base_number),
        revision_number: next,
        state: Choice(State::Draft),
        approval_state: Choice(ApprovalState::Unspecified),
        approval_request_id: None,
        approval_comment: String::new(),
        submitted_revision: 0,
        submit_time: None,
        close_time: None,
        close_reason: String::new(),
        external_ids: Json(Vec::new()),
        custom: Json(fields.continued(&was.custom, &fresh.custom)),
        ..was.clone()
    };
    refresh::evaluate(fields, &mut quote, call.moment());
    record::insert(tx, call, fields, &[quote]).await.map(only)
}

/// A line that gets the list price of today, unless its price was the caller's own.
fn anew(line: DocumentLine) -> DocumentLine {
    let is_list = !line.product_id.is_empty() && line.unit_price == line.list_price;
    DocumentLine {
        id: String::new(),
        unit_price: if is_list { String::new() } else { line.unit_price },
        ..line
    }
}

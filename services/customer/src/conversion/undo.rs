//! Taking a conversion back that sales refuses: what it created goes to the recycle bin, what it filled is emptied, the lead is as before. A record that
//! somebody changed since stays as it is, and the conversion says so.

use crm_kit_api::{Call, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Choice, Delete, Record,
    custom_field::Fields,
    life::{self, Revision},
    single,
};
use crm_proto::crm::customer::v1::{Account as WireAccount, Contact as WireContact, conversion::State};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Conversions,
    model::{Conversion, Problem, Trace},
    saga::DOUBT,
    store,
    target::{self, Own},
};
use crate::{account::Account, contact::Contact, lead::Lead};

impl Conversions {
    /// Takes a conversion back unless a question may still take effect or a later one was asked; whether it has an end now. Of a question that is
    /// only looked after (`looked`), the last one has to be past as well.
    pub(super) async fn compensate(
        &self,
        call: &Call,
        conversion: &Conversion,
        problem: &Problem,
        looked: bool,
    ) -> Result<bool> {
        let own = &self.own(call).await?;
        self.leads
            .db
            .write_rows(call, "compensate", move |tx| {
                Box::pin(async move {
                    let (tenant, id) = (conversion.tenant_id, conversion.id);
                    let mut held = life::hold::<Lead>(tx, call, &[conversion.lead_id]).await?;
                    let Some(mut row) = store::lock(tx.conn(), tenant, id).await? else { return Ok(true) };
                    if row.state.0 != State::AccountsDone {
                        return Ok(true);
                    }
                    let last = row.attempt_time.filter(|_| looked).map(|asked| asked + DOUBT);
                    let is_open = row.doubt_until.max(last).is_some_and(|until| until > call.now);
                    if row.attempts != conversion.attempts || is_open {
                        return Ok(false);
                    }
                    undo(tx, call, own, &mut row).await?;
                    if let Some(was) = held.remove(&row.lead_id) {
                        let mut lead = was.clone();
                        lead.conversion_id = None;
                        let revision = Revision::new(&own.leads, was, lead);
                        life::write(tx, call, &own.leads, vec![revision]).await?;
                    }
                    (row.state, row.update_time) = (Choice(State::Compensated), Some(call.now));
                    row.problem = Some(Json(problem.clone()));
                    store::end(tx.conn(), &row).await.map(|()| true)
                })
            })
            .await
    }
}

/// Takes back contact and account.
async fn undo(tx: &mut Tx<'_>, call: &Call, own: &Own, row: &mut Conversion) -> Result<()> {
    let (account_id, contact_id) = (row.account_id, row.contact_id);
    if let (Some(id), Some(trace)) = (contact_id, row.traces.contact.clone()) {
        let empty = |is: &WireContact| {
            let accounts =
                is.accounts.iter().filter(|tie| Some(&tie.account_id) != text(account_id).as_ref());
            let accounts = accounts.cloned().collect();
            WireContact { id: is.id.clone(), accounts, ..WireContact::default() }
        };
        if take_back::<Contact>(tx, call, &own.contacts, row, (id, &trace), empty).await? {
            row.contact_id = None;
        } else {
            row.kept.push("contact".to_owned());
        }
    }
    if let (Some(id), Some(trace)) = (account_id, row.traces.account.clone()) {
        // A contact that was kept is tied to the account.
        let is_used = trace.created && store::is_used(tx.conn(), row.tenant_id, id, None).await?;
        let empty = |is: &WireAccount| WireAccount { id: is.id.clone(), ..WireAccount::default() };
        if !is_used && take_back::<Account>(tx, call, &own.accounts, row, (id, &trace), empty).await? {
            row.account_id = None;
        } else {
            row.kept.push("account".to_owned());
        }
    }
    Ok(())
}

fn text(id: Option<Uuid>) -> Option<String> {
    id.map(|id| id.to_string())
}

/// Takes one record back; whether nobody changed it since.
async fn take_back<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    row: &Conversion,
    (id, trace): (Uuid, &Trace),
    empty: impl Fn(&R::Wire) -> R::Wire,
) -> Result<bool> {
    let mut held = life::hold::<R>(tx, call, &[id]).await?;
    let Some(was) = held.remove(&id).filter(|record| record.head().delete_time.is_none()) else {
        // Somebody deleted what was created: there is nothing to take back.
        return Ok(trace.created);
    };
    let newer = was.head().revision - trace.revision;
    if newer != 0 && newer != store::refreshes(tx.conn(), row.tenant_id, id, row.create_time).await? {
        return Ok(false);
    }
    if trace.created {
        let delete = Delete { id: id.to_string(), etag: String::new() };
        life::delete::<R>(tx, call, fields, &[delete], single).await?;
        return Ok(true);
    }
    let mut paths = trace.filled.clone();
    if trace.tied {
        paths.push("accounts".to_owned());
    }
    let wire = empty(&was.to_wire(fields));
    target::write(tx, call, fields, was, (wire, paths)).await.map(|_| true)
}

//! Giving out leads that came in without an owner.

use std::collections::BTreeSet;

use crm_kit_api::{Call, Result, filter::Filter, sensitivity::Masks};
use crm_kit_pg::{
    Tx,
    people::{State, colleagues},
};
use crm_kit_record::{Record as _, custom_field::Fields};
use uuid::Uuid;

use super::{model::AssignmentRule, store};
use crate::lead::Lead;

/// Gives leads that have neither owner nor pool to whom the rules say, or else to their creator.
pub async fn apply(tx: &mut Tx<'_>, call: &Call, fields: &Fields, leads: &mut [Lead]) -> Result<()> {
    let tenant = tx.tenant_id();
    let mut open: Vec<&mut Lead> = leads.iter_mut().filter(|lead| is_open(lead)).collect();
    if open.is_empty() {
        return Ok(());
    }
    for rule in store::all(tx.conn(), tenant).await?.iter().filter(|rule| !rule.disabled) {
        let mut chosen = chosen(call, fields, rule, &mut open);
        if chosen.is_empty() {
            continue;
        }
        match rule.pool_id {
            Some(pool_id) => chosen.iter_mut().for_each(|lead| lead.pool_id = Some(pool_id)),
            None => in_turn(tx, call, rule, &mut chosen).await?,
        }
        for lead in chosen.into_iter().filter(|lead| !is_open(lead)) {
            lead.status_reason.clone_from(&rule.display_name);
        }
        open.retain(|lead| is_open(lead));
    }
    for lead in open {
        lead.owner_id = Some(call.caller_id());
    }
    Ok(())
}

fn is_open(lead: &Lead) -> bool {
    lead.owner_id.is_none() && lead.pool_id.is_none()
}

/// Those of the leads that the rule's condition holds for. A condition that cannot be read any more, because a field is gone, holds for none.
fn chosen<'o>(
    call: &Call,
    fields: &Fields,
    rule: &AssignmentRule,
    open: &'o mut [&mut Lead],
) -> Vec<&'o mut Lead> {
    let schema = Lead::KIND.schema.filter_schema(fields, &Masks::default());
    let filter = match Filter::parse(&rule.condition, &schema) {
        Ok(filter) => filter,
        Err(error) => {
            tracing::warn!(rule = %rule.id, %error, "an assignment rule cannot be read");
            return Vec::new();
        }
    };
    let moment = call.moment();
    let holds = |lead: &Lead| {
        let standard = |path: &str| lead.filter_value(path);
        filter.matches(&|path| fields.lookup(&lead.custom, &standard, path), moment)
    };
    open.iter_mut().map(|lead| &mut **lead).filter(|lead| holds(lead)).collect()
}

/// Gives leads to the live users of a rule, each in turn; to nobody when none is live.
async fn in_turn(tx: &mut Tx<'_>, call: &Call, rule: &AssignmentRule, leads: &mut [&mut Lead]) -> Result<()> {
    let tenant = tx.tenant_id();
    let known = colleagues(tx.conn(), tenant, &rule.user_ids).await?;
    let live: BTreeSet<Uuid> =
        known.iter().filter(|known| known.state == State::Active).map(|known| known.id).collect();
    // Callers are live: their credential has just been accepted.
    let users = rule.user_ids.iter().filter(|id| live.contains(id) || call.access.user_id() == Some(**id));
    let users: Vec<Uuid> = users.copied().collect();
    let (Ok(count), Ok(size)) = (i64::try_from(leads.len()), i64::try_from(users.len())) else {
        return Ok(());
    };
    if size == 0 {
        return Ok(());
    }
    let Some(first) = store::take_turns(tx.conn(), tenant, rule.id, count).await? else { return Ok(()) };
    for (turn, lead) in (first..).zip(leads) {
        let index = usize::try_from(turn.rem_euclid(size)).unwrap_or(0);
        lead.give(users[index], call.now);
    }
    Ok(())
}

//! The sets that the last scan found, as a caller may see them.

use std::collections::HashMap;

use crm_kit_api::{
    Call, Error, Result, id,
    page::{self, Binding, Token},
    time,
};
use crm_kit_pg::Tx;
use crm_kit_value::name::person;
use crm_proto::crm::customer::v1::{DuplicateSet as Wire, DuplicateSetMember};
use uuid::Uuid;

use super::{DuplicateScans, SETS, convert, model::Set, store};
use crate::duplicate::store::{Standing, standing};

impl DuplicateScans {
    /// One set.
    pub async fn set(&self, call: &Call, id: &str) -> Result<Wire> {
        let (id, tenant) = (id::parse("id", id)?, call.tenant_id());
        let shown = self.db.read(call, move |tx| {
            Box::pin(async move {
                let found = store::sets(tx.conn(), tenant, (Some(id), ""), None, 1).await?;
                let collection = found.first().map(|set| set.collection.clone()).unwrap_or_default();
                show(tx, call, &collection, found).await
            })
        });
        shown.await?.pop().ok_or_else(|| Error::not_found(SETS, id))
    }

    /// A page of the sets of a collection and the token of the next one.
    pub async fn sets(
        &self,
        call: &Call,
        collection: &str,
        size: i32,
        token: &str,
    ) -> Result<(Vec<Wire>, String)> {
        let collection = convert::collection("collection", collection)?;
        let (tenant, size) = (call.tenant_id(), page::size(size));
        let binding = Binding::new(tenant, &[SETS, collection]);
        let after = Token::decode(token, binding, 0)?.map(|token| token.id);
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        self.db
            .read(call, move |tx| {
                Box::pin(async move {
                    let mut found = store::sets(tx.conn(), tenant, (None, collection), after, limit).await?;
                    let more = found.len() > size;
                    found.truncate(size);
                    let last =
                        found.last().filter(|_| more).map(|set| Token { keys: Vec::new(), id: set.id });
                    let next = last.map(|token| token.encode(binding)).unwrap_or_default();
                    Ok((show(tx, call, collection, found).await?, next))
                })
            })
            .await
    }
}

/// The sets with those of their records that live; without those that have less than two left.
async fn show(tx: &mut Tx<'_>, call: &Call, collection: &str, sets: Vec<Set>) -> Result<Vec<Wire>> {
    let (tenant, ids) = (tx.tenant_id(), sets.iter().flat_map(|set| set.record_ids.iter().copied()));
    let ids: Vec<Uuid> = ids.collect();
    let live = standing(tx.conn(), tenant, collection, &ids).await?;
    let live: HashMap<Uuid, Standing> = live.into_iter().map(|record| (record.id, record)).collect();
    let wires = sets.into_iter().map(|set| {
        let members = set.record_ids.iter().zip(&set.probabilities);
        let members = members.filter_map(|(id, probability)| Some((live.get(id)?, *probability)));
        Wire {
            id: set.id.to_string(),
            create_time: Some(time::timestamp(set.create_time)),
            members: members_seen(call, members.collect()),
            scan_id: set.scan_id.to_string(),
            collection: set.collection,
        }
    });
    Ok(wires.filter(|wire| wire.members.len() > 1).collect())
}

/// The records of a set with their likeness, as the caller may see them. Of a record outside its scope stay the id and a masked name; and because a
/// likeness is one to another record of the set, it is told only of sets that lie within the scope altogether.
fn members_seen(call: &Call, members: Vec<(&Standing, f64)>) -> Vec<DuplicateSetMember> {
    let is_visible = |record: &Standing| call.access.scope.covers(record.owner_id);
    let whole = members.iter().all(|(record, _)| is_visible(record));
    let seen = members.into_iter().map(|(record, probability)| {
        let visible = is_visible(record);
        let name = &record.display_name;
        DuplicateSetMember {
            id: record.id.to_string(),
            display_name: if visible { name.clone() } else { person::mask(name) },
            visible,
            owner_id: record.owner_id.filter(|_| visible).map(|owner| owner.to_string()).unwrap_or_default(),
            probability: if whole { probability } else { 0.0 },
        }
    });
    seen.collect()
}

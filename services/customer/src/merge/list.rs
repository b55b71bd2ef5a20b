//! Looking merges up.

use std::{collections::BTreeMap, sync::Arc};

use crm_kit_api::{
    Call, Error, Result, id,
    page::{self, Binding, Token},
};
use crm_kit_record::{Kind, Record as _, custom_field::Fields};
use crm_proto::crm::customer::v1::{ListMergesRequest, ListMergesResponse, Merge as Wire};

use super::{
    COLLECTION, Merges, convert,
    model::Merge,
    store::{self, Wanted},
};
use crate::{account::Account, contact::Contact, lead::Lead};

type Known = BTreeMap<&'static str, (&'static Kind, Arc<Fields>)>;

impl Merges {
    /// One merge.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Wire> {
        let merge = self.seen(call, id).await?;
        Ok(wire(call, &self.known(call).await?, &merge))
    }

    /// A merge that led to a record in the caller's scope.
    pub(super) async fn seen(&self, call: &Call, id: &str) -> Result<Merge> {
        let id = id::parse("id", id)?;
        let wanted = Wanted { id: Some(id), collection: "", record_id: None, before: None, limit: 1 };
        self.find(call, wanted).await?.pop().ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// A page of merges.
    pub async fn list(&self, call: &Call, request: &ListMergesRequest) -> Result<ListMergesResponse> {
        let (tenant, size) = (call.tenant_id(), page::size(request.page_size));
        let record_id = id::parse_optional("record_id", &request.record_id)?;
        let binding = Binding::new(tenant, &[COLLECTION, &request.collection, &request.record_id]);
        let before = Token::decode(&request.page_token, binding, 0)?.map(|token| token.id);
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let wanted = Wanted { id: None, collection: &request.collection, record_id, before, limit };
        let mut found = self.find(call, wanted).await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|merge| Token { keys: Vec::new(), id: merge.id });
        let next_page_token = last.map(|token| token.encode(binding)).unwrap_or_default();
        let known = self.known(call).await?;
        let merges = found.iter().map(|merge| wire(call, &known, merge)).collect();
        Ok(ListMergesResponse { merges, next_page_token })
    }

    async fn find(&self, call: &Call, wanted: Wanted<'_>) -> Result<Vec<Merge>> {
        let (tenant, owners) = (call.tenant_id(), call.access.scope.owners());
        self.db
            .list(call, move |tx| {
                Box::pin(async move { store::list(tx.conn(), tenant, wanted, owners).await })
            })
            .await
    }

    async fn known(&self, call: &Call) -> Result<Known> {
        Ok(BTreeMap::from([
            (Account::KIND.collection, (Account::KIND, self.accounts.fields(call).await?)),
            (Contact::KIND.collection, (Contact::KIND, self.contacts.fields(call).await?)),
            (Lead::KIND.collection, (Lead::KIND, self.leads.fields(call).await?)),
        ]))
    }
}

fn wire(call: &Call, known: &Known, merge: &Merge) -> Wire {
    match known.get(merge.collection.as_str()) {
        Some((kind, fields)) => convert::to_wire(call, kind, fields, merge),
        None => convert::untaken(merge),
    }
}

//! The use cases of one kind of record. Its life is in [`crate::life`], lists are in [`crate::list`], bulk writing is in [`crate::upsert`].

use std::{collections::BTreeMap, sync::Arc};

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::{Db, people::People};
use tonic::Code;
use uuid::Uuid;

use crate::{
    Record,
    custom_field::{Catalog, Fields},
    external_id,
    life::not_found,
    number::Numbers,
    redirect,
};

/// What the use cases of all kinds of a service are made of. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Records {
    /// The service's database.
    pub db: Db,
    /// The tenants' own fields.
    pub catalog: Catalog,
    /// Numbers of new records.
    pub numbers: Numbers,
    /// Who may own records.
    pub people: People,
}

impl Records {
    /// Records kept in `db`.
    pub fn new(db: Db, catalog: Catalog, people: People) -> Self {
        Self { numbers: Numbers::new(db.clone()), db, catalog, people }
    }

    /// The use cases of one kind.
    pub fn slice<R>(&self) -> Slice<R> {
        let Self { db, catalog, numbers, people } = self.clone();
        Slice { db, catalog, numbers, people, kind: std::marker::PhantomData }
    }
}

/// The use cases of one kind of record, made by [`Records::slice`]. Cheap to clone.
#[derive(Debug)]
pub struct Slice<R> {
    /// The service's database.
    pub db: Db,
    /// The tenants' own fields.
    pub catalog: Catalog,
    /// Numbers of new records.
    pub numbers: Numbers,
    /// Who may own records.
    pub people: People,
    kind: std::marker::PhantomData<fn() -> R>,
}

impl<R> Clone for Slice<R> {
    fn clone(&self) -> Self {
        Self {
            db: self.db.clone(),
            catalog: self.catalog.clone(),
            numbers: self.numbers.clone(),
            people: self.people.clone(),
            kind: std::marker::PhantomData,
        }
    }
}

impl<R: Record> Slice<R> {
    /// The tenant's own fields on the collection.
    pub async fn fields(&self, call: &Call) -> Result<Arc<Fields>> {
        self.catalog.fields(call.tenant_id(), R::KIND.collection).await
    }

    /// The records with these ids, in their order. An id that leads to another record gives that one.
    pub async fn get(&self, call: &Call, ids: &[String]) -> Result<Vec<R::Wire>> {
        let ids = ids.iter().map(|id| id::parse("id", id)).collect::<Result<Vec<_>>>()?;
        let fields = self.fields(call).await?;
        let (tenant, owners, wanted) = (call.tenant_id(), R::KIND.owners(call), &ids);
        let found = self
            .db
            .read_one(call, move |one| {
                Box::pin(async move { R::get(one.conn(), tenant, wanted, owners).await })
            })
            .await?;
        let mut by_id: BTreeMap<Uuid, R> =
            found.into_iter().map(|record| (record.head().id, record)).collect();
        if R::REDIRECTS && ids.iter().any(|id| !by_id.contains_key(id)) {
            by_id.extend(redirect::found::<R>(&self.db, call, &ids, &by_id).await?);
        }
        let one = |id: &Uuid| by_id.get(id).ok_or_else(|| not_found::<R>(id));
        ids.iter().map(|id| Ok(one(id)?.to_wire(&fields))).collect()
    }

    /// The live record that another system knows by a name of its own.
    pub async fn lookup(&self, call: &Call, system: &str, value: &str) -> Result<R::Wire> {
        let tenant = call.tenant_id();
        let (systems, values) = (&[system.to_owned()], &[value.to_owned()]);
        let holders = self.db.read_one(call, move |one| {
            Box::pin(async move {
                external_id::holders(one.conn(), tenant, R::KIND.collection, systems, values).await
            })
        });
        let missing = || Error::not_found(R::KIND.collection, format!("{system}:{value}"));
        let holder = holders.await?.pop().ok_or_else(missing)?;
        let mut found = self
            .get(call, &[holder.record_id.to_string()])
            .await
            .map_err(|error| if error.code() == Code::NotFound { missing() } else { error })?;
        found.pop().ok_or_else(missing)
    }
}

//! `crm.customer.v1.PoolService`.

use crm_kit_api::{Call, Error, Result as Outcome, id};
use crm_kit_record::Slice;
use crm_kit_rpc::call;
use crm_proto::{
    crm::customer::v1::{
        AssignPoolRecordsRequest, AssignPoolRecordsResponse, BatchClaimPoolRecordsRequest,
        BatchClaimPoolRecordsResponse, ClaimPoolRecordRequest, ClaimResult, CreatePoolRequest,
        DeletePoolRequest, GetPoolRequest, ListOwnershipPeriodsRequest, ListOwnershipPeriodsResponse,
        ListPoolRecordsRequest, ListPoolRecordsResponse, ListPoolsRequest, ListPoolsResponse,
        MovePoolRecordsRequest, MovePoolRecordsResponse, Pool, PoolRecord, ReclaimPoolRecordsRequest,
        ReclaimPoolRecordsResponse, ReturnRecordsToPoolRequest, ReturnRecordsToPoolResponse,
        UpdatePoolRequest, pool_service_server::PoolService,
    },
    google::rpc::Status as WireStatus,
};
use prost::Message as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Pools, claim, convert, model, moves, moves::Wanted, ops::require_admin, place::Pooled, records};
use crate::{account, ownership};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl PoolService for Pools {
    async fn get_pool(&self, request: Request<GetPoolRequest>) -> Answer<Pool> {
        let call = call(&request)?;
        let pool = self.find(&call, "id", &request.get_ref().id).await?;
        Ok(Response::new(convert::to_wire(&pool)))
    }

    async fn list_pools(&self, request: Request<ListPoolsRequest>) -> Answer<ListPoolsResponse> {
        let call = call(&request)?;
        let pools = self.list(&call, &request.get_ref().collection).await?;
        Ok(Response::new(ListPoolsResponse { pools }))
    }

    async fn create_pool(&self, request: Request<CreatePoolRequest>) -> Answer<Pool> {
        let call = call(&request)?;
        let wire = request.into_inner().pool.unwrap_or_default();
        Ok(Response::new(self.create(&call, wire).await?))
    }

    async fn update_pool(&self, request: Request<UpdatePoolRequest>) -> Answer<Pool> {
        let call = call(&request)?;
        let UpdatePoolRequest { pool, update_mask } = request.into_inner();
        Ok(Response::new(self.update(&call, pool.unwrap_or_default(), update_mask).await?))
    }

    async fn delete_pool(&self, request: Request<DeletePoolRequest>) -> Answer<Pool> {
        let call = call(&request)?;
        let DeletePoolRequest { id, etag } = request.get_ref();
        Ok(Response::new(self.delete(&call, id, etag).await?))
    }

    async fn list_pool_records(
        &self,
        request: Request<ListPoolRecordsRequest>,
    ) -> Answer<ListPoolRecordsResponse> {
        let call = call(&request)?;
        let request = request.get_ref();
        let pool = self.find(&call, "pool_id", &request.pool_id).await?;
        Ok(Response::new(if pool.collection == account::COLLECTION {
            records::list(&self.accounts, &call, &pool, request).await?
        } else {
            records::list(&self.leads, &call, &pool, request).await?
        }))
    }

    async fn claim_pool_record(&self, request: Request<ClaimPoolRecordRequest>) -> Answer<PoolRecord> {
        let call = call(&request)?;
        let ClaimPoolRecordRequest { pool_id, record_id } = request.get_ref();
        let (pool, id) = (self.find(&call, "pool_id", pool_id).await?, id::parse("record_id", record_id)?);
        Ok(Response::new(if pool.collection == account::COLLECTION {
            claim_one(&self.accounts, &call, &pool, id).await?
        } else {
            claim_one(&self.leads, &call, &pool, id).await?
        }))
    }

    async fn batch_claim_pool_records(
        &self,
        request: Request<BatchClaimPoolRecordsRequest>,
    ) -> Answer<BatchClaimPoolRecordsResponse> {
        let call = call(&request)?;
        let BatchClaimPoolRecordsRequest { pool_id, record_ids } = request.get_ref();
        let pool = self.find(&call, "pool_id", pool_id).await?;
        let ids = convert::record_ids(record_ids)?;
        Ok(Response::new(if pool.collection == account::COLLECTION {
            claim_many(&self.accounts, &call, &pool, &ids).await?
        } else {
            claim_many(&self.leads, &call, &pool, &ids).await?
        }))
    }

    async fn assign_pool_records(
        &self,
        request: Request<AssignPoolRecordsRequest>,
    ) -> Answer<AssignPoolRecordsResponse> {
        let call = call(&request)?;
        let AssignPoolRecordsRequest { pool_id, record_ids, owner_id, reason } = request.into_inner();
        let (pool, owner) = (self.find(&call, "pool_id", &pool_id).await?, id::parse("owner_id", &owner_id)?);
        require_admin(&call, &pool)?;
        let wanted = Wanted { ids: convert::record_ids(&record_ids)?, reason };
        Ok(Response::new(if pool.collection == account::COLLECTION {
            assign(&self.accounts, &call, (&pool, owner), &wanted).await?
        } else {
            assign(&self.leads, &call, (&pool, owner), &wanted).await?
        }))
    }

    async fn return_records_to_pool(
        &self,
        request: Request<ReturnRecordsToPoolRequest>,
    ) -> Answer<ReturnRecordsToPoolResponse> {
        let call = call(&request)?;
        let ReturnRecordsToPoolRequest { collection, record_ids, pool_id, reason } = request.into_inner();
        let pool_id = id::parse_optional("pool_id", &pool_id)?;
        let wanted = Wanted { ids: convert::record_ids(&record_ids)?, reason };
        Ok(Response::new(if collection == account::COLLECTION {
            give_back(&self.accounts, &call, pool_id, &wanted).await?
        } else {
            give_back(&self.leads, &call, pool_id, &wanted).await?
        }))
    }

    async fn move_pool_records(
        &self,
        request: Request<MovePoolRecordsRequest>,
    ) -> Answer<MovePoolRecordsResponse> {
        let call = call(&request)?;
        let MovePoolRecordsRequest { pool_id, record_ids, target_pool_id, reason } = request.into_inner();
        let pool = self.find(&call, "pool_id", &pool_id).await?;
        let target = id::parse("target_pool_id", &target_pool_id)?;
        require_admin(&call, &pool)?;
        let wanted = Wanted { ids: convert::record_ids(&record_ids)?, reason };
        Ok(Response::new(if pool.collection == account::COLLECTION {
            relocate(&self.accounts, &call, (&pool, target), &wanted).await?
        } else {
            relocate(&self.leads, &call, (&pool, target), &wanted).await?
        }))
    }

    async fn reclaim_pool_records(
        &self,
        request: Request<ReclaimPoolRecordsRequest>,
    ) -> Answer<ReclaimPoolRecordsResponse> {
        let call = call(&request)?;
        let ReclaimPoolRecordsRequest { pool_id, dry_run } = request.get_ref();
        let pool = self.find(&call, "pool_id", pool_id).await?;
        Ok(Response::new(self.reclaim(&call, &pool, *dry_run).await?))
    }

    async fn list_ownership_periods(
        &self,
        request: Request<ListOwnershipPeriodsRequest>,
    ) -> Answer<ListOwnershipPeriodsResponse> {
        let call = call(&request)?;
        let ListOwnershipPeriodsRequest { collection, record_id } = request.get_ref();
        let id = id::parse("record_id", record_id)?;
        let periods = if *collection == account::COLLECTION {
            periods(&self.accounts, &call, id).await?
        } else {
            periods(&self.leads, &call, id).await?
        };
        Ok(Response::new(ListOwnershipPeriodsResponse { periods }))
    }
}

async fn claim_one<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    pool: &model::Pool,
    id: Uuid,
) -> Outcome<PoolRecord> {
    let fields = &slice.fields(call).await?;
    slice
        .db
        .write(call, "claim", move |tx| {
            Box::pin(async move {
                let claimed = claim::claim::<R>(tx, call, fields, pool, &[id]).await?.pop();
                claimed.unwrap_or_else(|| Err(Error::bug("a claim was not answered"))).map(R::pooled)
            })
        })
        .await
}

async fn claim_many<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    pool: &model::Pool,
    ids: &[Uuid],
) -> Outcome<BatchClaimPoolRecordsResponse> {
    let fields = &slice.fields(call).await?;
    slice
        .db
        .write(call, "claim", move |tx| {
            Box::pin(async move {
                let claimed = claim::claim::<R>(tx, call, fields, pool, ids).await?;
                let results = ids.iter().zip(claimed).map(|(id, claimed)| {
                    let (record, status) = match claimed {
                        Ok(wire) => (Some(R::pooled(wire)), None),
                        Err(error) => (None, Some(status(error))),
                    };
                    ClaimResult { record_id: id.to_string(), record, status }
                });
                Ok(BatchClaimPoolRecordsResponse { results: results.collect() })
            })
        })
        .await
}

async fn assign<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    (pool, owner): (&model::Pool, Uuid),
    wanted: &Wanted,
) -> Outcome<AssignPoolRecordsResponse> {
    let fields = &slice.fields(call).await?;
    slice.people.meet(call, [owner]).await?;
    slice
        .db
        .write(call, "assign", move |tx| {
            Box::pin(async move {
                let standing = slice.people.standing(tx, call, [owner]).await?;
                standing.check(call, "owner_id", owner)?;
                let records = moves::assign::<R>(tx, call, fields, (pool, owner), wanted).await?;
                Ok(AssignPoolRecordsResponse { records })
            })
        })
        .await
}

async fn give_back<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    pool_id: Option<Uuid>,
    wanted: &Wanted,
) -> Outcome<ReturnRecordsToPoolResponse> {
    let fields = &slice.fields(call).await?;
    slice
        .db
        .write(call, "return", move |tx| {
            Box::pin(async move {
                let records = moves::give_back::<R>(tx, call, fields, pool_id, wanted).await?;
                Ok(ReturnRecordsToPoolResponse { records })
            })
        })
        .await
}

async fn relocate<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    (pool, target): (&model::Pool, Uuid),
    wanted: &Wanted,
) -> Outcome<MovePoolRecordsResponse> {
    let fields = &slice.fields(call).await?;
    slice
        .db
        .write(call, "move", move |tx| {
            Box::pin(async move {
                let records = moves::relocate::<R>(tx, call, fields, (pool, target), wanted).await?;
                Ok(MovePoolRecordsResponse { records })
            })
        })
        .await
}

async fn periods<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    id: Uuid,
) -> Outcome<Vec<crm_proto::crm::customer::v1::OwnershipPeriod>> {
    let (tenant, ids) = (call.tenant_id(), [id]);
    let ids = &ids;
    slice
        .db
        .read(call, move |tx| {
            Box::pin(async move {
                let found = R::get(tx.conn(), tenant, ids, call.access.scope.owners()).await?.pop();
                let record = found.ok_or_else(|| Error::not_found(R::KIND.collection, id))?;
                let mut periods = ownership::store::periods(tx.conn(), tenant, id, 1000).await?;
                if periods.is_empty() {
                    periods.push(ownership::Period::first(record.place(), record.times().created));
                }
                Ok(periods.iter().rev().map(ownership::to_wire).collect())
            })
        })
        .await
}

/// An error as the single call would carry it.
fn status(error: Error) -> WireStatus {
    let status = Status::from(error);
    WireStatus::decode(status.details()).unwrap_or_else(|_| WireStatus {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

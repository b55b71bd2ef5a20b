//! The standard methods of a kind of record, from the request to the answer, and the answers of its verbs. The handlers of a service name the messages;
//! what the messages have in common comes from `crm_proto::standard`.

use std::pin::Pin;

use crm_kit_api::Call;
use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::{
    crm::record::v1::RowResult,
    standard::{self, Batch, Delete, Get, Listed, Records, Update, Wanted},
};
use futures::{Stream, StreamExt as _};
use prost::{Message, Name};
use tonic::{Request, Response, Status, Streaming};

use crate::{Record, Slice, bulk, item, only, redirect, single};

/// What a method returns.
pub type Answer<T> = Result<Response<T>, Status>;
/// What a method that streams returns.
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// One record.
pub async fn get<R: Record, Q: Into<Get>>(slice: &Slice<R>, request: Request<Q>) -> Answer<R::Wire> {
    let call = call(&request)?;
    let Get { ids } = request.into_inner().into();
    Ok(one::<R>(&call, &ids, slice.get(&call, &ids).await.map(only)?))
}

/// A page of records.
pub async fn list<R: Record, Q, A: From<Listed<R::Wire>>>(slice: &Slice<R>, request: Request<Q>) -> Answer<A>
where
    for<'q> &'q Q: Into<Wanted<'q>>,
{
    let call = call(&request)?;
    let mut page = slice.list(&call, request.get_ref().into()).await?;
    page.wires.iter_mut().for_each(|wire| R::derive(wire, call.now));
    Ok(Response::new(page.into()))
}

/// A new record.
pub async fn create<R: Record, Q: Into<R::Wire>>(slice: &Slice<R>, request: Request<Q>) -> Answer<R::Wire> {
    let call = call(&request)?;
    let wire = request.into_inner().into();
    Ok(one::<R>(&call, &[], Box::pin(slice.create(&call, vec![wire], single, only)).await?))
}

/// A change of a record.
pub async fn update<R: Record, Q: Into<Update<R::Wire>>>(
    slice: &Slice<R>,
    request: Request<Q>,
) -> Answer<R::Wire> {
    let call = call(&request)?;
    let update: Update<R::Wire> = request.into_inner().into();
    let asked = [R::sent(&update.wire).id.to_owned()];
    Ok(one::<R>(&call, &asked, Box::pin(slice.update(&call, vec![update], single, only)).await?))
}

/// A record goes to the recycle bin.
pub async fn delete<R: Record, Q: Into<Delete>>(slice: &Slice<R>, request: Request<Q>) -> Answer<R::Wire> {
    let call = call(&request)?;
    let delete = request.into_inner().into();
    Ok(one::<R>(&call, &[], Box::pin(slice.delete(&call, vec![delete], single, only)).await?))
}

/// A record comes back.
pub async fn undelete<R: Record, Q: Into<Delete>>(slice: &Slice<R>, request: Request<Q>) -> Answer<R::Wire> {
    let call = call(&request)?;
    Ok(one::<R>(&call, &[], Box::pin(slice.undelete(&call, request.into_inner().into())).await?))
}

/// Records by their ids.
pub async fn batch_get<R: Record, Q: Into<Get>, A: Records<R::Wire>>(
    slice: &Slice<R>,
    request: Request<Q>,
) -> Answer<A> {
    let call = call(&request)?;
    let Get { ids } = request.into_inner().into();
    Ok(many::<R, A>(&call, &ids, slice.get(&call, &ids).await?.into()))
}

/// New records, all or none.
pub async fn batch_create<R: Record, Q, A>(slice: &Slice<R>, request: Request<Q>) -> Answer<A>
where
    Q: Batch<Request: Into<R::Wire>>,
    A: Records<R::Wire> + Message + Name + Default,
{
    let (call, wires) = items(request)?;
    Ok(many::<R, A>(&call, &[], Box::pin(slice.create(&call, wires, item, A::from)).await?))
}

/// Changes of records, all or none.
pub async fn batch_update<R: Record, Q, A>(slice: &Slice<R>, request: Request<Q>) -> Answer<A>
where
    Q: Batch<Request: Into<Update<R::Wire>>>,
    A: Records<R::Wire> + Message + Name + Default,
{
    let (call, updates) = items::<_, Update<R::Wire>>(request)?;
    let asked: Vec<String> = updates.iter().map(|update| R::sent(&update.wire).id.to_owned()).collect();
    Ok(many::<R, A>(&call, &asked, Box::pin(slice.update(&call, updates, item, A::from)).await?))
}

/// Records go to the recycle bin, all or none.
pub async fn batch_delete<R: Record, Q, A>(slice: &Slice<R>, request: Request<Q>) -> Answer<A>
where
    Q: Batch<Request: Into<Delete>>,
    A: Records<R::Wire> + Message + Name + Default,
{
    let (call, deletes) = items(request)?;
    Ok(many::<R, A>(&call, &[], Box::pin(slice.delete(&call, deletes, item, A::from)).await?))
}

/// Rows as they come, each told what became of it.
pub fn bulk_upsert<R: Record, Q, A>(slice: &Slice<R>, request: Request<Streaming<Q>>) -> Answer<Answers<A>>
where
    Q: Into<standard::Row<R::Wire>> + Send + 'static,
    A: From<Vec<RowResult>> + 'static,
{
    let (call, checks) = (call(&request)?, row_checks(&request));
    let rows = request.into_inner().map(|row| row.map(Into::into));
    let results = bulk::run(slice.clone(), call, checks, rows);
    Ok(Response::new(Box::pin(results.map(|results| results.map(A::from)))))
}

/// The answer of a verb or another method of the kind's own: the record as it is told now.
pub fn told<R: Record>(_: &Slice<R>, call: &Call, wire: R::Wire) -> Answer<R::Wire> {
    Ok(one::<R>(call, &[], wire))
}

/// The call and the items of a batch.
fn items<Q: Batch<Request: Into<T>>, T>(request: Request<Q>) -> Result<(Call, Vec<T>), Status> {
    let call = call(&request)?;
    Ok((call, request.into_inner().requests().into_iter().map(Into::into).collect()))
}

/// A record as it is told, when it was asked for by its own id or another one that leads to it.
fn one<R: Record>(call: &Call, asked: &[String], mut wire: R::Wire) -> Response<R::Wire> {
    R::derive(&mut wire, call.now);
    let found = [R::sent(&wire).id.to_owned()];
    redirect::answer(asked, found, wire)
}

/// Records as they are told, in the order of the ids that were asked for.
fn many<R: Record, A: Records<R::Wire>>(call: &Call, asked: &[String], mut answer: A) -> Response<A> {
    answer.records().iter_mut().for_each(|wire| R::derive(wire, call.now));
    let found: Vec<String> = answer.records().iter().map(|wire| R::sent(wire).id.to_owned()).collect();
    redirect::answer(asked, found, answer)
}

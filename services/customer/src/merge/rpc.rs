//! `crm.customer.v1.MergeService`.

use crm_kit_rpc::call;
use crm_proto::crm::customer::v1::{
    AcknowledgeMergeRequest, GetMergeRequest, ListMergesRequest, ListMergesResponse, Merge,
    MergeRecordsRequest, MergeRecordsResponse, PreviewMergeRequest, PreviewMergeResponse, UndoMergeRequest,
    merge_service_server::MergeService,
};
use tonic::{Request, Response, Status};

use super::Merges;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl MergeService for Merges {
    async fn merge_records(&self, request: Request<MergeRecordsRequest>) -> Answer<MergeRecordsResponse> {
        let call = call(&request)?;
        Ok(Response::new(self.merge(&call, request.get_ref()).await?))
    }

    async fn preview_merge(&self, request: Request<PreviewMergeRequest>) -> Answer<PreviewMergeResponse> {
        let call = call(&request)?;
        let wanted = request.into_inner().merge.unwrap_or_default();
        let preview = self.preview(&call, &wanted).await.map_err(|error| error.within("merge"))?;
        Ok(Response::new(preview))
    }

    async fn get_merge(&self, request: Request<GetMergeRequest>) -> Answer<Merge> {
        let call = call(&request)?;
        Ok(Response::new(self.get(&call, &request.get_ref().id).await?))
    }

    async fn list_merges(&self, request: Request<ListMergesRequest>) -> Answer<ListMergesResponse> {
        let call = call(&request)?;
        Ok(Response::new(self.list(&call, request.get_ref()).await?))
    }

    async fn undo_merge(&self, request: Request<UndoMergeRequest>) -> Answer<Merge> {
        let call = call(&request)?;
        Ok(Response::new(self.undo(&call, &request.get_ref().id).await?))
    }

    async fn acknowledge_merge(&self, request: Request<AcknowledgeMergeRequest>) -> Answer<Merge> {
        let call = call(&request)?;
        Ok(Response::new(self.acknowledge(&call, request.get_ref()).await?))
    }
}

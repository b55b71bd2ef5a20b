//! `crm.customer.v1.TaskService`.

use crm_kit_record::{
    Record as _,
    serve::{self, Answer, Answers},
};
use crm_kit_rpc::call;
use crm_proto::crm::customer::v1::{
    BatchCreateTasksRequest, BatchCreateTasksResponse, BatchDeleteTasksRequest, BatchDeleteTasksResponse,
    BatchGetTasksRequest, BatchGetTasksResponse, BatchUpdateTasksRequest, BatchUpdateTasksResponse,
    BlockTaskRequest, BulkUpsertTasksRequest, BulkUpsertTasksResponse, CancelTaskRequest,
    CompleteTaskRequest, CompleteTaskResponse, CreateTaskRequest, DeferTaskRequest, DeleteTaskRequest,
    GetTaskRequest, ListTasksRequest, ListTasksResponse, StartTaskRequest, Task, UndeleteTaskRequest,
    UpdateTaskRequest, task::State, task_service_server::TaskService,
};
use tonic::{Request, Response, Streaming};

use super::ops::{Tasks, Verb};

/// The service's methods over the use cases of tasks.
#[derive(Clone, Debug)]
pub struct Handlers(pub Tasks);

#[tonic::async_trait]
impl TaskService for Handlers {
    type BulkUpsertTasksStream = Answers<BulkUpsertTasksResponse>;

    async fn get_task(&self, request: Request<GetTaskRequest>) -> Answer<Task> {
        serve::get(&self.0, request).await
    }

    async fn list_tasks(&self, request: Request<ListTasksRequest>) -> Answer<ListTasksResponse> {
        serve::list(&self.0, request).await
    }

    async fn create_task(&self, request: Request<CreateTaskRequest>) -> Answer<Task> {
        serve::create(&self.0, request).await
    }

    async fn update_task(&self, request: Request<UpdateTaskRequest>) -> Answer<Task> {
        serve::update(&self.0, request).await
    }

    async fn delete_task(&self, request: Request<DeleteTaskRequest>) -> Answer<Task> {
        serve::delete(&self.0, request).await
    }

    async fn undelete_task(&self, request: Request<UndeleteTaskRequest>) -> Answer<Task> {
        serve::undelete(&self.0, request).await
    }

    async fn batch_get_tasks(&self, request: Request<BatchGetTasksRequest>) -> Answer<BatchGetTasksResponse> {
        serve::batch_get(&self.0, request).await
    }

    async fn batch_create_tasks(
        &self,
        request: Request<BatchCreateTasksRequest>,
    ) -> Answer<BatchCreateTasksResponse> {
        serve::batch_create(&self.0, request).await
    }

    async fn batch_update_tasks(
        &self,
        request: Request<BatchUpdateTasksRequest>,
    ) -> Answer<BatchUpdateTasksResponse> {
        serve::batch_update(&self.0, request).await
    }

    async fn batch_delete_tasks(
        &self,
        request: Request<BatchDeleteTasksRequest>,
    ) -> Answer<BatchDeleteTasksResponse> {
        serve::batch_delete(&self.0, request).await
    }

    async fn bulk_upsert_tasks(
        &self,
        request: Request<Streaming<BulkUpsertTasksRequest>>,
    ) -> Answer<Self::BulkUpsertTasksStream> {
        serve::bulk_upsert(&self.0.0, request)
    }

    async fn start_task(&self, request: Request<StartTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let StartTaskRequest { id, etag } = request.into_inner();
        let verb = Verb { to: State::InProgress, reason: String::new(), due_time: None };
        serve::told(&self.0.0, &call, self.0.act(&call, (&id, &etag), verb).await?.task.unwrap_or_default())
    }

    async fn block_task(&self, request: Request<BlockTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let BlockTaskRequest { id, etag, state_reason } = request.into_inner();
        let verb = Verb { to: State::Blocked, reason: state_reason, due_time: None };
        serve::told(&self.0.0, &call, self.0.act(&call, (&id, &etag), verb).await?.task.unwrap_or_default())
    }

    async fn defer_task(&self, request: Request<DeferTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let DeferTaskRequest { id, etag, state_reason, due_time } = request.into_inner();
        let verb = Verb { to: State::Deferred, reason: state_reason, due_time };
        serve::told(&self.0.0, &call, self.0.act(&call, (&id, &etag), verb).await?.task.unwrap_or_default())
    }

    async fn complete_task(&self, request: Request<CompleteTaskRequest>) -> Answer<CompleteTaskResponse> {
        let call = call(&request)?;
        let CompleteTaskRequest { id, etag } = request.into_inner();
        let verb = Verb { to: State::Completed, reason: String::new(), due_time: None };
        let mut response = self.0.act(&call, (&id, &etag), verb).await?;
        for wire in response.task.iter_mut().chain(&mut response.next_task) {
            super::Task::derive(wire, call.now);
        }
        Ok(Response::new(response))
    }

    async fn cancel_task(&self, request: Request<CancelTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let CancelTaskRequest { id, etag, state_reason } = request.into_inner();
        let verb = Verb { to: State::Cancelled, reason: state_reason, due_time: None };
        serve::told(&self.0.0, &call, self.0.act(&call, (&id, &etag), verb).await?.task.unwrap_or_default())
    }
}

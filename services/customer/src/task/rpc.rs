//! `crm.customer.v1.TaskService`.

use std::pin::Pin;

use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::customer::v1::{
    BatchCreateTasksRequest, BatchCreateTasksResponse, BatchDeleteTasksRequest, BatchDeleteTasksResponse,
    BatchGetTasksRequest, BatchGetTasksResponse, BatchUpdateTasksRequest, BatchUpdateTasksResponse,
    BlockTaskRequest, BulkUpsertTasksRequest, BulkUpsertTasksResponse, CancelTaskRequest,
    CompleteTaskRequest, CompleteTaskResponse, CreateTaskRequest, DeferTaskRequest, DeleteTaskRequest,
    GetTaskRequest, ListTasksRequest, ListTasksResponse, StartTaskRequest, Task, UndeleteTaskRequest,
    UpdateTaskRequest, task::State, task_service_server::TaskService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::ops::{Tasks, Verb, told};
use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, single};

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of tasks.
#[derive(Clone, Debug)]
pub struct Handlers(pub Tasks);

#[tonic::async_trait]
impl TaskService for Handlers {
    type BulkUpsertTasksStream = Pin<Box<dyn Stream<Item = Result<BulkUpsertTasksResponse, Status>> + Send>>;

    async fn get_task(&self, request: Request<GetTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        Ok(Response::new(told(&call, self.0.get(&call, &[request.into_inner().id]).await.map(only)?)))
    }

    async fn list_tasks(&self, request: Request<ListTasksRequest>) -> Answer<ListTasksResponse> {
        let call = call(&request)?;
        let page = self.0.list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListTasksResponse {
            tasks: page.wires.into_iter().map(|task| told(&call, task)).collect(),
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_task(&self, request: Request<CreateTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let task = request.into_inner().task.unwrap_or_default();
        Ok(Response::new(told(&call, self.0.create(&call, vec![task], single, only).await?)))
    }

    async fn update_task(&self, request: Request<UpdateTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let update = update(request.into_inner());
        Ok(Response::new(told(&call, self.0.update(&call, vec![update], single, only).await?)))
    }

    async fn delete_task(&self, request: Request<DeleteTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(told(&call, self.0.delete(&call, vec![delete], single, only).await?)))
    }

    async fn undelete_task(&self, request: Request<UndeleteTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let UndeleteTaskRequest { id, etag } = request.into_inner();
        Ok(Response::new(told(&call, self.0.undelete(&call, Delete { id, etag }).await?)))
    }

    async fn batch_get_tasks(&self, request: Request<BatchGetTasksRequest>) -> Answer<BatchGetTasksResponse> {
        let call = call(&request)?;
        let tasks = self.0.get(&call, &request.into_inner().ids).await?;
        let tasks = tasks.into_iter().map(|task| told(&call, task)).collect();
        Ok(Response::new(BatchGetTasksResponse { tasks }))
    }

    async fn batch_create_tasks(
        &self,
        request: Request<BatchCreateTasksRequest>,
    ) -> Answer<BatchCreateTasksResponse> {
        let call = call(&request)?;
        let tasks = request.into_inner().requests.into_iter();
        let tasks = tasks.map(|request| request.task.unwrap_or_default()).collect();
        let answer = |tasks| BatchCreateTasksResponse { tasks };
        let mut answer = self.0.create(&call, tasks, item, answer).await?;
        answer.tasks = answer.tasks.into_iter().map(|task| told(&call, task)).collect();
        Ok(Response::new(answer))
    }

    async fn batch_update_tasks(
        &self,
        request: Request<BatchUpdateTasksRequest>,
    ) -> Answer<BatchUpdateTasksResponse> {
        let call = call(&request)?;
        let updates = request.into_inner().requests.into_iter().map(update).collect();
        let answer = |tasks| BatchUpdateTasksResponse { tasks };
        let mut answer = self.0.update(&call, updates, item, answer).await?;
        answer.tasks = answer.tasks.into_iter().map(|task| told(&call, task)).collect();
        Ok(Response::new(answer))
    }

    async fn batch_delete_tasks(
        &self,
        request: Request<BatchDeleteTasksRequest>,
    ) -> Answer<BatchDeleteTasksResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |tasks| BatchDeleteTasksResponse { tasks };
        let mut answer = self.0.delete(&call, deletes, item, answer).await?;
        answer.tasks = answer.tasks.into_iter().map(|task| told(&call, task)).collect();
        Ok(Response::new(answer))
    }

    async fn bulk_upsert_tasks(
        &self,
        request: Request<Streaming<BulkUpsertTasksRequest>>,
    ) -> Answer<Self::BulkUpsertTasksStream> {
        let (call, checks) = (call(&request)?, row_checks(&request));
        let rows = request
            .into_inner()
            .map(|row| row.map(|row| bulk::row(row.key, row.task.unwrap_or_default(), row.update_mask)));
        let results = bulk::run(self.0.0.clone(), call, checks, rows);
        Ok(Response::new(Box::pin(results.map(|results| Ok(BulkUpsertTasksResponse { results: results? })))))
    }

    async fn start_task(&self, request: Request<StartTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let StartTaskRequest { id, etag } = request.into_inner();
        let verb = Verb { to: State::InProgress, reason: String::new(), due_time: None };
        Ok(Response::new(self.0.act(&call, (&id, &etag), verb).await?.task.unwrap_or_default()))
    }

    async fn block_task(&self, request: Request<BlockTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let BlockTaskRequest { id, etag, state_reason } = request.into_inner();
        let verb = Verb { to: State::Blocked, reason: state_reason, due_time: None };
        Ok(Response::new(self.0.act(&call, (&id, &etag), verb).await?.task.unwrap_or_default()))
    }

    async fn defer_task(&self, request: Request<DeferTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let DeferTaskRequest { id, etag, state_reason, due_time } = request.into_inner();
        let verb = Verb { to: State::Deferred, reason: state_reason, due_time };
        Ok(Response::new(self.0.act(&call, (&id, &etag), verb).await?.task.unwrap_or_default()))
    }

    async fn complete_task(&self, request: Request<CompleteTaskRequest>) -> Answer<CompleteTaskResponse> {
        let call = call(&request)?;
        let CompleteTaskRequest { id, etag } = request.into_inner();
        let verb = Verb { to: State::Completed, reason: String::new(), due_time: None };
        Ok(Response::new(self.0.act(&call, (&id, &etag), verb).await?))
    }

    async fn cancel_task(&self, request: Request<CancelTaskRequest>) -> Answer<Task> {
        let call = call(&request)?;
        let CancelTaskRequest { id, etag, state_reason } = request.into_inner();
        let verb = Verb { to: State::Cancelled, reason: state_reason, due_time: None };
        Ok(Response::new(self.0.act(&call, (&id, &etag), verb).await?.task.unwrap_or_default()))
    }
}

fn wanted(request: &ListTasksRequest) -> Wanted<'_> {
    Wanted {
        page_size: request.page_size,
        page_token: &request.page_token,
        filter: &request.filter,
        order_by: &request.order_by,
        q: &request.q,
        show_deleted: request.show_deleted,
        include_total_size: request.include_total_size,
    }
}

fn update(request: UpdateTaskRequest) -> Update<Task> {
    Update { wire: request.task.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeleteTaskRequest { id, etag }: DeleteTaskRequest) -> Delete {
    Delete { id, etag }
}

//! Services that echo: a backend for transcoding, with no rules of its own.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use crm_proto::crm::{
    customer::v1::{
        account_service_server::{AccountService, AccountServiceServer},
        *,
    },
    event::v1::{
        event_service_server::{EventService, EventServiceServer},
        *,
    },
    record::v1::{
        import_job_service_server::{ImportJobService, ImportJobServiceServer},
        *,
    },
};
use crm_proto::google::api::HttpBody;
use futures::{Stream, StreamExt as _};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Request, Response, Status, Streaming,
    metadata::MetadataMap,
    transport::{Channel, server::TcpIncoming},
};
use tonic_types::{ErrorDetails, StatusExt as _};

type Answer<T> = Result<Response<T>, Status>;
type Outgoing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What the services saw.
#[derive(Clone, Default)]
pub struct Fake {
    pub seen: Arc<Mutex<Vec<MetadataMap>>>,
    pub cancelled: Arc<tokio::sync::Notify>,
}

impl Fake {
    fn note<T>(&self, request: &Request<T>) {
        self.seen.lock().unwrap().push(request.metadata().clone());
    }

    pub fn last(&self) -> MetadataMap {
        self.seen.lock().unwrap().last().cloned().unwrap()
    }
}

/// Starts the services on a port of their own.
pub async fn start() -> (Fake, Channel) {
    let fake = Fake::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, health) = tonic_health::server::health_reporter();
    let server = tonic::transport::Server::builder()
        .add_service(health)
        .add_service(AccountServiceServer::new(fake.clone()).max_decoding_message_size(64 << 20))
        .add_service(EventServiceServer::new(fake.clone()))
        .add_service(ImportJobServiceServer::new(fake.clone()))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    crate::client::spawn(async move { server.await.unwrap() });
    (fake, crm_gateway::channel(&format!("http://{address}")).unwrap())
}

pub fn not_found(id: &str) -> Status {
    let mut details = ErrorDetails::with_error_info(
        "NOT_FOUND",
        "crm",
        HashMap::from([("collection".to_owned(), "accounts".to_owned()), ("id".to_owned(), id.to_owned())]),
    );
    details.add_bad_request_violation("id", "names nothing");
    Status::with_error_details(Code::NotFound, "no such account", details)
}

/// Drops with the stream and says so.
struct Cancelled(Arc<tokio::sync::Notify>);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tonic::async_trait]
impl AccountService for Fake {
    async fn get_account(&self, request: Request<GetAccountRequest>) -> Answer<Account> {
        self.note(&request);
        let id = request.into_inner().id;
        match id.as_str() {
            "missing" => return Err(not_found(&id)),
            "slow" => tokio::time::sleep(Duration::from_secs(5)).await,
            "short" => tokio::time::sleep(Duration::from_millis(700)).await,
            "busy" => {
                let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(2500)));
                return Err(Status::with_error_details(Code::ResourceExhausted, "later", details));
            }
            "anonymous" => return Err(Status::unauthenticated("who is it?")),
            _ => {}
        }
        let mut response = Response::new(Account { id, ..full_account() });
        response.metadata_mut().insert("retry-after", "7".parse().unwrap());
        response.metadata_mut().insert("x-internal", "secret".parse().unwrap());
        Ok(response)
    }

    async fn list_accounts(&self, request: Request<ListAccountsRequest>) -> Answer<ListAccountsResponse> {
        self.note(&request);
        let request = request.into_inner();
        Ok(Response::new(ListAccountsResponse {
            next_page_token: format!("{request:?}"),
            total_size: i64::from(request.page_size) * 10_000_000_000,
            ..Default::default()
        }))
    }

    async fn create_account(&self, request: Request<CreateAccountRequest>) -> Answer<Account> {
        self.note(&request);
        request.into_inner().account.map(Response::new).ok_or_else(|| Status::invalid_argument("no account"))
    }

    async fn update_account(&self, request: Request<UpdateAccountRequest>) -> Answer<Account> {
        self.note(&request);
        let request = request.into_inner();
        let mut account = request.account.unwrap_or_default();
        account.description = request.update_mask.unwrap_or_default().paths.join("|");
        Ok(Response::new(account))
    }

    async fn delete_account(&self, request: Request<DeleteAccountRequest>) -> Answer<Account> {
        self.note(&request);
        let request = request.into_inner();
        Ok(Response::new(Account { id: request.id, etag: request.etag, ..Default::default() }))
    }

    async fn undelete_account(&self, request: Request<UndeleteAccountRequest>) -> Answer<Account> {
        self.note(&request);
        let request = request.into_inner();
        Ok(Response::new(Account { id: request.id, etag: request.etag, ..Default::default() }))
    }

    async fn batch_get_accounts(
        &self,
        request: Request<BatchGetAccountsRequest>,
    ) -> Answer<BatchGetAccountsResponse> {
        let ids = request.into_inner().ids.into_iter();
        let accounts = ids.map(|id| Account { id, ..Default::default() }).collect();
        Ok(Response::new(BatchGetAccountsResponse { accounts }))
    }

    async fn batch_create_accounts(
        &self,
        request: Request<BatchCreateAccountsRequest>,
    ) -> Answer<BatchCreateAccountsResponse> {
        let accounts = request.into_inner().requests.into_iter().filter_map(|one| one.account).collect();
        Ok(Response::new(BatchCreateAccountsResponse { accounts }))
    }

    async fn batch_update_accounts(
        &self,
        _: Request<BatchUpdateAccountsRequest>,
    ) -> Answer<BatchUpdateAccountsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_delete_accounts(
        &self,
        _: Request<BatchDeleteAccountsRequest>,
    ) -> Answer<BatchDeleteAccountsResponse> {
        Err(Status::unimplemented(""))
    }

    type BulkUpsertAccountsStream = Outgoing<BulkUpsertAccountsResponse>;

    async fn bulk_upsert_accounts(
        &self,
        request: Request<Streaming<BulkUpsertAccountsRequest>>,
    ) -> Answer<Self::BulkUpsertAccountsStream> {
        self.note(&request);
        let rows = request.into_inner().enumerate().map(|(index, row)| {
            let key = row?.key.unwrap_or_default();
            Ok(BulkUpsertAccountsResponse {
                results: vec![RowResult {
                    index: i64::try_from(index).unwrap(),
                    id: key.value,
                    outcome: row_result::Outcome::Created.into(),
                    status: None,
                }],
            })
        });
        Ok(Response::new(rows.boxed()))
    }
}

#[tonic::async_trait]
impl EventService for Fake {
    type SubscribeStream = Outgoing<SubscribeResponse>;
    type StreamEventsStream = Outgoing<SubscribeResponse>;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Answer<Self::SubscribeStream> {
        self.note(&request);
        let answers = request.into_inner().map(|asked| {
            let asked = asked?;
            Ok(SubscribeResponse { cursor: asked.service, credit_left: asked.credit, ..Default::default() })
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn stream_events(&self, request: Request<StreamEventsRequest>) -> Answer<Self::StreamEventsStream> {
        self.note(&request);
        let request = request.into_inner();
        if request.collections.iter().any(|name| name == "refused") {
            return Err(Status::failed_precondition("resync"));
        }
        let cancelled = Cancelled(Arc::clone(&self.cancelled));
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        crate::client::spawn(async move {
            let _cancelled = cancelled;
            for number in 0..3 {
                if sender.send(Ok(events(number, &request))).await.is_err() {
                    return;
                }
            }
            if request.collections.iter().any(|name| name == "broken") {
                let _ = sender.send(Err(not_found("log"))).await;
            } else if request.max_events == 0 {
                sender.closed().await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver).boxed()))
    }
}

fn events(number: u32, request: &StreamEventsRequest) -> SubscribeResponse {
    let created =
        AccountCreated { account: Some(Account { display_name: "客户".to_owned(), ..Default::default() }) };
    let known = prost_types::Any {
        type_url: "type.googleapis.com/crm.customer.v1.AccountCreated".to_owned(),
        value: created.encode_to_vec(),
    };
    let unknown = prost_types::Any {
        type_url: "type.googleapis.com/crm.future.v9.Thing".to_owned(),
        value: vec![1, 2],
    };
    let event = |payload| Event {
        id: format!("event-{number}"),
        changed_fields: Some(prost_types::FieldMask {
            paths: vec!["display_name".into(), "custom.a_1".into()],
        }),
        payload: Some(payload),
        ..Default::default()
    };
    SubscribeResponse {
        events: vec![event(known), event(unknown)],
        cursor: format!("c{number}:{}:{}", request.start_from, request.cursor),
        credit_left: 0,
    }
}

#[tonic::async_trait]
impl ImportJobService for Fake {
    async fn get_import_job(&self, _: Request<GetImportJobRequest>) -> Answer<ImportJob> {
        panic!("a bug")
    }

    async fn list_import_jobs(&self, _: Request<ListImportJobsRequest>) -> Answer<ListImportJobsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_import_error_counts(
        &self,
        _: Request<ListImportErrorCountsRequest>,
    ) -> Answer<ListImportErrorCountsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn create_import_job(&self, request: Request<CreateImportJobRequest>) -> Answer<ImportJob> {
        Ok(Response::new(request.into_inner().import_job.unwrap_or_default()))
    }

    async fn update_import_job(&self, _: Request<UpdateImportJobRequest>) -> Answer<ImportJob> {
        Err(Status::unimplemented(""))
    }

    async fn upload_import_file(
        &self,
        request: Request<Streaming<UploadImportFileRequest>>,
    ) -> Answer<ImportJob> {
        self.note(&request);
        let _cancelled = Cancelled(Arc::clone(&self.cancelled));
        let mut stream = request.into_inner();
        let (mut job, mut progress) = (ImportJob::default(), ImportProgress::default());
        while let Some(piece) = stream.message().await? {
            let file = piece.file.unwrap_or_default();
            assert!(file.data.len() <= 512 << 10);
            job.id.push_str(&piece.id);
            job.display_name.push_str(&file.content_type);
            progress.total_rows += 1;
            progress.uploaded_bytes += i64::try_from(file.data.len()).unwrap();
        }
        job.progress = Some(progress);
        Ok(Response::new(job))
    }

    async fn apply_import_job(&self, _: Request<ApplyImportJobRequest>) -> Answer<ImportJob> {
        Err(Status::unimplemented(""))
    }

    async fn cancel_import_job(&self, _: Request<CancelImportJobRequest>) -> Answer<ImportJob> {
        Err(Status::unimplemented(""))
    }

    type WatchImportJobStream = Outgoing<WatchImportJobResponse>;

    async fn watch_import_job(
        &self,
        _: Request<WatchImportJobRequest>,
    ) -> Answer<Self::WatchImportJobStream> {
        let states = [import_job::State::Uploading, import_job::State::Validating, import_job::State::Ready];
        let answers = states.map(|state| {
            Ok(WatchImportJobResponse {
                import_job: Some(ImportJob { state: state.into(), ..Default::default() }),
            })
        });
        Ok(Response::new(futures::stream::iter(answers).boxed()))
    }

    async fn list_import_errors(
        &self,
        _: Request<ListImportErrorsRequest>,
    ) -> Answer<ListImportErrorsResponse> {
        Err(Status::unimplemented(""))
    }

    type DownloadImportErrorsStream = Outgoing<HttpBody>;

    async fn download_import_errors(
        &self,
        request: Request<DownloadImportErrorsRequest>,
    ) -> Answer<Self::DownloadImportErrorsStream> {
        let broken = request.into_inner().id == "broken";
        let piece = |data: &str, content_type: &str| {
            Ok(HttpBody { content_type: content_type.to_owned(), data: data.into(), extensions: Vec::new() })
        };
        let mut pieces = vec![piece("line,error\n", "text/csv; charset=utf-8"), piece("1,坏\n", "")];
        if broken {
            pieces.push(Err(Status::internal("disk")));
        }
        Ok(Response::new(futures::stream::iter(pieces).boxed()))
    }
}

/// An account with one of everything.
pub fn full_account() -> Account {
    use crm_proto::google::r#type::{Date, Money, PostalAddress};
    let value = |value| CustomValue { value: Some(value), ..Default::default() };
    Account {
        id: "1".to_owned(),
        create_time: Some(prost_types::Timestamp { seconds: 1_767_225_600, nanos: 500_000_000 }),
        display_name: "寰宇 \"Global\"\n".to_owned(),
        kind: account::Kind::Customer.into(),
        employee_count: 42,
        billing_address: Some(PostalAddress {
            region_code: "CN".to_owned(),
            address_lines: vec!["a".to_owned(), "b".to_owned()],
            ..Default::default()
        }),
        annual_revenue: Some(Money {
            currency_code: "CNY".to_owned(),
            units: 9_007_199_254_740_993,
            nanos: -5,
        }),
        level: 99,
        tags: vec!["vip".to_owned(), "华东".to_owned()],
        external_ids: vec![ExternalId { system: "sap".to_owned(), value: "7".to_owned() }],
        custom: [
            ("score".to_owned(), value(custom_value::Value::Number("12.50".to_owned()))),
            ("since".to_owned(), value(custom_value::Value::Date(Date { year: 2026, month: 1, day: 31 }))),
            ("vip".to_owned(), value(custom_value::Value::Boolean(false))),
        ]
        .into(),
        ..Default::default()
    }
}

//! The suite's own work: calls over gRPC to the service, and over REST through the gateway.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use crm_proto::crm::customer::v1::{
    Account, CreateAccountRequest, GetAccountRequest, ListAccountsRequest, UpdateAccountRequest,
    account_service_client::AccountServiceClient,
};
use crm_testkit::{Caller, callers::Bearer};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sqlx::AssertSqlSafe;
use tonic::{Request, service::interceptor::InterceptedService, transport::Channel};
use uuid::Uuid;

use crate::{
    load::{self, AsyncWork, Figures},
    rig::Rig,
};

type Accounts = AccountServiceClient<InterceptedService<Channel, Bearer>>;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A number below `bound`.
pub fn random(bound: usize) -> usize {
    let bytes = *Uuid::new_v4().as_bytes();
    usize::try_from(u64::from_be_bytes(bytes[..8].try_into().unwrap()) % u64::try_from(bound).unwrap())
        .unwrap()
}

/// An account as the benchmark makes them.
pub fn account(index: u64, owner: Option<Uuid>) -> Account {
    let words = ["华为", "联合", "远东", "Northern", "Atlas", "恒信", "Global", "中科", "Delta", "东方"];
    let place = usize::try_from(index % 10).unwrap();
    let other = usize::try_from(index / 10 % 10).unwrap();
    Account {
        display_name: format!("{}{}技术 {index:07}", words[place], words[other]),
        phone: format!("+8613{:09}", index % 1_000_000_000),
        email: format!("info{index}@example.com"),
        industry: words[other].to_owned(),
        employee_count: i32::try_from(index * 7919 % 5000).unwrap(),
        region: format!("region {}", index % 50),
        tags: vec![format!("tag{}", index % 30)],
        description:
            "A company that the benchmark made, with a note of usual length for a record of its kind."
                .to_owned(),
        owner_id: owner.map(|owner| owner.to_string()).unwrap_or_default(),
        ..Account::default()
    }
}

/// Some ids of accounts.
pub async fn ids(rig: &Rig) -> Vec<Uuid> {
    let mut conn = rig.customer.raw.acquire().await.unwrap();
    let sql = format!("SET app.tenant_id = '{}'", rig.tenant());
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await.unwrap();
    sqlx::query_scalar("SELECT id FROM account WHERE number LIKE 'A%' LIMIT 20000")
        .fetch_all(&mut *conn)
        .await
        .unwrap()
}

pub async fn analyse(rig: &Rig) {
    let mut conn = sqlx::ConnectOptions::connect(&rig.customer.owner).await.unwrap();
    let sql = "CREATE TABLE bare (tenant_id uuid, id uuid, name text, PRIMARY KEY (tenant_id, id));
               GRANT SELECT, INSERT ON bare TO bench_customer_service;
               CREATE TABLE seed AS SELECT * FROM account LIMIT 1;
               GRANT SELECT ON seed TO bench_customer_service;
               VACUUM ANALYZE account";
    for statement in sql.split(';') {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut conn).await.unwrap();
    }
}

/// A client and what to call over and over.
pub struct Call<C, F> {
    pub client: C,
    pub run: F,
}

impl<C, F> AsyncWork for Call<C, F>
where
    C: Send + 'static,
    F: for<'c> Fn(&'c mut C) -> futures::future::BoxFuture<'c, ()> + Send + Sync + 'static,
{
    async fn once(&mut self) {
        (self.run)(&mut self.client).await;
    }
}

async fn measure<F>(rig: &Rig, caller: &Caller, callers: usize, run: F) -> Figures
where
    F: for<'c> Fn(&'c mut Accounts) -> futures::future::BoxFuture<'c, ()> + Clone + Send + Sync + 'static,
{
    let channels: Vec<_> = (0..callers).map(|index| caller.on(rig.customer.channel(index))).collect();
    load::run(callers, rig.server.pid(), move |index| Call {
        client: AccountServiceClient::new(channels[index].clone()),
        run: run.clone(),
    })
    .await
}

pub async fn create(rig: &Rig, callers: usize) -> Figures {
    measure(rig, &rig.boss, callers, |accounts| {
        Box::pin(async move {
            let index = NEXT.fetch_add(1, Ordering::Relaxed) + 10_000_000;
            let mut request = Request::new(CreateAccountRequest { account: Some(account(index, None)) });
            request.metadata_mut().insert("idempotency-key", format!("bench-{index}").parse().unwrap());
            accounts.create_account(request).await.unwrap();
        })
    })
    .await
}

pub async fn get(rig: &Rig, callers: usize) -> Figures {
    let ids = ids(rig).await;
    measure(rig, &rig.boss, callers, move |accounts| {
        let id = ids[random(ids.len())].to_string();
        Box::pin(async move {
            accounts.get_account(GetAccountRequest { id }).await.unwrap();
        })
    })
    .await
}

pub async fn page(rig: &Rig, callers: usize) -> Figures {
    measure(rig, &rig.lead, callers, |accounts| {
        Box::pin(async move {
            let request = ListAccountsRequest {
                filter: format!("employee_count > {}", random(5000)),
                order_by: "display_name".to_owned(),
                ..ListAccountsRequest::default()
            };
            accounts.list_accounts(request).await.unwrap();
        })
    })
    .await
}

pub async fn search(rig: &Rig, callers: usize) -> Figures {
    measure(rig, &rig.boss, callers, |accounts| {
        Box::pin(async move {
            // A part of a name in one script or another, rare enough to be what a person types.
            let number = random(100_000);
            let q = match random(3) {
                0 => format!("{number:05}"),
                1 => format!("技术 {:04}", number / 10),
                _ => format!("fo{number}@ex"),
            };
            accounts
                .list_accounts(ListAccountsRequest { q, ..ListAccountsRequest::default() })
                .await
                .unwrap();
        })
    })
    .await
}

pub async fn update(rig: &Rig, callers: usize) -> Figures {
    let ids = ids(rig).await;
    measure(rig, &rig.boss, callers, move |accounts| {
        let id = ids[random(ids.len())].to_string();
        Box::pin(async move {
            let account = Account { id, region: format!("r{}", random(100_000)), ..Account::default() };
            accounts
                .update_account(UpdateAccountRequest { account: Some(account), update_mask: None })
                .await
                .unwrap();
        })
    })
    .await
}

struct Rest<F> {
    client: Client<HttpConnector, Full<Bytes>>,
    make: F,
}

impl<F: Fn() -> http::Request<Full<Bytes>> + Send + 'static> AsyncWork for Rest<F> {
    async fn once(&mut self) {
        let response = self.client.request((self.make)()).await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        response.into_body().collect().await.unwrap();
    }
}

async fn rest<F>(rig: &Rig, callers: usize, make: F) -> Figures
where
    F: Fn(http::request::Builder) -> http::Request<Full<Bytes>> + Clone + Send + Sync + 'static,
{
    let bearer = format!("Bearer {}", rig.boss.token);
    load::run(callers, rig.server.pid(), move |_| {
        let (make, bearer) = (make.clone(), bearer.clone());
        let client = Client::builder(TokioExecutor::new()).build_http();
        Rest { client, make: move || make(http::Request::builder().header("authorization", bearer.as_str())) }
    })
    .await
}

pub async fn create_by_rest(rig: &Rig, callers: usize) -> Figures {
    let url = format!("{}/v1/accounts", rig.rest);
    rest(rig, callers, move |request| {
        let index = NEXT.fetch_add(1, Ordering::Relaxed) + 10_000_000;
        let account = account(index, None);
        let body = format!(
            "{{\"display_name\":{:?},\"phone\":{:?},\"email\":{:?},\"industry\":{:?},\"employee_count\":{},\"region\":{:?},\"tags\":{:?},\"description\":{:?}}}",
            account.display_name, account.phone, account.email, account.industry, account.employee_count, account.region,
            account.tags, account.description
        );
        let request = request.method("POST").uri(&url).header("content-type", "application/json");
        request.header("idempotency-key", format!("bench-{index}")).body(body.into()).unwrap()
    })
    .await
}

pub async fn get_by_rest(rig: &Rig, callers: usize) -> Figures {
    let (url, ids) = (format!("{}/v1/accounts", rig.rest), ids(rig).await);
    rest(rig, callers, move |request| {
        request.uri(format!("{url}/{}", ids[random(ids.len())])).body(Full::default()).unwrap()
    })
    .await
}

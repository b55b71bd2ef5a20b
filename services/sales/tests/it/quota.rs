//! Quotas: their life, their versions, their months, and what they are held against.

use chrono::TimeDelta;
use crm_proto::crm::{
    record::v1::{ExternalId, RowResult, row_result::Outcome},
    sales::v1::{
        BulkUpsertQuotasRequest, CreateQuotaRequest, DeleteQuotaRequest, FiscalCalendar,
        GetFiscalCalendarRequest, GetQuotaRequest, ListQuotaAttainmentsRequest, ListQuotaAttainmentsResponse,
        ListQuotaVersionsRequest, ListQuotasRequest, Opportunity, PeriodKind, PublishQuotasRequest, Quota,
        UndeleteQuotaRequest, UpdateFiscalCalendarRequest, UpdateQuotaRequest,
        quota::{Level, Measure, State},
        quota_service_client::QuotaServiceClient,
    },
};
use crm_sales::quota::lock;
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::rig::{Rig, Wired, day, field_mask, worth, yuan};

pub struct Quotas(pub QuotaServiceClient<Wired>);

impl Quotas {
    pub fn new(rig: &Rig, caller: &Caller) -> Self {
        Self(QuotaServiceClient::new(caller.on(&rig.channel)))
    }

    pub async fn create(&mut self, quota: Quota) -> Result<Quota, Status> {
        let request = CreateQuotaRequest { quota: Some(quota) };
        self.0.create_quota(request).await.map(tonic::Response::into_inner)
    }

    async fn update(&mut self, quota: Quota, mask: &[&str]) -> Result<Quota, Status> {
        let request = UpdateQuotaRequest { quota: Some(quota), update_mask: field_mask(mask) };
        self.0.update_quota(request).await.map(tonic::Response::into_inner)
    }

    pub async fn publish(&mut self, ids: &[&str]) -> Result<Vec<Quota>, Status> {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Ok(self.0.publish_quotas(PublishQuotasRequest { ids }).await?.into_inner().quotas)
    }

    async fn attained(&mut self, request: ListQuotaAttainmentsRequest) -> ListQuotaAttainmentsResponse {
        self.0.list_quota_attainments(request).await.unwrap().into_inner()
    }

    pub async fn fiscal_year_from(&mut self, first_month: i32) -> FiscalCalendar {
        let fiscal_calendar = Some(FiscalCalendar { first_month, ..FiscalCalendar::default() });
        let request = UpdateFiscalCalendarRequest { fiscal_calendar };
        self.0.update_fiscal_calendar(request).await.unwrap().into_inner()
    }
}

/// A quota of so many yuan for a period that begins on the first of a month of 2026.
fn of(kind: PeriodKind, month: i32, units: i64) -> Quota {
    Quota {
        period_kind: kind.into(),
        start_date: Some(day(2026, month, 1)),
        amount: Some(yuan(units)),
        ..Quota::default()
    }
}

#[tokio::test]
async fn a_quarter_is_split_over_its_months_and_lives_as_a_draft() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut quotas = Quotas::new(&rig, &me);
    let made = quotas.create(of(PeriodKind::Quarter, 4, 100)).await.unwrap();
    assert_eq!(
        (made.state(), made.version, made.level(), made.measure()),
        (State::Draft, 1, Level::Base, Measure::AmountWon)
    );
    assert_eq!((made.owner_id.clone(), made.end_date), (me.id.to_string(), Some(day(2026, 6, 30))));
    let parts: Vec<(i64, i32)> = made
        .months
        .iter()
        .map(|month| month.amount.as_ref().map(|part| (part.units, part.nanos)).unwrap())
        .collect();
    assert_eq!(parts, [(33, 340_000_000), (33, 330_000_000), (33, 330_000_000)]);
    assert_eq!(quotas.0.get_quota(GetQuotaRequest { id: made.id.clone() }).await.unwrap().into_inner(), made);
    // One value of a measure, level and currency for a month.
    let twice = quotas.create(of(PeriodKind::Month, 6, 1)).await;
    assert_error(twice, Code::AlreadyExists, "QUOTA_EXISTS");
    for other in [
        Quota { level: Level::Sprint.into(), ..of(PeriodKind::Month, 6, 1) },
        Quota { department_id: Uuid::new_v4().to_string(), ..of(PeriodKind::Month, 6, 1) },
        Quota { measure: Measure::CountWon.into(), amount: None, count: 7, ..of(PeriodKind::Month, 6, 1) },
        of(PeriodKind::Month, 7, 1),
    ] {
        quotas.create(other).await.unwrap();
    }
    let moved = quotas
        .update(
            Quota { id: made.id.clone(), start_date: Some(day(2026, 7, 1)), ..Quota::default() },
            &["start_date"],
        )
        .await;
    assert_error(moved, Code::AlreadyExists, "QUOTA_EXISTS");
    let moved = Quota { id: made.id.clone(), start_date: Some(day(2026, 10, 1)), ..Quota::default() };
    assert_eq!(quotas.update(moved, &["start_date"]).await.unwrap().end_date, Some(day(2026, 12, 31)));
    // In the recycle bin it holds no month.
    let delete = DeleteQuotaRequest { id: made.id.clone(), etag: String::new() };
    quotas.0.delete_quota(delete).await.unwrap();
    quotas.create(of(PeriodKind::Month, 11, 5)).await.unwrap();
    let back = UndeleteQuotaRequest { id: made.id, etag: String::new() };
    assert_error(quotas.0.undelete_quota(back).await, Code::AlreadyExists, "QUOTA_EXISTS");
    let filter = "period_kind == 'PERIOD_KIND_MONTH' && amount >= 5".to_owned();
    let page = quotas.0.list_quotas(ListQuotasRequest { filter, ..Default::default() }).await;
    assert_eq!(page.unwrap().into_inner().quotas.len(), 1);
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_with_its_field() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut quotas = Quotas::new(&rig, &me);
    let base = of(PeriodKind::Month, 4, 1);
    let fine = crm_proto::google::r#type::Money { nanos: 1_000_000, ..yuan(1) };
    for (quota, field, reason) in [
        (Quota { start_date: None, ..base.clone() }, "quota.start_date", "REQUIRED"),
        (
            Quota { start_date: Some(day(2026, 4, 2)), ..base.clone() },
            "quota.start_date",
            "PERIOD_MISALIGNED",
        ),
        (of(PeriodKind::Quarter, 5, 1), "quota.start_date", "PERIOD_MISALIGNED"),
        (Quota { amount: None, ..base.clone() }, "quota.amount", "REQUIRED"),
        (Quota { amount: Some(yuan(-1)), ..base.clone() }, "quota.amount", "MONEY_NEGATIVE"),
        (Quota { amount: Some(fine), ..base.clone() }, "quota.amount", "MONEY_TOO_FINE"),
        (Quota { count: 3, ..base.clone() }, "quota.count", "NOT_MEASURED"),
        (Quota { measure: Measure::CountWon.into(), ..base.clone() }, "quota.amount", "NOT_MEASURED"),
    ] {
        let status = quotas.create(quota).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field} {reason}");
        let found = violations(&status);
        assert!(
            found.iter().any(|(at, why)| (at.as_str(), why.as_str()) == (field, reason)),
            "{field} {reason} {found:?}"
        );
    }
}

#[tokio::test]
async fn a_published_quota_keeps_what_it_was_and_is_locked_after_its_period() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut quotas = Quotas::new(&rig, &me);
    let made = quotas.create(of(PeriodKind::Quarter, 1, 900)).await.unwrap();
    let over = quotas
        .create(Quota { start_date: Some(day(2025, 1, 1)), ..of(PeriodKind::Year, 1, 1) })
        .await
        .unwrap();
    let published = quotas.publish(&[&made.id, &over.id]).await.unwrap();
    assert_eq!((published[0].state(), published[1].state()), (State::Published, State::Locked));
    assert_eq!(quotas.publish(&[&made.id]).await.unwrap()[0], published[0]);
    rig.clock.advance(TimeDelta::days(1));
    let change = Quota {
        id: made.id.clone(),
        amount: Some(yuan(1200)),
        note: "more people".into(),
        ..Quota::default()
    };
    let changed = quotas.update(change, &["amount", "note"]).await.unwrap();
    assert_eq!((changed.version, changed.months[0].amount.clone()), (2, Some(yuan(400))));
    let versions = ListQuotaVersionsRequest { quota_id: made.id.clone() };
    let versions = quotas.0.list_quota_versions(versions).await.unwrap().into_inner().versions;
    let told: Vec<_> = versions
        .iter()
        .map(|version| (version.version, version.amount.clone(), version.note.as_str()))
        .collect();
    assert_eq!(told, [(1, Some(yuan(900)), ""), (2, Some(yuan(1200)), "more people")]);
    assert_eq!((versions[0].end_time, versions[1].end_time), (versions[1].start_time, None));
    assert_eq!(versions[0].actor_id, me.id.to_string());
    let place = Quota { id: made.id.clone(), level: Level::Sprint.into(), ..Quota::default() };
    assert_error(quotas.update(place, &["level"]).await, Code::InvalidArgument, "FIELD_INVALID");
    let delete = DeleteQuotaRequest { id: made.id.clone(), etag: String::new() };
    assert_error(quotas.0.delete_quota(delete).await, Code::FailedPrecondition, "QUOTA_PUBLISHED");
    // The quarter is over; nobody has walked by yet.
    rig.clock.advance(TimeDelta::days(31));
    let late = Quota { id: made.id.clone(), amount: Some(yuan(1)), ..Quota::default() };
    let refused = quotas.update(late, &["amount"]).await.unwrap_err();
    assert_eq!(metadata(&refused, "end_date"), "2026-03-31");
    assert_error::<Quota>(Err(refused), Code::FailedPrecondition, "QUOTA_LOCKED");
    let slice = rig.records().slice();
    let running = CancellationToken::new();
    let walk = || lock::run(&slice, rig.clock.now(), &running);
    let draft = quotas.create(of(PeriodKind::Month, 1, 1)).await;
    assert_error(draft, Code::AlreadyExists, "QUOTA_EXISTS");
    assert_eq!((walk().await.unwrap(), walk().await.unwrap()), (1, 0));
    let found = quotas.0.get_quota(GetQuotaRequest { id: made.id }).await.unwrap().into_inner();
    assert_eq!((found.state(), found.version), (State::Locked, 2));
    let told = rig.told(&me, 6).await;
    let kinds: Vec<&str> = told
        .iter()
        .map(|event| event.payload.as_ref().unwrap().type_url.rsplit('.').next().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["QuotaCreated", "QuotaCreated", "QuotaUpdated", "QuotaUpdated", "QuotaUpdated", "QuotaUpdated"]
    );
}

#[tokio::test]
async fn two_who_change_a_published_quota_at_once_leave_a_version_each_or_one_is_told() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = Quotas::new(&rig, &me).create(of(PeriodKind::Month, 5, 1)).await.unwrap();
    Quotas::new(&rig, &me).publish(&[&made.id]).await.unwrap();
    let change = |units| {
        let mut quotas = Quotas::new(&rig, &me);
        let quota = Quota { id: made.id.clone(), amount: Some(yuan(units)), ..Quota::default() };
        async move { quotas.update(quota, &["amount"]).await.unwrap().version }
    };
    let mut versions = futures::future::join_all((2..10).map(change)).await;
    versions.sort_unstable();
    assert_eq!(versions, (2..10).collect::<Vec<i64>>());
    let found = ListQuotaVersionsRequest { quota_id: made.id.clone() };
    let found = Quotas::new(&rig, &me).0.list_quota_versions(found).await.unwrap().into_inner().versions;
    assert_eq!(found.len(), 9);
    assert!(found.windows(2).all(|pair| pair[0].end_time == pair[1].start_time));
}

#[tokio::test]
async fn quotas_come_in_by_streaming_upsert_and_stay_within_the_scope() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert) =
        (rig.callers.add(&rights), rig.callers.add(&rights.clone().with_permissions(&["sales.quotas.read"])));
    let row = |month: i32, units: i64| BulkUpsertQuotasRequest {
        key: Some(ExternalId { system: "hr".into(), value: format!("q{month}") }),
        quota: Some(of(PeriodKind::Month, month, units)),
        update_mask: None,
    };
    let rows =
        vec![row(1, 5), row(2, 6), row(1, 7), BulkUpsertQuotasRequest { key: row(9, 1).key, ..row(2, 1) }];
    let mut quotas = Quotas::new(&rig, &anna);
    let mut answers = quotas.0.bulk_upsert_quotas(futures::stream::iter(rows)).await.unwrap().into_inner();
    let mut outcomes = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        outcomes.extend(answer.results.iter().map(RowResult::outcome));
    }
    assert_eq!(outcomes, [Outcome::Created, Outcome::Created, Outcome::Updated, Outcome::Failed]);
    let list = || ListQuotasRequest { order_by: "start_date".into(), ..Default::default() };
    let page = quotas.0.list_quotas(list()).await.unwrap().into_inner().quotas;
    assert_eq!(
        page.iter().map(|quota| quota.amount.clone()).collect::<Vec<_>>(),
        [Some(yuan(7)), Some(yuan(6))]
    );
    let mut others = Quotas::new(&rig, &bert);
    assert!(others.0.list_quotas(list()).await.unwrap().into_inner().quotas.is_empty());
    let unseen = others.0.get_quota(GetQuotaRequest { id: page[0].id.clone() }).await;
    assert_error(unseen, Code::NotFound, "NOT_FOUND");
    assert_error(
        others.create(of(PeriodKind::Month, 1, 1)).await,
        Code::PermissionDenied,
        "PERMISSION_MISSING",
    );
    let stranger = rig.administrator();
    let unseen = Quotas::new(&rig, &stranger).publish(&[&page[0].id]).await;
    assert_error(unseen, Code::NotFound, "NOT_FOUND");
    // For somebody outside the scope it takes a right of its own.
    rig.database.knows(boss.tenant_id, &[bert.id]).await;
    let rights = rights.with_permissions(&["sales.quotas.create"]);
    let carl = rig.callers.add(&rights);
    let given = Quota { owner_id: bert.id.to_string(), ..of(PeriodKind::Month, 3, 1) };
    let refused = Quotas::new(&rig, &carl).create(given.clone()).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    Quotas::new(&rig, &boss).create(given).await.unwrap();
}

#[tokio::test]
async fn the_calendar_is_the_tenants_own() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut quotas = Quotas::new(&rig, &me);
    let first = quotas.0.get_fiscal_calendar(GetFiscalCalendarRequest {}).await.unwrap().into_inner();
    assert_eq!((first.first_month, first.update_time), (1, None));
    let set = quotas.fiscal_year_from(4).await;
    assert_eq!(set.first_month, 4);
    let stale = FiscalCalendar { first_month: 7, ..first };
    let request = UpdateFiscalCalendarRequest { fiscal_calendar: Some(stale) };
    assert_error(quotas.0.update_fiscal_calendar(request).await, Code::Aborted, "ETAG_MISMATCH");
    let misaligned = quotas.create(of(PeriodKind::Year, 1, 1)).await;
    assert_error(misaligned, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(quotas.create(of(PeriodKind::Year, 4, 1)).await.unwrap().end_date, Some(day(2027, 3, 31)));
    let stranger = rig.administrator();
    let theirs = Quotas::new(&rig, &stranger).0.get_fiscal_calendar(GetFiscalCalendarRequest {}).await;
    assert_eq!(theirs.unwrap().into_inner().first_month, 1);
}

#[tokio::test]
async fn persons_and_teams_are_held_against_what_was_won() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert) = (rig.callers.add(&rights), rig.callers.add(&rights));
    let department = Uuid::new_v4();
    rig.database.knows(boss.tenant_id, &[boss.id, anna.id, bert.id]).await;
    let mut conn = rig.database.look().await;
    // Anna is of the department, Bert reports to her, the boss answers for it.
    let set = "UPDATE colleague SET superior_id = CASE WHEN id = $2 THEN $1::uuid END, department_ids = CASE WHEN id = $1 THEN ARRAY[$3::uuid] ELSE '{}' END";
    sqlx::query(set).bind(anna.id).bind(bert.id).bind(department).execute(&mut conn).await.unwrap();
    let mut quotas = Quotas::new(&rig, &boss);
    let quota =
        |owner: &Caller, units| Quota { owner_id: owner.id.to_string(), ..of(PeriodKind::Quarter, 1, units) };
    let team = Quota { department_id: department.to_string(), ..quota(&boss, 1000) };
    let mut ids = Vec::new();
    for quota in [quota(&anna, 600), quota(&bert, 300), team] {
        ids.push(quotas.create(quota).await.unwrap().id);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    quotas.publish(&ids).await.unwrap();
    let won = |units, month| Opportunity {
        stage_key: "won".into(),
        open_date: Some(day(2025, 1, 1)),
        closed_date: Some(day(2026, month, 28)),
        ..worth("won", units)
    };
    rig.create(&anna, won(450, 1)).await.unwrap();
    rig.create(&anna, won(5000, 4)).await.unwrap();
    rig.create(&bert, won(100, 2)).await.unwrap();
    rig.create(&bert, worth("open", 70)).await.unwrap();
    let told = quotas.attained(ListQuotaAttainmentsRequest::default()).await;
    assert_eq!((told.start_date, told.end_date), (Some(day(2026, 1, 1)), Some(day(2026, 3, 31))));
    let by = |id: &Caller, team: bool| {
        let row = told
            .attainments
            .iter()
            .find(|row| row.owner_id == id.id.to_string() && row.department_id.is_empty() != team);
        let row = row.unwrap();
        (
            row.quota_amount.clone().unwrap().units,
            row.won_amount.clone().unwrap().units,
            row.won_count,
            row.attainment.clone(),
            row.complete,
        )
    };
    assert_eq!(by(&anna, false), (600, 450, 1, "0.750000".into(), true));
    assert_eq!(by(&bert, false), (300, 100, 1, "0.333333".into(), true));
    assert_eq!(by(&boss, true), (1000, 550, 2, "0.550000".into(), true));
    // The people of the team have 900 of its 1000.
    assert_eq!(told.attainments[2].members_quota_amount, Some(yuan(900)));
    let total = told.persons_total.clone().unwrap();
    assert_eq!(
        (total.quota_amount, total.won_amount, total.won_count),
        (Some(yuan(900)), Some(yuan(550)), 2)
    );
    assert!(told.conversion_rates.is_empty());
    // Within a scope only that counts.
    let told = Quotas::new(&rig, &bert).attained(ListQuotaAttainmentsRequest::default()).await;
    assert_eq!(told.attainments.len(), 1);
    let year = ListQuotaAttainmentsRequest { period_kind: PeriodKind::Year.into(), ..Default::default() };
    let told = quotas.attained(year).await;
    assert_eq!(told.persons_total.unwrap().won_amount, Some(yuan(5550)));
    // A currency without a platform to ask for rates.
    let euros = ListQuotaAttainmentsRequest { currency_code: "EUR".into(), ..Default::default() };
    let refused = quotas.0.list_quota_attainments(euros).await;
    assert_error(refused, Code::Unavailable, "DEPENDENCY_UNAVAILABLE");
}

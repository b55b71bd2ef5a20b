//! Leads: their life, and how they change their status.

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::{
    customer::v1::{
        AssignLeadRequest, BulkUpsertLeadsRequest, CreateLeadRequest, DeleteLeadRequest,
        DisqualifyLeadRequest, Lead, LeadStatusChange, ListLeadStatusChangesRequest, ListLeadsRequest,
        MarkLeadDuplicateRequest, QualifyLeadRequest, ReopenLeadRequest, StartLeadRequest,
        UndeleteLeadRequest, UpdateLeadRequest, Utm,
        lead::{Rating, Status},
    },
    record::v1::{ExternalId, RowResult, row_result::Outcome},
};
use crm_testkit::{Caller, Rights, status::assert_error, status::metadata, status::violations};
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use crate::rig::Rig;

/// A lead of whom only a telephone number is known.
fn caller() -> Lead {
    Lead { phone: "13812341234".into(), ..Lead::default() }
}

async fn update(rig: &Rig, me: &Caller, lead: Lead, mask: &[&str]) -> Result<Lead, tonic::Status> {
    let paths = mask.iter().map(|path| (*path).to_owned()).collect();
    let request = UpdateLeadRequest { lead: Some(lead), update_mask: Some(FieldMask { paths }) };
    rig.leads(me).update_lead(request).await.map(tonic::Response::into_inner)
}

async fn history(rig: &Rig, me: &Caller, id: &str) -> Vec<LeadStatusChange> {
    let mut changes = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListLeadStatusChangesRequest { id: id.into(), page_size: 2, page_token };
        let page = rig.leads(me).list_lead_status_changes(request).await.unwrap().into_inner();
        changes.extend(page.status_changes);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return changes;
        }
    }
}

fn ways(changes: &[LeadStatusChange]) -> Vec<(Status, Status)> {
    changes.iter().map(|change| (change.from_status(), change.to_status())).collect()
}

async fn names(rig: &Rig, me: &Caller, request: ListLeadsRequest) -> Vec<String> {
    let page = rig.leads(me).list_leads(request).await.unwrap().into_inner();
    page.leads.into_iter().map(|lead| lead.display_name).collect()
}

fn filter(filter: &str) -> ListLeadsRequest {
    ListLeadsRequest { filter: filter.into(), ..ListLeadsRequest::default() }
}

fn search(q: &str) -> ListLeadsRequest {
    ListLeadsRequest { q: q.into(), ..ListLeadsRequest::default() }
}

#[tokio::test]
async fn a_telephone_number_or_an_address_is_enough() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let called = rig.create_lead(&me, caller()).await.unwrap();
    assert_eq!((called.phone.as_str(), called.display_name.as_str()), ("+8613812341234", "+86138****1234"));
    assert_eq!((called.status(), called.owner_id.as_str()), (Status::New, me.id.to_string().as_str()));
    assert_eq!(rig.get_lead(&me, &called.id).await.unwrap(), called);
    let wrote = Lead { email: "Li@Example.COM".into(), ..Lead::default() };
    assert_eq!(rig.create_lead(&me, wrote).await.unwrap().email, "Li@example.com");
    let silent = Lead { family_name: "李".into(), ..Lead::default() };
    let status = assert_error(rig.create_lead(&me, silent).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("lead.phone".to_owned(), "REQUIRED".to_owned())]);
}

#[tokio::test]
async fn a_lead_comes_back_as_created_and_is_found_by_what_is_known() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let full = Lead {
        family_name: "张".into(),
        given_name: "安怡".into(),
        company_name: "华为技术有限公司".into(),
        source: "trade fair".into(),
        channel: "list".into(),
        campaign_id: Uuid::from_u128(7).to_string(),
        utm: Some(Utm { source: "newsletter".into(), ..Utm::default() }),
        score: 80,
        rating: Rating::Hot.into(),
        tags: vec!["重点".into()],
        external_ids: vec![ExternalId { system: "form".into(), value: "17".into() }],
        ..caller()
    };
    let created = rig.create_lead(&me, full.clone()).await.unwrap();
    assert_eq!(created.display_name, "张安怡");
    assert_eq!((created.utm.clone(), created.score, created.rating()), (full.utm, 80, Rating::Hot));
    assert_eq!(rig.get_lead(&me, &created.id).await.unwrap(), created);
    for q in ["安怡", "zay", "华为", "13812341234"] {
        assert_eq!(names(&rig, &me, search(q)).await, ["张安怡"], "{q}");
    }
    for text in [
        "utm.source == \"newsletter\" && score > 79 && rating == \"RATING_HOT\"",
        "status == \"STATUS_NEW\" && !has(pool_id) && channel == \"list\"",
        "campaign_id == \"00000000-0000-0000-0000-000000000007\"",
    ] {
        assert_eq!(names(&rig, &me, filter(text)).await, ["张安怡"], "{text}");
    }
    let renamed = Lead { id: created.id.clone(), given_name: "安然".into(), ..Lead::default() };
    let renamed = update(&rig, &me, renamed, &["given_name"]).await.unwrap();
    assert_eq!(renamed.display_name, "张安然");
    let too_much = Lead { score: 101, ..caller() };
    assert_error(rig.create_lead(&me, too_much).await, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn a_lead_goes_its_way_and_every_step_is_kept_with_its_reason() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let lead = rig.create_lead(&me, caller()).await.unwrap();
    let (id, etag) = (lead.id.clone(), String::new());
    let colleague = Uuid::from_u128(99);
    rig.database.knows(me.tenant_id, &[colleague]).await;
    let assign = AssignLeadRequest {
        id: id.clone(),
        etag: lead.etag.clone(),
        owner_id: colleague.to_string(),
        reason: "knows the company".into(),
    };
    let mut leads = rig.leads(&me);
    let nobody = AssignLeadRequest { owner_id: Uuid::new_v4().to_string(), ..assign.clone() };
    // Nobody here knows the user, and there is no platform to ask.
    assert_error(leads.assign_lead(nobody).await, Code::Unavailable, "DEPENDENCY_UNAVAILABLE");
    let assigned = leads.assign_lead(assign.clone()).await.unwrap().into_inner();
    assert_eq!((assigned.status(), assigned.owner_id), (Status::Assigned, colleague.to_string()));
    assert!(assigned.claim_time.is_some());
    assert_error(leads.assign_lead(assign).await, Code::Aborted, "ETAG_MISMATCH");
    leads.start_lead(StartLeadRequest { id: id.clone(), etag: etag.clone() }).await.unwrap();
    let again = leads.start_lead(StartLeadRequest { id: id.clone(), etag: etag.clone() }).await;
    let status = assert_error(again, Code::FailedPrecondition, "LEAD_STATE");
    assert_eq!(metadata(&status, "status"), "STATUS_WORKING");
    let qualify = QualifyLeadRequest { id: id.clone(), etag: etag.clone(), reason: "has a budget".into() };
    leads.qualify_lead(qualify).await.unwrap();
    let back = leads.start_lead(StartLeadRequest { id: id.clone(), etag: etag.clone() }).await;
    assert_error(back, Code::FailedPrecondition, "LEAD_STATE");
    let gone =
        DisqualifyLeadRequest { id: id.clone(), etag: etag.clone(), reason: "bought elsewhere".into() };
    let gone = leads.disqualify_lead(gone).await.unwrap().into_inner();
    assert_eq!((gone.status(), gone.status_reason.as_str()), (Status::Disqualified, "bought elsewhere"));
    let start = StartLeadRequest { id: id.clone(), etag: etag.clone() };
    assert_error(leads.start_lead(start).await, Code::FailedPrecondition, "LEAD_STATE");
    let reopen = ReopenLeadRequest { id: id.clone(), etag, reason: "called again".into() };
    assert_eq!(leads.reopen_lead(reopen).await.unwrap().into_inner().status(), Status::New);

    let changes = history(&rig, &me, &id).await;
    let wanted = [
        (Status::Unspecified, Status::New),
        (Status::New, Status::Assigned),
        (Status::Assigned, Status::Working),
        (Status::Working, Status::Qualified),
        (Status::Qualified, Status::Disqualified),
        (Status::Disqualified, Status::New),
    ];
    assert_eq!(ways(&changes), wanted);
    let reasons: Vec<&str> = changes.iter().map(|change| change.reason.as_str()).collect();
    assert_eq!(reasons, ["", "knows the company", "", "has a budget", "bought elsewhere", "called again"]);
    assert!(changes.iter().all(|change| change.actor_id == me.id.to_string()));
    let silent = DisqualifyLeadRequest { id, ..DisqualifyLeadRequest::default() };
    assert_error(leads.disqualify_lead(silent).await, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn a_duplicate_names_what_it_repeats() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (first, second) =
        (rig.create_lead(&me, caller()).await.unwrap(), rig.create_lead(&me, caller()).await.unwrap());
    let request = |original: &str| MarkLeadDuplicateRequest {
        id: second.id.clone(),
        duplicate_of_id: original.to_owned(),
        ..MarkLeadDuplicateRequest::default()
    };
    let mut leads = rig.leads(&me);
    let itself = leads.mark_lead_duplicate(request(&second.id)).await;
    assert_error(itself, Code::InvalidArgument, "FIELD_INVALID");
    let nothing = leads.mark_lead_duplicate(request(&Uuid::new_v4().to_string())).await;
    assert_error(nothing, Code::NotFound, "NOT_FOUND");
    let marked = leads.mark_lead_duplicate(request(&first.id)).await.unwrap().into_inner();
    assert_eq!((marked.status(), marked.duplicate_of_id.as_str()), (Status::Duplicate, first.id.as_str()));
    let reopen = ReopenLeadRequest { id: second.id.clone(), reason: "twins".into(), etag: String::new() };
    assert_eq!(leads.reopen_lead(reopen).await.unwrap().into_inner().duplicate_of_id, "");
}

#[tokio::test]
async fn a_new_owner_makes_a_lead_assigned_however_it_came_to_it() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let other = Uuid::from_u128(5).to_string();
    rig.database.knows(me.tenant_id, &[Uuid::from_u128(5)]).await;
    let given = rig.create_lead(&me, Lead { owner_id: other.clone(), ..caller() }).await.unwrap();
    assert_eq!((given.status(), &given.owner_id), (Status::Assigned, &other));
    assert_eq!(ways(&history(&rig, &me, &given.id).await), [(Status::Unspecified, Status::Assigned)]);
    let mine = rig.create_lead(&me, caller()).await.unwrap();
    let handed = Lead { id: mine.id.clone(), owner_id: other, ..Lead::default() };
    let handed = update(&rig, &me, handed, &["owner_id"]).await.unwrap();
    assert_eq!((handed.status(), handed.claim_time.is_some()), (Status::Assigned, true));
    let wanted = [(Status::Unspecified, Status::New), (Status::New, Status::Assigned)];
    assert_eq!(ways(&history(&rig, &me, &mine.id).await), wanted);
    // What only the server sets stays, whatever is sent.
    let forged = Lead { status: Status::Converted.into(), pool_id: mine.id.clone(), ..mine.clone() };
    let status = update(&rig, &me, Lead { etag: String::new(), ..forged }, &["*"]).await.unwrap();
    assert_eq!((status.status(), status.pool_id.as_str()), (Status::Assigned, ""));
}

#[tokio::test]
async fn leads_come_in_bulk_by_their_external_ids() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let row = |value: &str, lead: Lead| BulkUpsertLeadsRequest {
        key: Some(ExternalId { system: "form".into(), value: value.into() }),
        lead: Some(lead),
        update_mask: None,
    };
    let upsert = async |rows: Vec<BulkUpsertLeadsRequest>| {
        let answers = rig.leads(&me).bulk_upsert_leads(futures::stream::iter(rows)).await.unwrap();
        let mut answers = answers.into_inner();
        let mut outcomes = Vec::new();
        while let Some(answer) = answers.message().await.unwrap() {
            outcomes.extend(answer.results.iter().map(RowResult::outcome).collect::<Vec<_>>());
        }
        outcomes
    };
    let first = upsert(vec![row("1", caller()), row("2", Lead::default()), row("3", caller())]).await;
    assert_eq!(first, [Outcome::Created, Outcome::Failed, Outcome::Created]);
    let second = upsert(vec![row("1", caller()), row("3", Lead { score: 9, ..caller() })]).await;
    assert_eq!(second, [Outcome::Unchanged, Outcome::Updated]);
    assert_eq!(names(&rig, &me, filter("score == 9")).await.len(), 1);
    // Each that came in has its first status and an owner.
    assert_eq!(names(&rig, &me, filter("status == \"STATUS_NEW\" && has(owner_id)")).await.len(), 2);
}

#[tokio::test]
async fn leads_keep_to_the_walls() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id);
    let (anna, ben) =
        (rig.callers.add(&rights.clone().with_team(&[])), rig.callers.add(&rights.clone().with_team(&[])));
    let of_anna = rig.create_lead(&anna, caller()).await.unwrap();
    assert_error(rig.get_lead(&ben, &of_anna.id).await, Code::NotFound, "NOT_FOUND");
    assert_error(rig.get_lead(&rig.administrator(), &of_anna.id).await, Code::NotFound, "NOT_FOUND");
    assert!(names(&rig, &ben, filter("")).await.is_empty());
    let start = StartLeadRequest { id: of_anna.id.clone(), etag: String::new() };
    assert_error(rig.leads(&ben).start_lead(start).await, Code::NotFound, "NOT_FOUND");
    let request = ListLeadStatusChangesRequest { id: of_anna.id.clone(), ..Default::default() };
    assert_error(rig.leads(&ben).list_lead_status_changes(request).await, Code::NotFound, "NOT_FOUND");
    let few = ["customer.leads.assign", "customer.leads.create"];
    let clerk = rig.callers.add(&rights.clone().with_team(&[]).with_permissions(&few));
    let own = rig.create_lead(&clerk, caller()).await.unwrap();
    let assign = AssignLeadRequest { id: own.id, owner_id: boss.id.to_string(), ..Default::default() };
    let status = assert_error(
        rig.leads(&clerk).assign_lead(assign).await,
        Code::PermissionDenied,
        "PERMISSION_MISSING",
    );
    assert_eq!(metadata(&status, "permission"), "customer.leads.transfer");
    let masked =
        rights.masking(Sensitivity::Phone, Mask::Partial).masking(Sensitivity::PersonName, Mask::Partial);
    let masked = rig.callers.add(&masked);
    let seen = rig.get_lead(&masked, &of_anna.id).await.unwrap();
    assert_eq!(seen.phone, "+86138****1234");
    assert!(names(&rig, &masked, search("13812341234")).await.is_empty());
}

#[tokio::test]
async fn the_recycle_bin_takes_leads_and_gives_them_back() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut leads = rig.leads(&me);
    let lead = rig.create_lead(&me, caller()).await.unwrap();
    let delete = DeleteLeadRequest { id: lead.id.clone(), etag: String::new() };
    assert!(leads.delete_lead(delete).await.unwrap().into_inner().purge_time.is_some());
    let start = StartLeadRequest { id: lead.id.clone(), etag: String::new() };
    assert_error(leads.start_lead(start).await, Code::NotFound, "NOT_FOUND");
    let back = UndeleteLeadRequest { id: lead.id.clone(), etag: String::new() };
    assert_eq!(leads.undelete_lead(back).await.unwrap().into_inner().status(), Status::New);
    assert_eq!(history(&rig, &me, &lead.id).await.len(), 1);
}

#[tokio::test]
async fn what_was_written_of_a_status_cannot_be_altered() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    rig.create_lead(&me, caller()).await.unwrap();
    let altered = rig
        .database
        .db()
        .for_tenant(me.tenant_id, |tx| {
            Box::pin(async move {
                let done = sqlx::query("UPDATE lead_status_change SET reason = 'x'").execute(tx.conn()).await;
                Ok::<_, crm_kit_api::Error>(done.is_err())
            })
        })
        .await;
    assert!(altered.is_err() || altered.unwrap());
}

#[tokio::test]
async fn the_same_key_makes_a_lead_once() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let both = (0..4).map(|_| {
        let mut leads = rig.leads(&me);
        let mut request = tonic::Request::new(CreateLeadRequest { lead: Some(caller()) });
        request.metadata_mut().insert("idempotency-key", "form-1".parse().unwrap());
        async move { leads.create_lead(request).await.unwrap().into_inner().id }
    });
    let mut ids = futures::future::join_all(both).await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

//! How a lead becomes an account and a contact.

use crm_proto::crm::customer::v1::{
    Account, Contact, ConversionTarget, ConvertLeadRequest, ConvertLeadResponse, DeleteLeadRequest,
    DisqualifyLeadRequest, GetConversionRequest, Lead, ListAccountsRequest, UpdateLeadRequest,
    conversion::State, conversion_target::Mode, lead::Status as LeadStatus,
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Status};

use crate::rig::{Rig, field_mask, named};

fn full() -> Lead {
    Lead {
        family_name: "张".into(),
        given_name: "安怡".into(),
        company_name: "华为技术有限公司".into(),
        job_title: "采购经理".into(),
        phone: "13812341234".into(),
        email: "zhang@example.com".into(),
        region: "South".into(),
        source: "trade fair".into(),
        ..Lead::default()
    }
}

fn create() -> ConversionTarget {
    ConversionTarget { mode: Mode::Create.into(), id: String::new() }
}

fn existing(id: &str) -> ConversionTarget {
    ConversionTarget { mode: Mode::UseExisting.into(), id: id.into() }
}

async fn convert(rig: &Rig, me: &Caller, request: ConvertLeadRequest) -> Result<ConvertLeadResponse, Status> {
    rig.leads(me).convert_lead(request).await.map(tonic::Response::into_inner)
}

fn both(lead: &Lead) -> ConvertLeadRequest {
    ConvertLeadRequest {
        id: lead.id.clone(),
        account: Some(create()),
        contact: Some(create()),
        ..Default::default()
    }
}

async fn accounts(rig: &Rig, me: &Caller) -> usize {
    rig.names(me, ListAccountsRequest::default()).await.len()
}

#[tokio::test]
async fn a_lead_becomes_an_account_and_a_contact_once() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let lead = rig.create_lead(&me, full()).await.unwrap();
    let done = convert(&rig, &me, both(&lead)).await.unwrap();
    let account = rig.get(&me, &done.account_id).await.unwrap();
    assert_eq!((account.display_name.as_str(), account.region.as_str()), ("华为技术有限公司", "South"));
    let contact = rig.get_contact(&me, &done.contact_id).await.unwrap();
    assert_eq!((contact.display_name.as_str(), contact.job_title.as_str()), ("张安怡", "采购经理"));
    assert_eq!(
        (contact.phones[0].number.as_str(), contact.emails[0].address.as_str()),
        ("+8613812341234", "zhang@example.com")
    );
    assert_eq!(contact.accounts[0].account_id, account.id);
    let converted = rig.get_lead(&me, &lead.id).await.unwrap();
    assert_eq!(done.lead.as_ref(), Some(&converted));
    assert_eq!(converted.status(), LeadStatus::Converted);
    assert_eq!(
        (&converted.converted_account_id, &converted.converted_contact_id),
        (&account.id, &contact.id)
    );

    // Asked again, also for something else, it answers the same and makes nothing.
    assert_eq!(convert(&rig, &me, both(&lead)).await.unwrap(), done);
    let other = ConvertLeadRequest { id: lead.id.clone(), contact: Some(create()), ..Default::default() };
    assert_eq!(convert(&rig, &me, other).await.unwrap(), done);
    assert_eq!(accounts(&rig, &me).await, 1);

    // It is the end of the lead.
    let change = Lead { id: lead.id.clone(), score: 5, ..Lead::default() };
    let request = UpdateLeadRequest { lead: Some(change), update_mask: field_mask(&["score"]) };
    assert_error(rig.leads(&me).update_lead(request).await, Code::FailedPrecondition, "LEAD_STATE");
    let delete = DeleteLeadRequest { id: lead.id, etag: String::new() };
    assert_error(rig.leads(&me).delete_lead(delete).await, Code::FailedPrecondition, "LEAD_STATE");
}

#[tokio::test]
async fn two_conversions_at_once_make_one() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let lead = rig.create_lead(&me, full()).await.unwrap();
    let outcomes = futures::future::join_all((0..4).map(|_| convert(&rig, &me, both(&lead)))).await;
    let mut ids: Vec<String> = outcomes.into_iter().filter_map(|done| Some(done.ok()?.account_id)).collect();
    ids.dedup();
    assert_eq!((ids.len(), accounts(&rig, &me).await), (1, 1));
}

#[tokio::test]
async fn of_records_that_are_there_only_empty_fields_are_filled() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, Account { region: "North".into(), ..named("Huawei") }).await.unwrap();
    let contact = Contact { display_name: "张安怡".into(), job_title: "CEO".into(), ..Contact::default() };
    let contact = rig.create_contact(&me, contact).await.unwrap();
    let lead = rig.create_lead(&me, full()).await.unwrap();
    let request = ConvertLeadRequest {
        id: lead.id,
        account: Some(existing(&account.id)),
        contact: Some(existing(&contact.id)),
        ..Default::default()
    };
    let done = convert(&rig, &me, request).await.unwrap();
    assert_eq!((&done.account_id, &done.contact_id), (&account.id, &contact.id));
    let wanted = [
        "account.phone",
        "account.email",
        "account.source",
        "contact.source",
        "contact.emails",
        "contact.phones",
    ];
    assert_eq!(done.filled_fields, wanted);
    let account = rig.get(&me, &account.id).await.unwrap();
    assert_eq!((account.display_name.as_str(), account.region.as_str()), ("Huawei", "North"));
    assert_eq!(account.phone, "+8613812341234");
    let contact = rig.get_contact(&me, &contact.id).await.unwrap();
    assert_eq!((contact.job_title.as_str(), contact.source.as_str()), ("CEO", "trade fair"));
    assert_eq!(contact.accounts[0].account_id, account.id);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_nothing_is_made() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let bare = rig.create_lead(&me, Lead { phone: "13812341234".into(), ..Lead::default() }).await.unwrap();
    let status =
        assert_error(convert(&rig, &me, both(&bare)).await, Code::FailedPrecondition, "LEAD_INCOMPLETE");
    let fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["lead.company_name", "lead.family_name"]);
    let lead = rig.create_lead(&me, full()).await.unwrap();
    let nothing = ConvertLeadRequest { id: lead.id.clone(), ..Default::default() };
    assert_error(convert(&rig, &me, nothing).await, Code::InvalidArgument, "FIELD_INVALID");
    let deal = ConvertLeadRequest { opportunity: Some(create()), ..both(&lead) };
    assert_error(convert(&rig, &me, deal).await, Code::FailedPrecondition, "OPPORTUNITY_UNAVAILABLE");
    let stale = ConvertLeadRequest { etag: "9".into(), ..both(&lead) };
    assert_error(convert(&rig, &me, stale).await, Code::Aborted, "ETAG_MISMATCH");
    // The account is made before the contact is found missing; neither stays.
    let missing = uuid::Uuid::new_v4().to_string();
    let half = ConvertLeadRequest { contact: Some(existing(&missing)), ..both(&lead) };
    assert_error(convert(&rig, &me, half).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(accounts(&rig, &me).await, 0);
    assert_eq!(rig.get_lead(&me, &lead.id).await.unwrap().status(), LeadStatus::New);
    let rights =
        Rights::all(me.tenant_id).with_permissions(&["customer.leads.convert", "customer.contacts.create"]);
    let clerk = rig.callers.add(&rights);
    let status =
        assert_error(convert(&rig, &clerk, both(&lead)).await, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_eq!(metadata(&status, "permission"), "customer.accounts.create");
    let gone = DisqualifyLeadRequest { id: lead.id.clone(), reason: "no".into(), etag: String::new() };
    rig.leads(&me).disqualify_lead(gone).await.unwrap();
    assert_error(convert(&rig, &me, both(&lead)).await, Code::FailedPrecondition, "LEAD_STATE");
}

#[tokio::test]
async fn a_conversion_is_seen_by_whoever_made_it_or_sees_its_lead() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let lead = rig.create_lead(&me, full()).await.unwrap();
    let done = convert(&rig, &me, both(&lead)).await.unwrap().conversion.unwrap();
    assert_eq!((done.state(), &done.lead_id), (State::Committed, &lead.id));
    let get = async |caller: &Caller| {
        let request = GetConversionRequest { id: done.id.clone() };
        rig.leads(caller).get_conversion(request).await.map(tonic::Response::into_inner)
    };
    assert_eq!(get(&me).await.unwrap(), done);
    let colleague = rig.callers.add(&Rights::all(me.tenant_id));
    assert_eq!(get(&colleague).await.unwrap(), done);
    let outside = rig.callers.add(&Rights::all(me.tenant_id).with_team(&[]));
    assert_error(get(&outside).await, Code::NotFound, "NOT_FOUND");
    assert_error(get(&rig.administrator()).await, Code::NotFound, "NOT_FOUND");
    let blind = Rights::all(me.tenant_id).with_permissions(&["customer.accounts.read"]);
    let blind = rig.callers.add(&blind);
    assert_error(get(&blind).await, Code::PermissionDenied, "PERMISSION_MISSING");
}

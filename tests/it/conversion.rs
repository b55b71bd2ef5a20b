//! Conversions over two services on a line that is cut at each step: each ends once, whole or taken back.

use chrono::{TimeDelta, TimeZone as _, Utc};
use crm_kit_api::clock::Clock;
use crm_proto::crm::{
    customer::v1::Account,
    customer::v1::{
        Conversion, ConversionTarget, ConvertLeadRequest, ConvertLeadResponse, CreateLeadRequest,
        GetConversionRequest, GetLeadRequest, Lead, ListAccountsRequest, ListContactsRequest,
        OpportunityDetails, UpdateAccountRequest, UpdateLeadRequest,
        account_service_client::AccountServiceClient, contact_service_client::ContactServiceClient,
        conversion::State, conversion_target::Mode as Target, lead::Status as LeadStatus,
        lead_service_client::LeadServiceClient,
    },
    sales::v1::{
        CreateOpportunityRequest, ListOpportunitiesRequest, Opportunity,
        opportunity_service_client::OpportunityServiceClient,
    },
};
use crm_testkit::{
    callers::Bearer,
    status::{assert_error, metadata},
};
use prost_types::FieldMask;
use sqlx::{Connection as _, PgConnection};
use tonic::{Code, Status, service::interceptor::InterceptedService, transport::Channel};

use crate::{
    line::Mode,
    suite::{SignedIn, Suite},
};

type Wired = InterceptedService<Channel, Bearer>;

/// A suite with a tenant, and a lead to convert.
struct Desk {
    suite: Suite,
    me: SignedIn,
    lead: Lead,
}

impl Desk {
    async fn new() -> Self {
        let suite = Suite::at(Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 1, 8, 0, 0).unwrap())).await;
        let me = suite.tenant("desk").await;
        let lead = Lead {
            family_name: "张".into(),
            given_name: "安怡".into(),
            company_name: "华为技术有限公司".into(),
            email: "zhang@example.com".into(),
            region: "South".into(),
            ..Lead::default()
        };
        let mut leads = LeadServiceClient::new(Bearer::new(&me.token).on(&suite.customer));
        let lead = leads.create_lead(CreateLeadRequest { lead: Some(lead) }).await.unwrap().into_inner();
        Self { suite, me, lead }
    }

    fn leads(&self) -> LeadServiceClient<Wired> {
        LeadServiceClient::new(Bearer::new(&self.me.token).on(&self.suite.customer))
    }

    fn opportunities(&self) -> OpportunityServiceClient<Wired> {
        OpportunityServiceClient::new(Bearer::new(&self.me.token).on(&self.suite.sales))
    }

    fn request(&self) -> ConvertLeadRequest {
        let create = || Some(ConversionTarget { mode: Target::Create.into(), id: String::new() });
        ConvertLeadRequest {
            id: self.lead.id.clone(),
            account: create(),
            contact: create(),
            opportunity: create(),
            ..ConvertLeadRequest::default()
        }
    }

    /// One that sales refuses for good.
    fn refused(&self) -> ConvertLeadRequest {
        let details =
            OpportunityDetails { stage_key: "no such stage".into(), ..OpportunityDetails::default() };
        ConvertLeadRequest { opportunity_details: Some(details), ..self.request() }
    }

    async fn convert(&self, request: ConvertLeadRequest) -> Result<ConvertLeadResponse, Status> {
        self.leads().convert_lead(request).await.map(tonic::Response::into_inner)
    }

    async fn lead(&self) -> Lead {
        let request = GetLeadRequest { id: self.lead.id.clone() };
        self.leads().get_lead(request).await.unwrap().into_inner()
    }

    async fn conversion(&self, id: &str) -> Conversion {
        let request = GetConversionRequest { id: id.to_owned() };
        self.leads().get_conversion(request).await.unwrap().into_inner()
    }

    async fn deals(&self) -> Vec<Opportunity> {
        let page = self.opportunities().list_opportunities(ListOpportunitiesRequest::default()).await;
        page.unwrap().into_inner().opportunities
    }

    /// Live accounts and contacts.
    async fn records(&self) -> (usize, usize) {
        let bearer = || Bearer::new(&self.me.token).on(&self.suite.customer);
        let accounts =
            AccountServiceClient::new(bearer()).list_accounts(ListAccountsRequest::default()).await;
        let contacts =
            ContactServiceClient::new(bearer()).list_contacts(ListContactsRequest::default()).await;
        (accounts.unwrap().into_inner().accounts.len(), contacts.unwrap().into_inner().contacts.len())
    }

    /// Lets time go by until the conversion has an end, which a job brings about.
    async fn ended(&self, id: &str) -> Conversion {
        for _ in 0..200 {
            let conversion = self.conversion(id).await;
            if matches!(conversion.state(), State::Committed | State::Compensated) {
                return conversion;
            }
            self.suite.clock.advance(TimeDelta::seconds(2));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("never: {:?}", self.conversion(id).await);
    }

    /// The end of a conversion that took place: each record once, and all of them of one another.
    async fn assert_whole(&self) {
        let lead = self.lead().await;
        assert_eq!(lead.status(), LeadStatus::Converted, "{lead:?}");
        let deals = self.deals().await;
        assert_eq!((deals.len(), self.records().await), (1, (1, 1)));
        assert_eq!(lead.converted_opportunity_id, deals[0].id);
        assert_eq!(deals[0].account_id, lead.converted_account_id);
        assert_eq!(deals[0].contacts[0].contact_id, lead.converted_contact_id);
    }

    /// The end of one that did not: nothing stays.
    async fn assert_nothing(&self) {
        let lead = self.lead().await;
        assert_eq!((lead.status(), lead.conversion_id.as_str()), (LeadStatus::New, ""));
        assert_eq!((self.deals().await.len(), self.records().await), (0, (0, 0)));
    }
}

#[tokio::test]
async fn a_lead_becomes_three_records_that_know_each_other() {
    let desk = Desk::new().await;
    let done = desk.convert(desk.request()).await.unwrap();
    assert_eq!(done.conversion.as_ref().unwrap().state(), State::Committed);
    desk.assert_whole().await;
    let deal = &desk.deals().await[0];
    assert_eq!((deal.display_name.as_str(), deal.region.as_str()), ("华为技术有限公司", "South"));
    assert_eq!((&deal.owner_id, &deal.account_name), (&desk.lead.owner_id, &deal.display_name));
    assert_eq!(done.opportunity_id, deal.id);
    // Asked again it answers the same, and sales is not asked.
    desk.suite.line.set(Mode::Cut);
    assert_eq!(desk.convert(desk.request()).await.unwrap(), done);
}

#[tokio::test]
async fn what_sales_refuses_is_told_with_its_reason_and_nothing_stays() {
    let desk = Desk::new().await;
    let status =
        assert_error(desk.convert(desk.refused()).await, Code::FailedPrecondition, "OPPORTUNITY_REFUSED");
    assert_eq!(metadata(&status, "reason"), "FIELD_INVALID");
    let fields = crm_testkit::status::violations(&status);
    assert_eq!(fields[0].0, "opportunity.stage_key", "{fields:?}");
    desk.assert_nothing().await;
    let conversion = desk.conversion(&metadata(&status, "conversion_id")).await;
    assert_eq!((conversion.state(), conversion.kept.len()), (State::Compensated, 0));
    // The lead is free for another one.
    desk.convert(desk.request()).await.unwrap();
    desk.assert_whole().await;
}

#[tokio::test]
async fn without_sales_a_conversion_is_under_way_and_the_lead_is_locked() {
    let desk = Desk::new().await;
    desk.suite.line.set(Mode::Cut);
    let begun = desk.convert(desk.request()).await.unwrap();
    let conversion = begun.conversion.unwrap();
    assert_eq!(conversion.state(), State::AccountsDone);
    let told = desk.conversion(&conversion.id).await;
    assert_eq!(told.problem.unwrap().reason, "DEPENDENCY_UNAVAILABLE");
    let lead = desk.lead().await;
    assert_eq!((lead.status(), &lead.conversion_id), (LeadStatus::New, &conversion.id));
    let change = Lead { id: lead.id.clone(), score: 7, ..Lead::default() };
    let update_mask = Some(FieldMask { paths: vec!["score".to_owned()] });
    let request = UpdateLeadRequest { lead: Some(change), update_mask };
    let refused = desk.leads().update_lead(request).await;
    let status = assert_error(refused, Code::FailedPrecondition, "LEAD_CONVERTING");
    assert_eq!(metadata(&status, "conversion_id"), conversion.id);
    let delete = crm_proto::crm::customer::v1::DeleteLeadRequest { id: lead.id.clone(), etag: String::new() };
    assert_error(desk.leads().delete_lead(delete).await, Code::FailedPrecondition, "LEAD_CONVERTING");
    let start = crm_proto::crm::customer::v1::StartLeadRequest { id: lead.id, etag: String::new() };
    assert_error(desk.leads().start_lead(start).await, Code::FailedPrecondition, "LEAD_CONVERTING");
    // Asked again it is the same one.
    let again = desk.convert(desk.request()).await.unwrap();
    assert_eq!(again.conversion.unwrap().id, conversion.id);
    desk.suite.line.set(Mode::Open);
    assert_eq!(desk.ended(&conversion.id).await.state(), State::Committed);
    desk.assert_whole().await;
}

#[tokio::test]
async fn an_opportunity_whose_answer_was_lost_is_found_again() {
    let desk = Desk::new().await;
    // The connection is there before it goes deaf.
    desk.missing_is_refused().await;
    desk.suite.line.set(Mode::Deaf);
    let begun = desk.convert(desk.request()).await.unwrap();
    let conversion = begun.conversion.unwrap();
    assert_eq!(conversion.state(), State::AccountsDone);
    assert_eq!(desk.deals().await.len(), 1, "sales heard the question");
    desk.suite.line.set(Mode::Open);
    let ended = desk.ended(&conversion.id).await;
    assert_eq!((ended.state(), ended.opportunity_id), (State::Committed, desk.deals().await[0].id.clone()));
    desk.assert_whole().await;
}

#[tokio::test]
async fn nothing_is_taken_back_while_a_question_may_still_take_effect() {
    let desk = Desk::new().await;
    desk.suite.line.set(Mode::Cut);
    let begun = desk.convert(desk.refused()).await.unwrap();
    let id = begun.conversion.unwrap().id;
    desk.suite.line.set(Mode::Open);
    // Sales refuses now, but nobody knows what became of the first question.
    let doubtful = desk.convert(desk.request()).await.unwrap().conversion.unwrap();
    assert_eq!((doubtful.id.as_str(), doubtful.state()), (id.as_str(), State::AccountsDone));
    assert_eq!(desk.conversion(&id).await.problem.unwrap().reason, "FIELD_INVALID");
    desk.suite.clock.advance(TimeDelta::minutes(5));
    assert_eq!(desk.ended(&id).await.state(), State::Compensated);
    desk.assert_nothing().await;
}

#[tokio::test]
async fn what_somebody_changed_meanwhile_stays() {
    let desk = Desk::new().await;
    desk.suite.line.set(Mode::Cut);
    let begun = desk.convert(desk.refused()).await.unwrap();
    let account = Account { id: begun.account_id.clone(), region: "North".into(), ..Account::default() };
    let update_mask = Some(FieldMask { paths: vec!["region".to_owned()] });
    let mut accounts = AccountServiceClient::new(Bearer::new(&desk.me.token).on(&desk.suite.customer));
    accounts.update_account(UpdateAccountRequest { account: Some(account), update_mask }).await.unwrap();
    desk.suite.line.set(Mode::Open);
    desk.suite.clock.advance(TimeDelta::minutes(6));
    let ended = desk.ended(&begun.conversion.unwrap().id).await;
    assert_eq!((ended.state(), ended.kept), (State::Compensated, vec!["account".to_owned()]));
    assert_eq!((ended.account_id, desk.records().await), (begun.account_id, (1, 0)));
    assert_eq!(desk.lead().await.conversion_id, "");
}

#[tokio::test]
async fn filled_fields_are_emptied_again() {
    let desk = Desk::new().await;
    let mut accounts = AccountServiceClient::new(Bearer::new(&desk.me.token).on(&desk.suite.customer));
    let account = Account { display_name: "Huawei".into(), ..Account::default() };
    let request = crm_proto::crm::customer::v1::CreateAccountRequest { account: Some(account) };
    let was = accounts.create_account(request).await.unwrap().into_inner();
    let existing = Some(ConversionTarget { mode: Target::UseExisting.into(), id: was.id.clone() });
    let request = ConvertLeadRequest { account: existing, ..desk.refused() };
    let refused = desk.convert(request).await;
    assert_error(refused, Code::FailedPrecondition, "OPPORTUNITY_REFUSED");
    let request = crm_proto::crm::customer::v1::GetAccountRequest { id: was.id.clone() };
    let is = accounts.get_account(request).await.unwrap().into_inner();
    assert_eq!((is.region.as_str(), is.email.as_str()), ("", ""));
    assert_eq!(Account { etag: was.etag.clone(), update_time: was.update_time, ..is }, was);
    assert_eq!(desk.records().await, (1, 0));
}

/// The step after the opportunity is known, held up by a lock on the row of the conversion.
#[tokio::test]
async fn a_conversion_that_stops_before_its_last_step_goes_on_with_it() {
    let desk = Desk::new().await;
    // Leads cannot be written: the first step waits, so it is let through before.
    desk.suite.line.set(Mode::Cut);
    let begun = desk.convert(desk.request()).await.unwrap();
    let id = begun.conversion.unwrap().id;
    let mut lock: PgConnection = desk.suite.customer_database.look().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE lead_status_change IN ACCESS EXCLUSIVE MODE")
        .execute(&mut lock)
        .await
        .unwrap();
    desk.suite.line.set(Mode::Open);
    desk.suite.clock.advance(TimeDelta::seconds(30));
    let mut state = State::AccountsDone;
    for _ in 0..100 {
        state = desk.conversion(&id).await.state();
        if state == State::OpportunityDone {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!((state, desk.deals().await.len()), (State::OpportunityDone, 1));
    assert_eq!(desk.lead().await.status(), LeadStatus::New);
    lock.close().await.unwrap();
    assert_eq!(desk.ended(&id).await.state(), State::Committed);
    desk.assert_whole().await;
}

#[tokio::test]
async fn several_callers_at_once_make_one_of_each() {
    let desk = Desk::new().await;
    let outcomes = futures::future::join_all((0..6).map(|_| desk.convert(desk.request()))).await;
    assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
    let again = desk.convert(desk.request()).await.unwrap();
    assert_eq!(again.conversion.unwrap().state(), State::Committed);
    desk.assert_whole().await;
}

#[tokio::test]
async fn an_opportunity_that_is_there_is_looked_at_and_left_as_it_is() {
    let desk = Desk::new().await;
    desk.missing_is_refused().await;
    let deal = desk.deal().await;
    let existing = Some(ConversionTarget { mode: Target::UseExisting.into(), id: deal.id.clone() });
    let request = ConvertLeadRequest { opportunity: existing, ..desk.request() };
    desk.suite.line.set(Mode::Cut);
    let away = desk.convert(request.clone()).await;
    assert_error(away, Code::Unavailable, "DEPENDENCY_UNAVAILABLE");
    desk.assert_free().await;
    desk.suite.line.set(Mode::Open);
    let done = desk.convert(request).await.unwrap();
    assert_eq!((&done.opportunity_id, done.conversion.unwrap().state()), (&deal.id, State::Committed));
    assert_eq!(desk.lead().await.converted_opportunity_id, deal.id);
    assert_eq!(desk.deals().await, [deal]);
}

impl Desk {
    /// Has sales asked about an opportunity that is not there.
    async fn missing_is_refused(&self) {
        let missing = uuid::Uuid::new_v4().to_string();
        let target = Some(ConversionTarget { mode: Target::UseExisting.into(), id: missing });
        let request = ConvertLeadRequest { opportunity: target, ..self.request() };
        assert_error(self.convert(request).await, Code::NotFound, "NOT_FOUND");
        self.assert_free().await;
    }

    async fn assert_free(&self) {
        assert_eq!(self.lead().await, self.lead);
        assert_eq!(self.records().await, (0, 0));
    }

    async fn deal(&self) -> Opportunity {
        let opportunity = Some(Opportunity { display_name: "there".into(), ..Opportunity::default() });
        let made = self.opportunities().create_opportunity(CreateOpportunityRequest { opportunity }).await;
        made.unwrap().into_inner()
    }
}

//! The time line of an account: every source in one order, page by page, and what of it a caller sees.

use chrono::TimeDelta;
use crm_proto::crm::customer::v1::{
    Account, ConversionTarget, ConvertLeadRequest, CreateInteractionRequest, CreateTaskRequest,
    GetAccountOverviewRequest, Interaction, Lead, ListAccountTimelineRequest, Task, TimelineEntry,
    account_overview::Reason, account_overview_service_client::AccountOverviewServiceClient,
    conversion_target::Mode, interaction::Kind, interaction_service_client::InteractionServiceClient,
    ownership_period::Act, task_service_client::TaskServiceClient, timeline_entry::Entry,
};
use crm_testkit::{Caller, Rights, status::assert_error};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::rig::{Rig, Wired, named};

fn client(rig: &Rig, caller: &Caller) -> AccountOverviewServiceClient<Wired> {
    AccountOverviewServiceClient::new(caller.on(&rig.channel))
}

async fn page(
    rig: &Rig,
    who: &Caller,
    account_id: &str,
    (size, token): (i32, &str),
) -> Result<(Vec<TimelineEntry>, String), Status> {
    let request = ListAccountTimelineRequest {
        account_id: account_id.into(),
        page_size: size,
        page_token: token.into(),
    };
    let page = client(rig, who).list_account_timeline(request).await.map(Response::into_inner)?;
    Ok((page.entries, page.next_page_token))
}

/// What an entry is, for people.
fn word(entry: &TimelineEntry) -> String {
    match entry.entry.as_ref().unwrap() {
        Entry::Interaction(interaction) => interaction.display_name.clone(),
        Entry::Task(task) => task.display_name.clone(),
        Entry::Ownership(period) => period.act().as_str_name().to_owned(),
        Entry::LeadStep(step) => step.change.as_ref().unwrap().to_status().as_str_name().to_owned(),
    }
}

fn words(entries: &[TimelineEntry]) -> Vec<String> {
    entries.iter().map(word).collect()
}

async fn call(rig: &Rig, who: &Caller, account_id: &str, name: &str) -> Interaction {
    let interaction = Interaction {
        display_name: name.into(),
        kind: Kind::Call.into(),
        account_id: account_id.into(),
        ..Interaction::default()
    };
    let request = CreateInteractionRequest { interaction: Some(interaction) };
    let mut interactions = InteractionServiceClient::new(who.on(&rig.channel));
    interactions.create_interaction(request).await.unwrap().into_inner()
}

async fn to_do(rig: &Rig, who: &Caller, account_id: &str, name: &str) {
    let task = Task { display_name: name.into(), account_id: account_id.into(), ..Task::default() };
    let mut tasks = TaskServiceClient::new(who.on(&rig.channel));
    tasks.create_task(CreateTaskRequest { task: Some(task) }).await.unwrap();
}

/// An account that a lead became, with one entry of each source and more.
async fn eventful(rig: &Rig, boss: &Caller, to: Uuid) -> String {
    let lead = Lead { company_name: "Eventful".into(), email: "a@b.cn".into(), ..Lead::default() };
    let lead = rig.create_lead(boss, lead).await.unwrap();
    rig.clock.advance(TimeDelta::hours(1));
    let target = ConversionTarget { mode: Mode::Create.into(), id: String::new() };
    let request = ConvertLeadRequest { id: lead.id, account: Some(target), ..ConvertLeadRequest::default() };
    rig.leads(boss).convert_lead(request).await.unwrap();
    let account = rig.list(boss, crate::rig::filter("")).await.unwrap().accounts.remove(0);
    rig.clock.advance(TimeDelta::hours(1));
    call(rig, boss, &account.id, "first call").await;
    rig.clock.advance(TimeDelta::hours(1));
    rig.database.knows(boss.tenant_id, &[to]).await;
    let given = Account { id: account.id.clone(), owner_id: to.to_string(), ..Account::default() };
    rig.update(boss, given, &["owner_id"]).await.unwrap();
    rig.clock.advance(TimeDelta::hours(1));
    to_do(rig, boss, &account.id, "offer").await;
    account.id
}

#[tokio::test]
async fn every_source_stands_in_one_order_and_pages_hold_it_while_more_is_written() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let id = eventful(&rig, &boss, Uuid::from_u128(1)).await;
    let (all, next) = page(&rig, &boss, &id, (0, "")).await.unwrap();
    assert_eq!(next, "");
    let told = words(&all);
    assert_eq!(told[..3], ["offer", "ACT_HANDED_OVER", "first call"].map(str::to_owned));
    assert!(told[3..].contains(&"STATUS_CONVERTED".to_owned()), "{told:?}");
    assert!(told[3..].contains(&"ACT_CREATED".to_owned()), "{told:?}");
    let times: Vec<_> = all.iter().map(|entry| entry.time.as_ref().unwrap().seconds).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let Some(Entry::Ownership(period)) = &all[1].entry else { panic!("{all:?}") };
    assert_eq!((period.act(), period.operator_id.clone()), (Act::HandedOver, boss.id.to_string()));

    for size in [1, 2, 3] {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let (entries, next) = page(&rig, &boss, &id, (size, &token)).await.unwrap();
            seen.extend(entries);
            if next.is_empty() {
                break;
            }
            token = next;
            // Newer than every page that is still to come.
            rig.clock.advance(TimeDelta::seconds(1));
            call(&rig, &boss, &id, "meanwhile").await;
        }
        seen.retain(|entry| word(entry) != "meanwhile");
        assert_eq!(words(&seen), told, "pages of {size}");
    }
}

#[tokio::test]
async fn many_entries_of_one_instant_come_once_each() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let account = rig.create(&boss, named("Busy")).await.unwrap();
    for index in 0..6 {
        call(&rig, &boss, &account.id, &format!("call {index}")).await;
        to_do(&rig, &boss, &account.id, &format!("task {index}")).await;
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let (entries, next) = page(&rig, &boss, &account.id, (5, &token)).await.unwrap();
        seen.extend(words(&entries));
        token = next;
        if token.is_empty() {
            break;
        }
    }
    seen.sort();
    let mut wanted: Vec<String> =
        (0..6).flat_map(|index| [format!("call {index}"), format!("task {index}")]).collect();
    wanted.sort();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn a_caller_sees_what_lies_within_its_rights_and_scope() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let seller = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    let id = eventful(&rig, &boss, seller.id).await;
    call(&rig, &seller, &id, "my call").await;
    let (entries, _) = page(&rig, &seller, &id, (0, "")).await.unwrap();
    let told = words(&entries);
    assert!(told.contains(&"my call".to_owned()) && !told.contains(&"first call".to_owned()), "{told:?}");
    assert!(!told.iter().any(|word| word.starts_with("STATUS")), "the lead is another's: {told:?}");
    assert!(told.contains(&"ACT_HANDED_OVER".to_owned()), "{told:?}");

    let reader =
        Rights::all(boss.tenant_id).with_permissions(&["customer.accounts.read", "customer.tasks.read"]);
    let reader = rig.callers.add(&reader);
    let request = GetAccountOverviewRequest { id: id.clone(), timeline_page_size: 0 };
    let told = client(&rig, &reader).get_account_overview(request).await.unwrap().into_inner();
    assert_eq!(words(&told.timeline), ["offer"]);
    let gaps: Vec<_> = told.gaps.iter().map(|gap| (gap.section.as_str(), gap.reason())).collect();
    let missing = [
        "contacts",
        "timeline.interaction",
        "timeline.ownership",
        "timeline.lead_step",
        "open_opportunities",
        "orders",
        "contracts",
        "open_payment_plans",
        "receipts",
    ];
    assert_eq!(gaps, missing.map(|section| (section, Reason::NoPermission)));

    let stranger = rig.administrator();
    assert_error(page(&rig, &stranger, &id, (0, "")).await, Code::NotFound, "NOT_FOUND");
    let other = rig.create(&boss, named("Other")).await.unwrap();
    let (_, token) = page(&rig, &boss, &id, (1, "")).await.unwrap();
    let mixed = page(&rig, &boss, &other.id, (1, &token)).await;
    assert_error(mixed, Code::InvalidArgument, "PAGE_TOKEN_INVALID");
}

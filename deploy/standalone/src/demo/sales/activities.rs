//! What was said about deals, and what is to be done next.

use std::collections::BTreeMap;

use crm_proto::crm::customer::v1::{
    BulkUpsertInteractionsRequest, BulkUpsertTasksRequest, Interaction, ListInteractionsRequest,
    ListTasksRequest, Participant, Task,
    interaction::{Direction, Kind},
    interaction_service_client::InteractionServiceClient,
    task::{Priority, State},
    task_service_client::TaskServiceClient,
};
use futures::{TryStreamExt as _, stream};
use prost_types::Timestamp;

use super::{
    Desk, EVERYTHING, by_key,
    deals::{Deal, LOST, WON},
    key,
};
use crate::{demo::fill::collect, failure::Result};

/// Seconds in a day.
const DAY: i64 = 86_400;

/// Tasks: what, in how many days, how pressing, how far.
const TASKS: [([&str; 2], i64, Priority, State); 6] = [
    (["准备报价方案", "Prepare the proposal"], 2, Priority::High, State::InProgress),
    (["回访试点使用情况", "Ask how the pilot goes"], 6, Priority::Medium, State::NotStarted),
    (["确认合同条款", "Confirm the terms of the contract"], -2, Priority::High, State::NotStarted),
    (["安排产品演示", "Arrange a demonstration"], 4, Priority::Medium, State::NotStarted),
    (["发送案例资料", "Send reference cases"], -6, Priority::Low, State::Completed),
    (["更新决策链", "Update who decides"], 11, Priority::Low, State::NotStarted),
];

/// Interactions: what, how, how many days ago, and what came of it.
const NOTES: [([&str; 2], Kind, i64, [&str; 2]); 6] = [
    (["首次电话沟通", "First call"], Kind::Call, 21, ["有兴趣，约定演示", "Interested, wants to see it"]),
    (["产品演示会", "Demonstration"], Kind::Meeting, 14, ["反馈积极，需要报价", "Good, wants an offer"]),
    (["现场拜访", "Visit on site"], Kind::Visit, 9, ["看了产线，确认点位", "Saw the plant, points agreed"]),
    (["微信跟进", "Chat"], Kind::Chat, 5, ["预算在审批中", "Budget is being approved"]),
    (["发送报价单", "Sent the quote"], Kind::Mail, 3, ["已收到，内部讨论", "Received, they discuss it"]),
    (["商务谈判", "Negotiation"], Kind::Meeting, 1, ["要求账期 60 天", "They ask for 60 days"]),
];

/// Makes the tasks and interactions that are missing: one of each for every open deal.
pub async fn ensure(desk: &Desk, deals: &[Deal]) -> Result<()> {
    let open = deals.iter().filter(|deal| !matches!(deal.opportunity.stage_key.as_str(), WON | LOST));
    let open: Vec<&Deal> = open.collect();
    tasks(desk, &open).await?;
    interactions(desk, &open).await
}

/// The instant so many days from now, at two in the afternoon in Shanghai.
fn instant(desk: &Desk, days: i64) -> Option<Timestamp> {
    let noon = desk.today.and_hms_opt(6, 0, 0)?.and_utc().timestamp();
    Some(Timestamp { seconds: noon + days * DAY, nanos: 0 })
}

async fn tasks(desk: &Desk, deals: &[&Deal]) -> Result<()> {
    let mut client = TaskServiceClient::new(desk.customer.clone());
    let request = ListTasksRequest { page_size: EVERYTHING, ..ListTasksRequest::default() };
    let known = by_key(client.list_tasks(request).await?.into_inner().tasks, |task| &task.external_ids);
    let rows = deals.iter().zip(TASKS.iter().cycle()).enumerate().map(|(index, (deal, row))| {
        let (title, days, priority, state) = row;
        let opportunity = &deal.opportunity;
        let task = Task {
            display_name: format!("{} · {}", deal.told(*title), opportunity.account_name),
            state: (*state).into(),
            priority: (*priority).into(),
            due_time: instant(desk, *days),
            account_id: opportunity.account_id.clone(),
            opportunity_id: opportunity.id.clone(),
            owner_id: opportunity.owner_id.clone(),
            ..Task::default()
        };
        (format!("task-{:02}", index + 1), task)
    });
    let rows = rows.filter(|(name, _)| !known.contains_key(name));
    let rows = rows.map(|(name, task)| BulkUpsertTasksRequest {
        key: Some(key(&name)),
        task: Some(task),
        update_mask: None,
    });
    let rows: Vec<_> = rows.collect();
    let answers = client.bulk_upsert_tasks(stream::iter(rows)).await?.into_inner();
    collect(answers.map_ok(|answer| answer.results)).await.map(drop)
}

async fn interactions(desk: &Desk, deals: &[&Deal]) -> Result<()> {
    let mut client = InteractionServiceClient::new(desk.customer.clone());
    let request = ListInteractionsRequest { page_size: EVERYTHING, ..ListInteractionsRequest::default() };
    let found = client.list_interactions(request).await?.into_inner().interactions;
    let known: BTreeMap<String, Interaction> = by_key(found, |interaction| &interaction.external_ids);
    let rows = deals.iter().zip(NOTES.iter().cycle()).enumerate();
    let rows = rows
        .map(|(index, (deal, row))| (format!("interaction-{:02}", index + 1), interaction(desk, deal, row)));
    let rows = rows.filter(|(name, _)| !known.contains_key(name));
    let rows = rows.map(|(name, interaction)| BulkUpsertInteractionsRequest {
        key: Some(key(&name)),
        interaction: Some(interaction),
        update_mask: None,
    });
    let rows: Vec<_> = rows.collect();
    let answers = client.bulk_upsert_interactions(stream::iter(rows)).await?.into_inner();
    collect(answers.map_ok(|answer| answer.results)).await.map(drop)
}

fn interaction(
    desk: &Desk,
    deal: &Deal,
    (title, kind, days, outcome): &([&str; 2], Kind, i64, [&str; 2]),
) -> Interaction {
    let opportunity = &deal.opportunity;
    let contact_id = deal.customer.contact.as_ref().map(|contact| contact.id.clone()).unwrap_or_default();
    let participant =
        |contact_id: &String| Participant { contact_id: contact_id.clone(), ..Default::default() };
    Interaction {
        display_name: deal.told(*title).to_owned(),
        kind: (*kind).into(),
        direction: Direction::Outbound.into(),
        start_time: instant(desk, -days),
        duration_seconds: if *kind == Kind::Meeting { 3600 } else { 900 },
        participants: Some(&contact_id).filter(|id| !id.is_empty()).map(participant).into_iter().collect(),
        outcome: deal.told(*outcome).to_owned(),
        account_id: opportunity.account_id.clone(),
        contact_id,
        opportunity_id: opportunity.id.clone(),
        owner_id: opportunity.owner_id.clone(),
        ..Interaction::default()
    }
}

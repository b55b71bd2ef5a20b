//! The deals: who is to buy what, how far it is, and what became of those that are over.

use std::collections::BTreeMap;

use crm_proto::crm::sales::v1::{
    BulkUpsertOpportunitiesRequest, DocumentLine, ListOpportunitiesRequest, Opportunity,
    OpportunityCompetitor, OpportunityContact, Product, opportunity_contact::Role,
    opportunity_service_client::OpportunityServiceClient,
};
use futures::{TryStreamExt as _, stream};
use prost_types::FieldMask;

use super::{
    Desk, EVERYTHING, by_key,
    catalogue::{ENTERPRISE, GATEWAY, PROFESSIONAL, PROJECT, SENSOR, STANDARD, SUPPORT, TRAINING},
    customers::Customer,
    key, money,
};
use crate::{
    client::Authorised,
    demo::{fill::collect, random::Random, words},
    failure::Result,
};

pub const WON: &str = "won";
pub const LOST: &str = "lost";

/// How many deals stand in each stage of the pipeline that every tenant has.
const STAGES: [(&str, usize); 6] =
    [("qualification", 7), ("needs_analysis", 6), ("proposal", 6), ("negotiation", 4), (WON, 6), (LOST, 3)];

/// The open ones of them, in their order.
const OPEN: [&str; 4] = ["qualification", "needs_analysis", "proposal", "negotiation"];

/// What is offered: what such a deal is called, and its lines by product and how many.
const OFFERS: [([&str; 2], Lines); 4] = [
    (["客户云上线项目", "customer cloud rollout"], cloud),
    (["产线环境监测", "plant monitoring"], devices),
    (["客户云续约与扩容", "cloud renewal and extension"], renewal),
    (["客户云试点", "cloud pilot"], pilot),
];

type Lines = fn(u64, &mut Random) -> Vec<(&'static str, u64)>;

const NEXT_STEPS: [[&str; 2]; 5] = [
    ["约定技术交流", "Set up the technical session"],
    ["发送方案与报价", "Send proposal and quote"],
    ["与采购谈付款方式", "Agree on payment terms with purchasing"],
    ["拜访决策人", "Visit the decision maker"],
    ["确认上线时间表", "Confirm the timetable"],
];

const LOST_FOR: [[&str; 2]; 3] =
    [["价格", "Price"], ["选择了竞品", "Chose a competitor"], ["预算取消", "Budget cancelled"]];

/// A deal that stands in the sales service, with whom it is about.
#[derive(Clone, Debug)]
pub struct Deal {
    pub opportunity: Opportunity,
    pub customer: Customer,
}

impl Deal {
    /// One of two texts, in the language of the customer.
    pub fn told<'t>(&self, [chinese, english]: [&'t str; 2]) -> &'t str {
        if self.customer.is_chinese() { chinese } else { english }
    }
}

/// Makes the deals that are missing and takes each through its stages, as people would have; all of them in their order.
pub async fn ensure(
    desk: &Desk,
    customers: &[Customer],
    products: &BTreeMap<String, Product>,
) -> Result<Vec<Deal>> {
    let mut client = OpportunityServiceClient::new(desk.sales.clone());
    let planned = plan(desk, customers, products);
    let mut known = known(&mut client).await?;
    loop {
        let steps = planned.iter().enumerate();
        let steps = steps.filter_map(|(index, (name, deal, _))| step(index, name, deal, known.get(name)));
        let rows: Vec<_> = steps.collect();
        if rows.is_empty() {
            break;
        }
        let answers = client.bulk_upsert_opportunities(stream::iter(rows)).await?.into_inner();
        collect(answers.map_ok(|answer| answer.results)).await?;
        known = self::known(&mut client).await?;
    }
    let deals = planned.into_iter().filter_map(|(name, _, customer)| {
        Some(Deal { opportunity: known.remove(&name)?, customer: customer.clone() })
    });
    Ok(deals.collect())
}

/// The next step of a deal towards where it shall stand; none for one that stands there, or anywhere that does not lead there.
fn step(
    index: usize,
    name: &str,
    planned: &Opportunity,
    known: Option<&Opportunity>,
) -> Option<BulkUpsertOpportunitiesRequest> {
    let end = planned.stage_key.as_str();
    // Deals are won after all open stages, and lost in one of the first.
    let passed = if end == LOST { 2 + index % 2 } else { OPEN.len() };
    let before = OPEN.iter().take(passed).take_while(|stage| **stage != end);
    let path: Vec<&str> = before.copied().chain([end]).collect();
    let next = match known {
        None => path[0],
        Some(deal) => *path.get(path.iter().position(|stage| *stage == deal.stage_key)? + 1)?,
    };
    let mut opportunity = Opportunity { stage_key: next.to_owned(), ..planned.clone() };
    if next != end {
        (opportunity.closed_date, opportunity.close_reason) = (None, String::new());
    }
    let paths = ["stage_key", "closed_date", "close_reason"].map(str::to_owned).to_vec();
    let update_mask = known.map(|_| FieldMask { paths });
    Some(BulkUpsertOpportunitiesRequest { key: Some(key(name)), opportunity: Some(opportunity), update_mask })
}

async fn known(client: &mut OpportunityServiceClient<Authorised>) -> Result<BTreeMap<String, Opportunity>> {
    let request = ListOpportunitiesRequest { page_size: EVERYTHING, ..ListOpportunitiesRequest::default() };
    let found = client.list_opportunities(request).await?.into_inner().opportunities;
    Ok(by_key(found, |deal| &deal.external_ids))
}

/// The deals as they shall be, with their keys; the same each time but for the days, which are counted from today.
fn plan<'c>(
    desk: &Desk,
    customers: &'c [Customer],
    products: &BTreeMap<String, Product>,
) -> Vec<(String, Opportunity, &'c Customer)> {
    let mut random = Random::new(20_240_504);
    let stages = STAGES.iter().flat_map(|(stage, count)| std::iter::repeat_n(*stage, *count));
    let buyers = customers.iter().filter(|customer| !customer.account.owner_id.is_empty());
    let planned = stages.zip(buyers.step_by(2)).enumerate().map(|(index, (stage, customer))| {
        let deal = deal(&mut random, desk, stage, customer, products);
        (format!("deal-{:02}", index + 1), deal, customer)
    });
    planned.collect()
}

fn deal(
    random: &mut Random,
    desk: &Desk,
    stage: &str,
    customer: &Customer,
    products: &BTreeMap<String, Product>,
) -> Opportunity {
    let language = usize::from(!customer.is_chinese());
    let (titles, lines) = OFFERS[random.index(OFFERS.len())];
    let account = &customer.account;
    let size = u64::try_from(account.employee_count).unwrap_or(0).clamp(40, 6000);
    let lines = lines(size, random);
    let over = stage == WON || stage == LOST;
    let ended = -days(random, 2, 80);
    let begun = ended - days(random, 25, 110);
    let close = if over { ended } else { days(random, 0, 105) - 5 };
    // Deals in yuan are the sum of their lines; for those abroad an amount was named.
    let abroad = (language == 1).then(|| money(customer.currency(), days(random, 60, 900) * 250));
    Opportunity {
        display_name: match language {
            0 => format!("{} {}", account.display_name, titles[0]),
            _ => format!("{}: {}", account.display_name, titles[1]),
        },
        account_id: account.id.clone(),
        account_name: account.display_name.clone(),
        contacts: contact(customer),
        competitors: competitors(random),
        stage_key: stage.to_owned(),
        lines: if abroad.is_none() { document_lines(&lines, products) } else { Vec::new() },
        amount: abroad,
        open_date: Some(desk.day(begun)),
        close_date: Some(desk.day(close)),
        closed_date: over.then(|| desk.day(ended)),
        close_reason: if stage == LOST { random.pick(&LOST_FOR)[language] } else { "" }.to_owned(),
        next_step: if over { "" } else { random.pick(&NEXT_STEPS)[language] }.to_owned(),
        source: (*random.pick(&words::SOURCES)).to_owned(),
        region: customer.company.city.region.to_owned(),
        owner_id: account.owner_id.clone(),
        ..Opportunity::default()
    }
}

/// A number of days from `low` to `high`.
fn days(random: &mut Random, low: u64, high: u64) -> i64 {
    i64::try_from(random.between(low, high)).unwrap_or(0)
}

fn contact(customer: &Customer) -> Vec<OpportunityContact> {
    let contact = customer.contact.iter().map(|contact| OpportunityContact {
        contact_id: contact.id.clone(),
        display_name: contact.display_name.clone(),
        role: Role::DecisionMaker.into(),
        primary: true,
    });
    contact.collect()
}

fn competitors(random: &mut Random) -> Vec<OpportunityCompetitor> {
    let name = *random.pick(&["云帆软件", "Northlight CRM", "恒川物联"]);
    let competitor = OpportunityCompetitor { display_name: name.to_owned(), ..Default::default() };
    if random.percent(30) { vec![competitor] } else { Vec::new() }
}

fn document_lines(lines: &[(&str, u64)], products: &BTreeMap<String, Product>) -> Vec<DocumentLine> {
    let line = |(code, quantity): &(&str, u64)| DocumentLine {
        product_id: products.get(*code).map(|product| product.id.clone()).unwrap_or_default(),
        quantity: quantity.to_string(),
        ..DocumentLine::default()
    };
    lines.iter().map(line).collect()
}

fn cloud(size: u64, random: &mut Random) -> Vec<(&'static str, u64)> {
    let edition = if size > 900 { ENTERPRISE } else { PROFESSIONAL };
    vec![(edition, size / 12 + 5), (PROJECT, random.between(8, 40)), (TRAINING, random.between(1, 4))]
}

fn devices(size: u64, random: &mut Random) -> Vec<(&'static str, u64)> {
    let gateways = size / 60 + random.between(2, 6);
    vec![(GATEWAY, gateways), (SENSOR, gateways * 12), (SUPPORT, 1)]
}

fn renewal(size: u64, random: &mut Random) -> Vec<(&'static str, u64)> {
    vec![(PROFESSIONAL, size / 15 + random.between(3, 20)), (SUPPORT, 1)]
}

fn pilot(size: u64, random: &mut Random) -> Vec<(&'static str, u64)> {
    vec![(STANDARD, (size / 40).clamp(5, 60)), (TRAINING, random.between(1, 2))]
}

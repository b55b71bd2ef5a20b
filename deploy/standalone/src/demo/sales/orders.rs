//! Orders of the deals that were won, and the contract with one of those customers.

use std::collections::BTreeMap;

use crm_proto::crm::sales::v1::{
    BulkUpsertContractsRequest, BulkUpsertOrdersRequest, Contract, DocumentLine, ListContractsRequest,
    ListOrdersRequest, Order, Quote,
    contract::{self, RenewalRule},
    contract_service_client::ContractServiceClient,
    order::State,
    order_service_client::OrderServiceClient,
    quote,
};
use futures::{TryStreamExt as _, stream};

use super::{
    Desk, EVERYTHING, by_key,
    deals::{Deal, WON},
    key, money,
};
use crate::{client::Authorised, demo::fill::collect, demo::organisation, failure::Result};

/// How far the orders are, in the order of their deals.
const STATES: [State; 6] =
    [State::Closed, State::Fulfilled, State::Confirmed, State::Confirmed, State::Fulfilled, State::Draft];
/// Yearly value of the contract, in yuan.
const CONTRACT: i64 = 480_000;

/// Makes the orders that are missing; all of them in the order of their deals.
pub async fn ensure(desk: &Desk, deals: &[Deal], quotes: &BTreeMap<String, Quote>) -> Result<Vec<Order>> {
    let mut client = OrderServiceClient::new(desk.sales.clone());
    let known = known(&mut client).await?;
    let won = deals.iter().filter(|deal| deal.opportunity.stage_key == WON);
    let rows = won.zip(STATES).enumerate().map(|(index, (deal, state))| {
        let quote = quotes.get(&deal.opportunity.id).filter(|quote| quote.state() == quote::State::Accepted);
        (format!("order-{}", index + 1), order(deal, state, quote))
    });
    let rows = rows.filter(|(name, _)| !known.contains_key(name));
    let rows = rows.map(|(name, order)| BulkUpsertOrdersRequest {
        key: Some(key(&name)),
        order: Some(order),
        update_mask: None,
    });
    let rows: Vec<_> = rows.collect();
    let answers = client.bulk_upsert_orders(stream::iter(rows)).await?.into_inner();
    collect(answers.map_ok(|answer| answer.results)).await?;
    Ok(self::known(&mut client).await?.into_values().collect())
}

async fn known(client: &mut OrderServiceClient<Authorised>) -> Result<BTreeMap<String, Order>> {
    let request = ListOrdersRequest { page_size: EVERYTHING, ..ListOrdersRequest::default() };
    let found = client.list_orders(request).await?.into_inner().orders;
    Ok(by_key(found, |order| &order.external_ids))
}

fn order(deal: &Deal, state: State, quote: Option<&Quote>) -> Order {
    let opportunity = &deal.opportunity;
    let contact = deal.customer.contact.clone().unwrap_or_default();
    Order {
        display_name: opportunity.display_name.clone(),
        account_id: opportunity.account_id.clone(),
        account_name: opportunity.account_name.clone(),
        contact_id: contact.id,
        contact_name: contact.display_name,
        opportunity_id: opportunity.id.clone(),
        quote_id: quote.map(|quote| quote.id.clone()).unwrap_or_default(),
        order_date: opportunity.closed_date,
        currency_code: deal.customer.currency().to_owned(),
        lines: lines(deal),
        state: state.into(),
        owner_id: opportunity.owner_id.clone(),
        ..Order::default()
    }
}

/// The lines of the deal; for one without lines, one over its amount.
fn lines(deal: &Deal) -> Vec<DocumentLine> {
    let opportunity = &deal.opportunity;
    if opportunity.lines.is_empty() {
        let price = opportunity.amount.as_ref().map_or(0, |amount| amount.units);
        return vec![DocumentLine {
            product_name: "Minghe Cloud, as offered".to_owned(),
            unit_price: price.to_string(),
            ..DocumentLine::default()
        }];
    }
    let own = opportunity.lines.iter().cloned().map(|line| DocumentLine { id: String::new(), ..line });
    own.collect()
}

/// Makes the contract with the first Chinese customer that bought.
pub async fn ensure_contract(desk: &Desk, deals: &[Deal]) -> Result<()> {
    let mut client = ContractServiceClient::new(desk.sales.clone());
    let request = ListContractsRequest { page_size: EVERYTHING, ..ListContractsRequest::default() };
    let found = client.list_contracts(request).await?.into_inner().contracts;
    if by_key(found, |contract| &contract.external_ids).contains_key("contract-1") {
        return Ok(());
    }
    let bought = |deal: &&Deal| deal.opportunity.stage_key == WON && deal.customer.is_chinese();
    let Some(deal) = deals.iter().find(bought) else { return Ok(()) };
    let contract = Some(contract(desk, deal));
    let rows = vec![BulkUpsertContractsRequest { key: Some(key("contract-1")), contract, update_mask: None }];
    let answers = client.bulk_upsert_contracts(stream::iter(rows)).await?.into_inner();
    collect(answers.map_ok(|answer| answer.results)).await.map(drop)
}

fn contract(desk: &Desk, deal: &Deal) -> Contract {
    let opportunity = &deal.opportunity;
    let party = [&deal.customer.account.legal_name, &opportunity.account_name];
    let party = party.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
    Contract {
        display_name: format!("{} 年度服务框架合同", opportunity.account_name),
        contract_type: "框架合同".to_owned(),
        account_id: opportunity.account_id.clone(),
        account_name: opportunity.account_name.clone(),
        customer_party: party,
        own_party: organisation::NAME.to_owned(),
        opportunity_id: opportunity.id.clone(),
        start_date: Some(desk.day(-60)),
        term_months: 12,
        renewal_rule: RenewalRule::Manual.into(),
        notice_days: 60,
        payment_method: "按季度付款".to_owned(),
        amount: Some(money("CNY", CONTRACT)),
        state: contract::State::InPerformance.into(),
        owner_id: opportunity.owner_id.clone(),
        ..Contract::default()
    }
}

//! Quotes for some of the deals in yuan, from a draft to what customers said to them.

use std::collections::BTreeMap;

use crm_proto::crm::sales::v1::{
    AcceptQuoteRequest, CreateQuoteRequest, ListQuotesRequest, PresentQuoteRequest, Quote,
    RejectQuoteRequest, SubmitQuoteRequest, quote::State, quote_service_client::QuoteServiceClient,
};

use super::{
    Desk, EVERYTHING, by_key,
    deals::{Deal, LOST, WON},
    key,
};
use crate::{client::Authorised, failure::Result};

type Client = QuoteServiceClient<Authorised>;

/// Where quotes end, by the stage of their deals: so many of each, in the order of the deals.
const ENDS: [(&str, &[State]); 4] = [
    ("proposal", &[State::Draft, State::Presented]),
    ("negotiation", &[State::Presented]),
    (WON, &[State::Accepted, State::Accepted]),
    (LOST, &[State::Rejected]),
];

/// Makes the quotes that are missing and moves them on; all of them by their deal's id.
pub async fn ensure(desk: &Desk, deals: &[Deal]) -> Result<BTreeMap<String, Quote>> {
    let mut client = QuoteServiceClient::new(desk.sales.clone());
    let request = ListQuotesRequest { page_size: EVERYTHING, ..ListQuotesRequest::default() };
    let found = client.list_quotes(request).await?.into_inner().quotes;
    let known = by_key(found, |quote| &quote.external_ids);
    let mut quotes = BTreeMap::new();
    for (index, (deal, end)) in planned(deals).into_iter().enumerate() {
        let name = format!("quote-{}", index + 1);
        let quote = if let Some(quote) = known.get(&name) {
            quote.clone()
        } else {
            let request = CreateQuoteRequest { quote: Some(quote(desk, deal, &name)) };
            client.create_quote(request).await?.into_inner()
        };
        let quote = move_on(&mut client, deal, quote, end).await?;
        quotes.insert(deal.opportunity.id.clone(), quote);
    }
    Ok(quotes)
}

/// Deals with where their quotes end.
fn planned(deals: &[Deal]) -> Vec<(&Deal, State)> {
    let planned = ENDS.iter().flat_map(|(stage, ends)| {
        let quoted = deals
            .iter()
            .filter(|deal| deal.opportunity.stage_key == *stage && !deal.opportunity.lines.is_empty());
        quoted.zip(ends.iter().copied())
    });
    planned.collect()
}

fn quote(desk: &Desk, deal: &Deal, name: &str) -> Quote {
    let opportunity = &deal.opportunity;
    let contact = deal.customer.contact.clone().unwrap_or_default();
    let lines = opportunity.lines.iter().cloned().map(|mut line| {
        // The quote's lines are its own.
        line.id.clear();
        line
    });
    Quote {
        display_name: opportunity.display_name.clone(),
        opportunity_id: opportunity.id.clone(),
        account_id: opportunity.account_id.clone(),
        account_name: opportunity.account_name.clone(),
        contact_id: contact.id,
        contact_name: contact.display_name,
        lines: lines.collect(),
        valid_until: Some(desk.day(45)),
        terms: "预付 30%，上线后 30 天内付清。 30 % in advance, the rest 30 days after going live."
            .to_owned(),
        owner_id: opportunity.owner_id.clone(),
        external_ids: vec![key(name)],
        ..Quote::default()
    }
}

/// Takes a quote from where it is to where it ends.
async fn move_on(client: &mut Client, deal: &Deal, quote: Quote, end: State) -> Result<Quote> {
    let (id, etag) = (quote.id.clone(), String::new());
    let mut quote = quote;
    if quote.state() == State::Draft && end != State::Draft {
        let request = SubmitQuoteRequest { id: id.clone(), etag: etag.clone(), comment: String::new() };
        quote = client.submit_quote(request).await?.into_inner();
    }
    if quote.state() == State::Approved {
        let request = PresentQuoteRequest { id: id.clone(), etag: etag.clone() };
        quote = client.present_quote(request).await?.into_inner();
    }
    match (quote.state(), end) {
        (State::Presented, State::Accepted) => {
            let close_reason = deal.told(["客户已签章确认", "Signed by the customer"]).to_owned();
            let request = AcceptQuoteRequest { id, etag, close_reason };
            quote = client.accept_quote(request).await?.into_inner();
        }
        (State::Presented, State::Rejected) => {
            let close_reason = deal.opportunity.close_reason.clone();
            let request = RejectQuoteRequest { id, etag, close_reason };
            quote = client.reject_quote(request).await?.into_inner();
        }
        _ => {}
    }
    Ok(quote)
}

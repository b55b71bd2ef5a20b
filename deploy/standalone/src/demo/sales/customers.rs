//! Whom the company sells to: some of its accounts, with somebody who works there.

use std::collections::BTreeMap;

use crm_proto::crm::customer::v1::{
    Account, Contact, LifeCycleStage, ListAccountsRequest, ListContactsRequest, account::Kind,
    account_service_client::AccountServiceClient, contact_service_client::ContactServiceClient,
};

use super::{Desk, EVERYTHING, by_key};
use crate::{
    demo::company::{self, Company},
    failure::Result,
};

/// An account that buys, and whom one talks to there.
#[derive(Clone, Debug)]
pub struct Customer {
    pub company: Company,
    pub account: Account,
    pub contact: Option<Contact>,
}

impl Customer {
    /// Whether it is spoken to in Chinese.
    pub fn is_chinese(&self) -> bool {
        self.company.city.country == "CN"
    }

    /// What it pays in.
    pub fn currency(&self) -> &'static str {
        match self.company.city.region {
            _ if self.is_chinese() => "CNY",
            "EMEA" => "EUR",
            _ => "USD",
        }
    }
}

/// The accounts of the demonstration that are far enough to buy, in the order of the generator.
pub async fn known(desk: &Desk) -> Result<Vec<Customer>> {
    let mut client = AccountServiceClient::new(desk.customer.clone());
    let request = ListAccountsRequest { page_size: EVERYTHING, ..ListAccountsRequest::default() };
    let found = client.list_accounts(request).await?.into_inner().accounts;
    let mut accounts = by_key(found, |account| &account.external_ids);
    let contacts = contacts(desk).await?;
    let buyers = company::all().into_iter().filter(|company| {
        let stage = company.account.life_cycle_stage();
        company.account.kind() == Kind::Customer
            && (LifeCycleStage::Opportunity..=LifeCycleStage::Repeat).contains(&stage)
    });
    let known = buyers.filter_map(|company| {
        let account = accounts.remove(&company.key().value)?;
        let contact = contacts.get(&account.id).cloned();
        Some(Customer { company, account, contact })
    });
    Ok(known.collect())
}

/// One person of each account, by the account's id: the first of the demonstration's.
async fn contacts(desk: &Desk) -> Result<BTreeMap<String, Contact>> {
    let mut client = ContactServiceClient::new(desk.customer.clone());
    let request = ListContactsRequest { page_size: EVERYTHING, ..ListContactsRequest::default() };
    let found = client.list_contacts(request).await?.into_inner().contacts;
    let mut first = BTreeMap::new();
    for contact in by_key(found, |contact| &contact.external_ids).into_values() {
        if let Some(tie) = contact.accounts.first() {
            first.entry(tie.account_id.clone()).or_insert(contact);
        }
    }
    Ok(first)
}

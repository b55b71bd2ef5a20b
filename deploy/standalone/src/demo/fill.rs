//! Sends companies and people in bulk. Whoever is referred to goes first, so that its id is known.

use std::collections::BTreeMap;

use crm_proto::crm::customer::v1::{
    BulkUpsertAccountsRequest, BulkUpsertContactsRequest, ContactAccount,
    account_service_client::AccountServiceClient, contact_service_client::ContactServiceClient,
};
use crm_proto::crm::record::v1::{RowResult, row_result::Outcome};
use futures::{Stream, TryStreamExt as _, stream};
use tonic::{Status, service::interceptor::InterceptedService};

use super::{
    Place,
    company::{self, Company},
    fields, organisation,
    person::{self, Person},
    random::Random,
    staff::Users,
};
use crate::{
    client::{Authorised, Session},
    failure::{Failure, Result},
};

/// What was sent.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub accounts: usize,
    pub contacts: usize,
}

/// Ids by place in the generator's list.
type Ids = BTreeMap<usize, String>;

/// Sends everything. Records that are there already are left as they are.
pub async fn fill(place: &Place, session: &mut Session, users: &Users) -> Result<Counts> {
    let api = InterceptedService::new(place.customer.clone(), session.bearer());
    fields::ensure(api.clone()).await?;
    let companies = company::all();
    let people = person::all(&companies);
    let owners = owners(&companies, users);
    let accounts = send_companies(api.clone(), &companies, &owners).await?;
    let contacts = send_people(api, &people, &accounts, &owners).await?;
    Ok(Counts { accounts: accounts.len(), contacts: contacts.len() })
}

/// Id of each company's owner: somebody of its region, a key account's more often the regional manager.
fn owners(companies: &[Company], users: &Users) -> Ids {
    let mut random = Random::new(20_240_503);
    let mut owners = Ids::new();
    for company in companies {
        let able = organisation::owners(company.city.region);
        let name = if random.percent(25) { able[0] } else { random.pick(&able) };
        if let Some(id) = users.get(name) {
            owners.insert(company.index, id.clone());
        }
    }
    owners
}

async fn send_companies(api: Authorised, companies: &[Company], owners: &Ids) -> Result<Ids> {
    let mut ids = Ids::new();
    for children in [false, true] {
        let rows: Vec<&Company> =
            companies.iter().filter(|company| company.parent.is_some() == children).collect();
        let requests: Vec<_> = rows.iter().map(|company| company_row(company, &ids, owners)).collect();
        let mut client = AccountServiceClient::new(api.clone());
        let answers = client.bulk_upsert_accounts(stream::iter(requests)).await?.into_inner();
        let results = collect(answers.map_ok(|answer| answer.results)).await?;
        ids.extend(rows.iter().map(|company| company.index).zip(results));
    }
    Ok(ids)
}

fn company_row(company: &Company, ids: &Ids, owners: &Ids) -> BulkUpsertAccountsRequest {
    let mut account = company.account.clone();
    account.parent_id = company.parent.and_then(|parent| ids.get(&parent)).cloned().unwrap_or_default();
    account.owner_id = owners.get(&company.index).cloned().unwrap_or_default();
    BulkUpsertAccountsRequest { key: Some(company.key()), account: Some(account), update_mask: None }
}

async fn send_people(api: Authorised, people: &[Person], accounts: &Ids, owners: &Ids) -> Result<Ids> {
    let mut ids = Ids::new();
    for reports in [false, true] {
        let rows: Vec<&Person> =
            people.iter().filter(|person| person.superior.is_some() == reports).collect();
        let requests: Vec<_> = rows.iter().map(|person| person_row(person, &ids, accounts, owners)).collect();
        let mut client = ContactServiceClient::new(api.clone());
        let answers = client.bulk_upsert_contacts(stream::iter(requests)).await?.into_inner();
        let results = collect(answers.map_ok(|answer| answer.results)).await?;
        ids.extend(rows.iter().map(|person| person.index).zip(results));
    }
    Ok(ids)
}

fn person_row(person: &Person, ids: &Ids, accounts: &Ids, owners: &Ids) -> BulkUpsertContactsRequest {
    let mut contact = person.contact.clone();
    let ties = person.ties.iter().enumerate().filter_map(|(place, (company, role))| {
        let account_id = accounts.get(company)?.clone();
        Some(ContactAccount {
            account_id,
            role: (*role).to_owned(),
            primary: place == 0,
            ..ContactAccount::default()
        })
    });
    contact.accounts = ties.collect();
    contact.reports_to_id =
        person.superior.and_then(|superior| ids.get(&superior)).cloned().unwrap_or_default();
    contact.owner_id =
        person.ties.first().and_then(|(company, _)| owners.get(company)).cloned().unwrap_or_default();
    BulkUpsertContactsRequest { key: Some(person.key()), contact: Some(contact), update_mask: None }
}

/// Ids of all rows in their order; the first row that failed ends it.
pub async fn collect(answers: impl Stream<Item = Result<Vec<RowResult>, Status>>) -> Result<Vec<String>> {
    let results = answers.try_concat().await?;
    let mut ids = Vec::with_capacity(results.len());
    for result in results {
        if result.outcome() == Outcome::Failed {
            let message = result.status.map_or(String::new(), |status| status.message);
            return Err(Failure::new(format!(
                "row {} of the demonstration was refused: {message}",
                result.index
            )));
        }
        ids.push(result.id);
    }
    Ok(ids)
}

//! Records of other services by the names that imports give them: accounts, which the customer service keeps.

use std::sync::Arc;

use crm_kit_api::{Call, Result, id};
use crm_kit_record::import_job::links::Abroad;
use crm_kit_rpc::peer::{self, Errand, Peers};
use crm_proto::crm::customer::v1::{ListAccountsRequest, account_service_client::AccountServiceClient};
use uuid::Uuid;

/// Name of the service that keeps accounts.
pub const CUSTOMER: &str = "customer";
/// Longest filter, in bytes; the contract allows 2048 characters.
const LONGEST: usize = 2000;
/// Accounts of one answer.
const PAGE: i32 = 1000;

/// Asks the customer service, with the rights of whoever imports.
pub fn finder(peers: &Peers) -> Abroad {
    let peers = peers.clone();
    Abroad(Arc::new(move |call, _collection, names| {
        let (peers, call) = (peers.clone(), call.clone());
        Box::pin(async move { accounts(&peers, &call, &names).await })
    }))
}

async fn accounts(peers: &Peers, call: &Call, names: &[String]) -> Result<Vec<(String, Uuid)>> {
    let mut found = Vec::new();
    for filter in filters(names) {
        let errand = Errand::of(call).with_the_users_rights();
        let mut accounts = AccountServiceClient::new(peers.on(CUSTOMER, errand)?);
        let request = ListAccountsRequest { page_size: PAGE, filter, ..ListAccountsRequest::default() };
        let page = accounts.list_accounts(request).await;
        let page = page.map_err(|status| peer::failure("the customer service", status))?.into_inner();
        for account in page.accounts {
            found.push((account.display_name, id::parse("account.id", &account.id)?));
        }
    }
    Ok(found)
}

/// Filters that names satisfy, each as long as it may be. A name that alone is too long leads nowhere.
fn filters(names: &[String]) -> Vec<String> {
    let mut filters = Vec::new();
    let mut list = String::new();
    for name in names {
        let text = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        if text.len() > LONGEST || name.contains(char::is_control) {
            continue;
        }
        if list.len() + text.len() > LONGEST {
            filters.push(format!("display_name in [{list}]"));
            list.clear();
        }
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(&text);
    }
    if !list.is_empty() {
        filters.push(format!("display_name in [{list}]"));
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_into_filters_that_are_short_enough_and_cannot_be_broken_out_of() {
        let names = ["a\"b".to_owned(), "c\\d".to_owned()];
        assert_eq!(filters(&names), ["display_name in [\"a\\\"b\", \"c\\\\d\"]"]);
        let many: Vec<String> = (0..500).map(|number| format!("A company of some name {number}")).collect();
        let filters = filters(&many);
        assert!(filters.len() > 1 && filters.iter().all(|filter| filter.len() <= 2048));
        assert_eq!(filters.iter().map(|filter| filter.matches("company").count()).sum::<usize>(), 500);
    }
}

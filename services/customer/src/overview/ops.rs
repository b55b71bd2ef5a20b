//! Puts overviews together. Own tables are read in one transaction while other services are asked.

use std::sync::Arc;

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::Tx;
use crm_kit_record::{Record as _, custom_field::Fields, life};
use crm_kit_rpc::peer::Peers;
use crm_proto::crm::customer::v1::{
    AccountOverview, Contact as WireContact, GetAccountOverviewRequest, ListAccountTimelineRequest,
    ListAccountTimelineResponse, account_overview::Reason,
};
use uuid::Uuid;

use super::{
    gap::{Section, or_gap},
    sales, store,
    timeline::{self, Wanted},
};
use crate::{
    account::{Account, Accounts},
    app,
    contact::{Contact, Contacts},
    interaction::Interactions,
    task::Tasks,
};

/// Contacts in an overview.
const CONTACTS: usize = 50;
const CONTACTS_SECTION: Section =
    Section { service: app::NAME, name: "contacts", permission: "customer.contacts.read" };

/// The overviews of accounts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Overviews {
    /// Companies.
    pub accounts: Accounts,
    /// People.
    pub contacts: Contacts,
    /// What was done.
    pub interactions: Interactions,
    /// What is to be done.
    pub tasks: Tasks,
    /// The other services.
    pub peers: Peers,
}

/// The tenant's own fields of everything in an overview.
pub struct AllFields {
    accounts: Arc<Fields>,
    contacts: Arc<Fields>,
    pub interactions: Arc<Fields>,
    pub tasks: Arc<Fields>,
}

impl Overviews {
    /// Everything that is known of one account.
    pub async fn get(&self, call: &Call, request: &GetAccountOverviewRequest) -> Result<AccountOverview> {
        let account_id = id::parse("id", &request.id)?;
        let wanted = &Wanted::read(call, account_id, request.timeline_page_size, "")?;
        let fields = &self.fields(call).await?;
        let own = self
            .accounts
            .db
            .read(call, move |tx| Box::pin(async move { own(tx, call, account_id, wanted, fields).await }));
        // A section of another service: one line here, and one below.
        let ask = sales::Question { peers: &self.peers, call, account_id };
        let (own, deals, orders, contracts, plans, receipts) = tokio::join!(
            own,
            sales::OPEN_DEALS.told(call, async |until| ask.open_deals(until).await),
            sales::ORDERS.told(call, async |until| ask.orders(until).await),
            sales::CONTRACTS.told(call, async |until| ask.contracts(until).await),
            sales::OPEN_PAYMENT_PLANS.told(call, async |until| ask.open_payment_plans(until).await),
            sales::RECEIPTS.told(call, async |until| ask.receipts(until).await),
        );
        let mut overview = own?;
        let mut gaps: Vec<_> = timeline::gaps(call).collect();
        if !CONTACTS_SECTION.is_open_to(call) {
            gaps.insert(0, CONTACTS_SECTION.gap(Reason::NoPermission));
        }
        (overview.open_opportunities, overview.has_more_open_opportunities) = or_gap(deals, &mut gaps);
        (overview.orders, overview.has_more_orders) = or_gap(orders, &mut gaps);
        (overview.contracts, overview.has_more_contracts) = or_gap(contracts, &mut gaps);
        (overview.open_payment_plans, overview.has_more_open_payment_plans) = or_gap(plans, &mut gaps);
        (overview.receipts, overview.has_more_receipts) = or_gap(receipts, &mut gaps);
        overview.gaps = gaps;
        Ok(overview)
    }

    /// A page of the time line of an account.
    pub async fn timeline(
        &self,
        call: &Call,
        request: &ListAccountTimelineRequest,
    ) -> Result<ListAccountTimelineResponse> {
        let account_id = id::parse("account_id", &request.account_id)?;
        let wanted = &Wanted::read(call, account_id, request.page_size, &request.page_token)?;
        let fields = &self.fields(call).await?;
        let page = self.accounts.db.read(call, move |tx| {
            Box::pin(async move {
                account(tx, call, account_id).await?;
                timeline::page(tx, call, wanted, fields).await
            })
        });
        let (entries, next_page_token) = page.await?;
        Ok(ListAccountTimelineResponse { entries, next_page_token })
    }

    async fn fields(&self, call: &Call) -> Result<AllFields> {
        Ok(AllFields {
            accounts: self.accounts.fields(call).await?,
            contacts: self.contacts.fields(call).await?,
            interactions: self.interactions.fields(call).await?,
            tasks: self.tasks.fields(call).await?,
        })
    }
}

/// What this service knows.
async fn own(
    tx: &mut Tx<'_>,
    call: &Call,
    account_id: Uuid,
    wanted: &Wanted,
    fields: &AllFields,
) -> Result<AccountOverview> {
    let account = account(tx, call, account_id).await?;
    let mut contacts = Vec::new();
    if CONTACTS_SECTION.is_open_to(call) {
        contacts = contacts_of(tx, call, account_id, &fields.contacts).await?;
    }
    let has_more_contacts = contacts.len() > CONTACTS;
    contacts.truncate(CONTACTS);
    let (timeline, next_timeline_page_token) = timeline::page(tx, call, wanted, fields).await?;
    Ok(AccountOverview {
        account: Some(account.to_wire(&fields.accounts)),
        contacts,
        has_more_contacts,
        timeline,
        next_timeline_page_token,
        ..AccountOverview::default()
    })
}

/// The account, when it is live and within the caller's scope.
async fn account(tx: &mut Tx<'_>, call: &Call, id: Uuid) -> Result<Account> {
    let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
    let found = Account::get(tx.conn(), tenant, &[id], owners).await?.pop();
    let live = found.filter(|account| account.delete_time.is_none());
    live.ok_or_else(|| life::not_found::<Account>(&id))
}

/// One more of its contacts than an overview holds, if there are so many.
async fn contacts_of(
    tx: &mut Tx<'_>,
    call: &Call,
    account_id: Uuid,
    fields: &Fields,
) -> Result<Vec<WireContact>> {
    let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
    let limit = i64::try_from(CONTACTS + 1).map_err(Error::internal)?;
    let ids = store::contacts(tx.conn(), tenant, account_id, owners, limit).await?;
    let mut found = timeline::by_id::<Contact>(tx, call, &ids).await?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).map(|contact| contact.to_wire(fields)).collect())
}

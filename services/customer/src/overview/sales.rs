//! What the sales service knows of an account, asked over its public API with the rights of the user.

use std::time::Instant;

use crm_kit_api::Call;
use crm_kit_rpc::peer::{Errand, Peers};
use crm_proto::crm::sales::v1::{
    ListOpportunitiesRequest, Opportunity, opportunity_service_client::OpportunityServiceClient,
};
use tonic::Status;
use uuid::Uuid;

use super::gap::Section;

/// Name of the service.
const NAME: &str = "sales";

/// Deals in an overview.
const DEALS: i32 = 50;

/// The open deals of an account.
pub const OPEN_DEALS: Section =
    Section { service: NAME, name: "open_opportunities", permission: "sales.opportunities.read" };

/// The open deals of an account, the newest first, and whether there are more.
pub async fn open_deals(
    peers: &Peers,
    call: &Call,
    account_id: Uuid,
    until: Instant,
) -> Result<(Vec<Opportunity>, bool), Status> {
    let request = ListOpportunitiesRequest {
        page_size: DEALS,
        filter: format!("account_id == \"{account_id}\" && state == \"STATE_OPEN\""),
        order_by: "create_time desc".to_owned(),
        ..ListOpportunitiesRequest::default()
    };
    // The service hears how long we wait, so that it does not go on working for nobody.
    let wire = peers.on(NAME, Errand::of(call).with_the_users_rights().until(until))?;
    let page = OpportunityServiceClient::new(wire).list_opportunities(request).await?.into_inner();
    Ok((page.opportunities, !page.next_page_token.is_empty()))
}

//! Deleted deals go for good after 30 days, with the history of their stages.

use chrono::TimeDelta;
use crm_proto::crm::{
    event::v1::event::ChangeKind,
    sales::v1::{
        Contract, CreateContractRequest, DeleteContractRequest, DeleteOpportunityRequest, DeleteOrderRequest,
        DeletePaymentPlanRequest, DeleteQuoteRequest, DeleteReceiptRequest, GetPipelineSummaryRequest,
        OpportunityPurged, Quote, UndeleteOpportunityRequest, contract_service_client::ContractServiceClient,
    },
};
use crm_testkit::status::assert_error;
use prost::Message as _;
use tonic::Code;
use uuid::Uuid;

use crate::{
    cash::{Till, came, owed},
    order_rig::{Desk, order},
    quote::{create, quotes},
    rig::{Rig, deal, worth},
};

#[tokio::test]
async fn a_deal_goes_with_its_history_and_leaves_the_sums_alone() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let gone = rig.create(&me, worth("gone", 100)).await.unwrap();
    let stays = rig.create(&me, worth("stays", 7)).await.unwrap();
    let request = DeleteOpportunityRequest { id: gone.id.clone(), ..DeleteOpportunityRequest::default() };
    let deleted = rig.opportunities(&me).delete_opportunity(request).await.unwrap().into_inner();
    let sums = || async {
        let request = GetPipelineSummaryRequest { id: gone.pipeline_id.clone() };
        rig.statistics(&me).get_pipeline_summary(request).await.unwrap().into_inner()
    };
    let before = sums().await;

    rig.clock.advance(TimeDelta::days(29));
    assert_eq!(rig.purge().await, 0);
    assert!(rig.get(&me, &gone.id).await.is_ok());
    rig.clock.advance(TimeDelta::days(2));
    assert_eq!(rig.purge().await, 1);
    assert_eq!(rig.purge().await, 0);

    assert_error(rig.get(&me, &gone.id).await, Code::NotFound, "NOT_FOUND");
    let request = UndeleteOpportunityRequest { id: gone.id.clone(), ..UndeleteOpportunityRequest::default() };
    let back = rig.opportunities(&me).undelete_opportunity(request).await;
    assert_error(back, Code::NotFound, "NOT_FOUND");
    assert_eq!(sums().await, before);
    let entries = |id: &str| {
        let id: Uuid = id.parse().unwrap();
        let rig = &rig;
        async move {
            let sql = "SELECT count(*) FROM stage_entry WHERE opportunity_id = $1";
            let mut conn = rig.database.look().await;
            sqlx::query_scalar::<_, i64>(sql).bind(id).fetch_one(&mut conn).await.unwrap()
        }
    };
    assert_eq!((entries(&gone.id).await, entries(&stays.id).await), (0, 1));

    // The first pipeline, two deals, one deleted and purged.
    let events = rig.told(&me, 5).await;
    assert_eq!(events[4].change_kind(), ChangeKind::Purge);
    let told = OpportunityPurged::decode(events[4].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(told, OpportunityPurged { id: gone.id, delete_time: deleted.delete_time });
}

#[tokio::test]
async fn what_merges_changed_of_a_record_of_any_kind_goes_with_it() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (till, mut desk) = (Till::new(&rig, &me), Desk::new(&rig, &me));
    let mut contracts = ContractServiceClient::new(me.on(&rig.channel));
    let quote = Quote { display_name: "offer".into(), ..Quote::default() };
    let contract =
        Contract { display_name: "frame".into(), account_name: "Acme".into(), ..Contract::default() };
    let create_contract = CreateContractRequest { contract: Some(contract) };
    let records = [
        ("opportunities", rig.create(&me, deal("deal")).await.unwrap().id),
        ("quotes", create(&rig, &me, quote).await.unwrap().id),
        ("orders", desk.create(order(Vec::new())).await.unwrap().id),
        ("contracts", contracts.create_contract(create_contract).await.unwrap().into_inner().id),
        ("paymentPlans", till.plan(owed(1)).await.unwrap().id),
        ("receipts", till.receipt(came(1)).await.unwrap().id),
    ];
    let mut conn = rig.database.look().await;
    let relink = "INSERT INTO relink (tenant_id, id, create_time, collection, from_ids, into_id, display_name, undone, settled) \
                  VALUES ($1, $1, now(), 'accounts', '{}', $1, '', false, true)";
    sqlx::query(relink).bind(me.tenant_id).execute(&mut conn).await.unwrap();
    for (collection, id) in &records {
        let note = "INSERT INTO relink_change (tenant_id, relink_id, collection, record_id, patch) \
                    VALUES ($1, $1, $2, $3::uuid, '{}')";
        sqlx::query(note).bind(me.tenant_id).bind(*collection).bind(id).execute(&mut conn).await.unwrap();
    }
    let [(_, deal), (_, quote), (_, order), (_, contract), (_, plan), (_, receipt)] = records;
    let etag = String::new;
    rig.opportunities(&me)
        .delete_opportunity(DeleteOpportunityRequest { id: deal, etag: etag() })
        .await
        .unwrap();
    quotes(&rig, &me).delete_quote(DeleteQuoteRequest { id: quote, etag: etag() }).await.unwrap();
    desk.client.delete_order(DeleteOrderRequest { id: order, etag: etag() }).await.unwrap();
    contracts.delete_contract(DeleteContractRequest { id: contract, etag: etag() }).await.unwrap();
    let request = DeletePaymentPlanRequest { id: plan, etag: etag() };
    till.plans.clone().delete_payment_plan(request).await.unwrap();
    let request = DeleteReceiptRequest { id: receipt, etag: etag() };
    till.receipts.clone().delete_receipt(request).await.unwrap();
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 6);
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM relink_change").fetch_one(&mut conn).await.unwrap();
    assert_eq!(left, 0);
}

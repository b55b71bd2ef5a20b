//! Deleted deals go for good after 30 days, with the history of their stages.

use chrono::TimeDelta;
use crm_proto::crm::{
    event::v1::event::ChangeKind,
    sales::v1::{
        DeleteOpportunityRequest, GetPipelineSummaryRequest, OpportunityPurged, UndeleteOpportunityRequest,
    },
};
use crm_testkit::status::assert_error;
use prost::Message as _;
use tonic::Code;
use uuid::Uuid;

use crate::rig::{Rig, worth};

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

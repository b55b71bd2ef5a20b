//! The change stream of the service.

use crm_proto::crm::{
    event::v1::event::ChangeKind,
    sales::v1::{Pipeline, PipelineCreated, PipelineUpdated},
};
use prost::Message as _;

use crate::rig::{Rig, pipeline};

#[tokio::test]
async fn pipelines_are_told_with_all_a_consumer_needs() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let first = rig.default_pipeline(&me).await;
    let made = rig.create_pipeline(&me, pipeline("Partners")).await.unwrap();
    let change = Pipeline { id: made.id.clone(), display_name: "Channel".into(), ..Pipeline::default() };
    let changed = rig.update_pipeline(&me, change, &["display_name"]).await.unwrap();

    let events = rig.told(&me, 3).await;
    let kinds: Vec<ChangeKind> = events.iter().map(crm_proto::crm::event::v1::Event::change_kind).collect();
    assert_eq!(kinds, [ChangeKind::Create, ChangeKind::Create, ChangeKind::Update]);
    assert!(events.iter().all(|event| event.actor_id == me.id.to_string()));
    let payload = |index: usize| events[index].payload.as_ref().unwrap().value.as_slice();
    assert_eq!(PipelineCreated::decode(payload(0)).unwrap().pipeline, Some(first));
    assert_eq!(PipelineCreated::decode(payload(1)).unwrap().pipeline, Some(made));
    let update = PipelineUpdated::decode(payload(2)).unwrap();
    assert_eq!(update.pipeline, Some(changed));
    assert_eq!(update.changed_fields.unwrap().paths, ["display_name"]);
    assert_eq!(update.previous.unwrap().display_name, "Partners");
}

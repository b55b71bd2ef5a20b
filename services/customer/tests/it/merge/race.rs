//! Two merges at once.

use crm_testkit::status::assert_error;
use futures::future::join_all;
use tonic::Code;

use super::into_first;
use crate::rig::{Rig, named};

#[tokio::test]
async fn of_two_merges_of_one_record_one_wins_and_the_other_is_told_where_it_went() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for round in 0..5 {
        let mut ids = Vec::new();
        for name in ["shared", "left", "right"] {
            ids.push(rig.create(&me, named(&format!("{name} {round}"))).await.unwrap().id);
        }
        let (shared, left, right) = (&*ids[0], &*ids[1], &*ids[2]);
        let merges = [[left, shared], [right, shared]];
        let outcomes = join_all(merges.iter().map(|ids| rig.merge(&me, into_first("accounts", ids)))).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 1));
        let winner = won.into_iter().next().unwrap().unwrap().merge.unwrap().survivor_id;
        let status =
            assert_error(lost.into_iter().next().unwrap(), Code::FailedPrecondition, "ALREADY_MERGED");
        assert_eq!(crm_testkit::status::metadata(&status, "survivor_id"), winner);
        assert_eq!(rig.get(&me, shared).await.unwrap().id, winner);
    }
}

#[tokio::test]
async fn an_edit_of_a_loser_at_the_same_time_is_in_the_merge_or_lands_on_the_survivor() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for round in 0..5 {
        let a = rig.create(&me, named(&format!("A {round}"))).await.unwrap();
        let b = rig.create(&me, named(&format!("B {round}"))).await.unwrap();
        let edit = crm_proto::crm::customer::v1::Account {
            id: b.id.clone(),
            region: "North".into(),
            ..Default::default()
        };
        let (merged, edited) = futures::join!(
            rig.merge(&me, into_first("accounts", &[&a.id, &b.id])),
            rig.update(&me, edit, &["region"])
        );
        merged.unwrap();
        assert_eq!(edited.unwrap().region, "North");
        assert_eq!(rig.get(&me, &a.id).await.unwrap().region, "North");
    }
}

//! Versions of contracts, page by page, and what a dropped amendment leaves behind.

use crm_proto::crm::sales::v1::{
    Contract, DeleteOpportunityRequest, DocumentLine, ListContractVersionsRequest, contract::State,
};
use crm_testkit::status::assert_error;
use tonic::Code;
use uuid::Uuid;

use crate::{
    contract::{Desk, contract},
    opportunity_lines::{line as of_product, shop},
    rig::{Rig, deal},
};

fn page(contract_id: &str, page_size: i32, page_token: &str) -> ListContractVersionsRequest {
    ListContractVersionsRequest {
        contract_id: contract_id.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    }
}

#[tokio::test]
async fn versions_come_page_by_page() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let made = desk.create(contract("frame")).await.unwrap();
    desk.all(&made.id, &["submit", "sign"]).await;
    for _ in 0..5 {
        desk.amend(&made.id, "more").await.unwrap();
        desk.all(&made.id, &["submit", "sign"]).await;
    }
    let (mut found, mut token) = (Vec::new(), String::new());
    for size in [2, 2, 1] {
        let answer =
            desk.client.list_contract_versions(page(&made.id, 2, &token)).await.unwrap().into_inner();
        assert_eq!(answer.versions.len(), size);
        found.extend(answer.versions.into_iter().map(|version| version.version));
        token = answer.next_page_token;
    }
    assert_eq!((found, token.as_str()), (vec![1, 2, 3, 4, 5], ""));
    let first = desk.client.list_contract_versions(page(&made.id, 2, "")).await.unwrap().into_inner();
    let other = desk.create(contract("other")).await.unwrap();
    for (id, size, token, reason) in [
        (&other.id, 2, first.next_page_token.as_str(), "PAGE_TOKEN_INVALID"),
        (&made.id, 2, "x", "PAGE_TOKEN_INVALID"),
        (&made.id, -1, "", "FIELD_INVALID"),
    ] {
        let refused = desk.client.list_contract_versions(page(id, size, token)).await;
        assert_error(refused, Code::InvalidArgument, reason);
    }
}

#[tokio::test]
async fn a_dropped_amendment_brings_back_no_links_that_lead_nowhere() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let (mut shop, _, sheet) = shop(&rig, &me).await;
    let (gone, stays) =
        (rig.create(&me, deal("gone")).await.unwrap(), rig.create(&me, deal("stays")).await.unwrap());
    let [merged, survivor, last] = std::array::from_fn(|_| Uuid::new_v4());
    let made = Contract {
        account_id: merged.to_string(),
        opportunity_id: gone.id.clone(),
        amount: None,
        lines: vec![of_product(&sheet, "3")],
        ..contract("frame")
    };
    let made = desk.create(made).await.unwrap();
    let signed = desk.all(&made.id, &["submit", "sign"]).await;
    desk.amend(&made.id, "another account, deal and price").await.unwrap();
    let change = Contract {
        id: made.id.clone(),
        account_id: Uuid::new_v4().to_string(),
        account_name: "Other".into(),
        opportunity_id: stays.id.clone(),
        lines: vec![DocumentLine { unit_price: "9".into(), ..signed.lines[0].clone() }],
        ..Contract::default()
    };
    desk.update(change, &["account_id", "account_name", "opportunity_id", "lines"]).await.unwrap();

    // Meanwhile the account went into another, and that into a third; the deal goes for good; the product is no longer sold.
    let mut conn = rig.database.look().await;
    for (from, into, name, undone) in [
        (merged, survivor, "Acme", false),
        (survivor, last, "Acme Group", false),
        (last, Uuid::new_v4(), "Undone", true),
    ] {
        sqlx::query(
            "INSERT INTO relink (tenant_id, id, create_time, collection, from_ids, into_id, display_name, undone) \
             VALUES ($1, $2, now(), 'accounts', ARRAY[$3], $4, $5, $6)",
        )
        .bind(me.tenant_id)
        .bind(Uuid::new_v4())
        .bind(from)
        .bind(into)
        .bind(name)
        .bind(undone)
        .execute(&mut conn)
        .await
        .unwrap();
    }
    shop.retire(&sheet.id).await;
    let delete = DeleteOpportunityRequest { id: gone.id, ..DeleteOpportunityRequest::default() };
    rig.opportunities(&me).delete_opportunity(delete).await.unwrap();
    rig.clock.advance(chrono::TimeDelta::days(31));
    assert_eq!(rig.purge().await, 1);

    let back = desk.act("revert", &made.id).await.unwrap();
    assert_eq!((back.state(), back.version), (State::Signed, 1));
    assert_eq!((back.account_id, back.account_name.as_str()), (last.to_string(), "Acme Group"));
    assert_eq!(back.opportunity_id, "");
    assert_eq!((back.lines, back.amount), (signed.lines, signed.amount));

    // What leads somewhere is as it was, also an account that nobody merged.
    desk.amend(&made.id, "again").await.unwrap();
    let change = Contract {
        id: made.id.clone(),
        account_id: Uuid::new_v4().to_string(),
        opportunity_id: stays.id,
        ..Contract::default()
    };
    desk.update(change, &["account_id", "opportunity_id"]).await.unwrap();
    let back = desk.act("revert", &made.id).await.unwrap();
    assert_eq!((back.account_id, back.opportunity_id), (last.to_string(), String::new()));
    let change = Contract { id: made.id, payment_method: "cash".into(), ..Contract::default() };
    assert_error(desk.update(change, &["payment_method"]).await, Code::FailedPrecondition, "CONTRACT_LOCKED");
}

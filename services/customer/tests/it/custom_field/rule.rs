//! What a field may ask of its values: that they are there, and that one record alone has them.

use crm_proto::crm::{
    customer::v1::{
        Account, BatchUpdateAccountsRequest, DeleteAccountRequest, UndeleteAccountRequest,
        UpdateAccountRequest, account::Level,
    },
    record::v1::{CustomField, custom_field::Type},
};
use crm_testkit::status::{assert_error, metadata};
use tonic::Code;

use super::{
    change, custom, define, define_all, definition, number, redefine, set, text, told, value_of, with,
};
use crate::rig::{Rig, field_mask, filter, named};

#[tokio::test]
async fn what_is_required_is_asked_for_when_its_time_comes() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let before = rig.create(&me, named("before")).await.unwrap();
    let always = CustomField { required: true, ..definition("always", Type::Text) };
    let always = define(&rig, &me, always).await.unwrap();
    let sometimes = CustomField {
        required_if: "level == \"LEVEL_A\" && custom.always != \"no\"".into(),
        ..definition("sometimes", Type::Number)
    };
    define(&rig, &me, sometimes).await.unwrap();
    let status = assert_error(rig.create(&me, named("x")).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["account.custom.always REQUIRED"]);
    let level = |account: Account, level: Level| Account { level: level.into(), ..account };
    let status = rig.create(&me, level(named("x"), Level::A)).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["account.custom.always REQUIRED", "account.custom.sometimes REQUIRED"]);
    let blank = rig.create(&me, with("x", [("always", text("  "))])).await;
    assert_eq!(told(&blank.unwrap_err()), ["account.custom.always REQUIRED"]);

    let a = rig.create(&me, with("a", [("always", text("y"))])).await.unwrap();
    let status = set(&rig, &me, &a.id, "always", None).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.always REQUIRED"]);
    let raised = level(Account { id: a.id.clone(), ..Account::default() }, Level::A);
    let status = rig.update(&me, raised.clone(), &["level"]).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.sometimes REQUIRED"]);
    let both = Account { custom: custom([("sometimes", number("0"))]), ..raised };
    rig.update(&me, both, &["level", "custom.sometimes"]).await.unwrap();
    rig.create(&me, level(with("b", [("always", text("no"))]), Level::A)).await.unwrap();

    // A record from before the rule is left in peace until the field is written.
    let touched = Account { id: before.id.clone(), region: "North".into(), ..Account::default() };
    rig.update(&me, touched, &["region"]).await.unwrap();
    set(&rig, &me, &before.id, "always", Some(text("y"))).await.unwrap();
    let status = set(&rig, &me, &before.id, "always", None).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.always REQUIRED"]);
    // Nobody is asked for a retired field.
    redefine(&rig, &me, CustomField { retired: true, ..always }, &["retired"]).await.unwrap();
    rig.create(&me, named("c")).await.unwrap();
    let status = rig.create(&me, with("d", [("always", text("y"))])).await;
    assert_eq!(told(&status.unwrap_err()), ["account.custom.always FIELD_RETIRED"]);
    assert_eq!(value_of(&rig.get(&me, &a.id).await.unwrap(), "always"), Some(text("y")));
}

#[tokio::test]
async fn a_unique_value_is_held_by_one_live_record() {
    let rig = Rig::new().await;
    let (me, other) = (rig.administrator(), rig.administrator());
    for caller in [&me, &other] {
        let code = CustomField { unique: true, ..definition("code", Type::Text) };
        let mail = CustomField { unique: true, ..definition("mail", Type::Email) };
        define_all(&rig, caller, [code, mail]).await;
    }
    let a = with("A", [("code", text("x")), ("mail", text("Info@x.cn"))]);
    let a = rig.create(&me, a).await.unwrap();
    rig.create(&other, with("O", [("code", text("x"))])).await.unwrap();
    for (key, taken) in [("code", text("x")), ("mail", text("info@X.CN"))] {
        let status = rig.create(&me, with("B", [(key, taken)])).await;
        let status = assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
        assert_eq!(metadata(&status, "field"), format!("custom.{key}"));
        assert_eq!(told(&status), [format!("account.custom.{key} VALUE_TAKEN")]);
    }
    let b = rig.create(&me, with("B", [("code", text("X"))])).await.unwrap();
    let status = set(&rig, &me, &b.id, "code", Some(text("x"))).await;
    assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    assert_eq!(value_of(&rig.get(&me, &b.id).await.unwrap(), "code"), Some(text("X")));

    let (account, path) = change(&a.id, "code", Some(text("free")));
    let free = UpdateAccountRequest { account: Some(account), update_mask: field_mask(&[&path]) };
    rig.create(&me, with("T", [("code", text("third"))])).await.unwrap();
    let (account, path) = change(&b.id, "code", Some(text("third")));
    let refused = UpdateAccountRequest { account: Some(account), update_mask: field_mask(&[&path]) };
    let batch = BatchUpdateAccountsRequest { requests: vec![free, refused] };
    let status = rig.accounts(&me).batch_update_accounts(batch).await;
    let status = assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    assert_eq!(told(&status), ["requests[1].account.custom.code VALUE_TAKEN"]);

    // Two records of one batch exchange theirs.
    let updates = [(&a.id, "X"), (&b.id, "x")].map(|(id, code)| {
        let (account, path) = change(id, "code", Some(text(code)));
        UpdateAccountRequest { account: Some(account), update_mask: field_mask(&[&path]) }
    });
    let batch = BatchUpdateAccountsRequest { requests: updates.to_vec() };
    rig.accounts(&me).batch_update_accounts(batch).await.unwrap();

    let delete = DeleteAccountRequest { id: b.id.clone(), etag: String::new() };
    rig.accounts(&me).delete_account(delete).await.unwrap();
    let c = rig.create(&me, with("C", [("code", text("x"))])).await.unwrap();
    let undelete = UndeleteAccountRequest { id: b.id.clone(), etag: String::new() };
    let status = rig.accounts(&me).undelete_account(undelete.clone()).await;
    assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    set(&rig, &me, &c.id, "code", None).await.unwrap();
    let back = rig.accounts(&me).undelete_account(undelete).await.unwrap().into_inner();
    assert_eq!(value_of(&back, "code"), Some(text("x")));
    let status = set(&rig, &me, &c.id, "code", Some(text("x"))).await;
    assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");

    let race = (0..8).map(|index| rig.create(&me, with(&format!("r{index}"), [("code", text("race"))])));
    let race = futures::future::join_all(race.collect::<Vec<_>>()).await;
    let (won, lost): (Vec<_>, Vec<_>) = race.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for status in lost {
        assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    }
}

#[tokio::test]
async fn a_field_becomes_unique_only_when_its_values_are() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let code = define(&rig, &me, definition("code", Type::Text)).await.unwrap();
    rig.create(&me, with("A", [("code", text("x"))])).await.unwrap();
    let b = rig.create(&me, with("B", [("code", text("x"))])).await.unwrap();
    let unique = CustomField { id: code.id.clone(), unique: true, ..CustomField::default() };
    let status = redefine(&rig, &me, unique.clone(), &["unique"]).await;
    let status = assert_error(status, Code::FailedPrecondition, "FIELD_IN_USE");
    assert_eq!((metadata(&status, "key"), metadata(&status, "records")), ("code".into(), "1".into()));
    rig.create(&me, with("C", [("code", text("x"))])).await.unwrap();
    let accounts = rig.list(&me, filter("custom.code == \"x\"")).await.unwrap().accounts;
    for (index, account) in accounts.iter().enumerate() {
        set(&rig, &me, &account.id, "code", Some(text(&format!("x{index}")))).await.unwrap();
    }
    redefine(&rig, &me, unique, &["unique"]).await.unwrap();
    let taken = value_of(&rig.get(&me, &b.id).await.unwrap(), "code").unwrap();
    let status = rig.create(&me, with("D", [("code", taken.clone())])).await;
    assert_error(status, Code::AlreadyExists, "VALUE_TAKEN");
    let common = CustomField { id: code.id, unique: false, ..CustomField::default() };
    redefine(&rig, &me, common, &["unique"]).await.unwrap();
    rig.create(&me, with("D", [("code", taken)])).await.unwrap();
}

//! Fields that refer to records and to users.

use crm_proto::crm::{
    customer::v1::{Account, Contact, DeleteContactRequest},
    record::v1::{CustomField, custom_field::Type, custom_value::Value},
};
use crm_testkit::{Rights, status::assert_error};
use tonic::Code;
use uuid::Uuid;

use super::{assert_filters, custom, define, definition, set, told, with};
use crate::rig::{Rig, named};

#[tokio::test]
async fn references_name_live_records_in_scope() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let anna = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    for (key, target) in [("partner", "accounts"), ("person", "contacts"), ("user", "users")] {
        let field = CustomField { reference_collection: target.into(), ..definition(key, Type::Reference) };
        define(&rig, &boss, field).await.unwrap();
    }
    let stranger = rig.administrator();
    let theirs = rig.create(&stranger, named("theirs")).await.unwrap();
    let hers = rig.create(&anna, named("P")).await.unwrap();
    let bosses = rig.create(&boss, named("Q")).await.unwrap();
    let person = Contact { display_name: "p".into(), ..Contact::default() };
    let person = rig.create_contact(&anna, person).await.unwrap();
    let to = |id: &str| Value::ReferenceId(id.into());
    let user = Uuid::new_v4();
    rig.database.knows(boss.tenant_id, &[user]).await;
    let user = user.to_string();
    let values = [("partner", to(&hers.id)), ("person", to(&person.id)), ("user", to(&user))];
    let a = rig.create(&anna, with("A", values.clone())).await.unwrap();
    assert_eq!(rig.get(&anna, &a.id).await.unwrap().custom, custom(values));
    for missing in [&bosses.id, &theirs.id, &person.id, &user] {
        let status = set(&rig, &anna, &a.id, "partner", Some(to(missing))).await;
        let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(told(&status), ["account.custom.partner REFERENCE_NOT_FOUND"]);
    }
    // A reference that stands outlives its record.
    let delete = DeleteContactRequest { id: person.id.clone(), etag: String::new() };
    rig.contacts(&anna).delete_contact(delete).await.unwrap();
    let whole = Account { region: "North".into(), ..a.clone() };
    assert_eq!(rig.update(&anna, whole, &["*"]).await.unwrap().custom, a.custom);
    let status = rig.create(&anna, with("B", [("person", to(&person.id))])).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(told(&status), ["account.custom.person REFERENCE_NOT_FOUND"]);
    let by_partner = format!("custom.partner == \"{}\" && custom.user == \"{user}\"", hers.id);
    assert_filters(&rig, &boss, &[(&by_partner, "A"), ("!has(custom.partner)", "PQ")]).await;
}

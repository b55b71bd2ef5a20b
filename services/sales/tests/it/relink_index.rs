//! What refers to merged accounts and contacts is found by indexes, under the service's role.

use crm_kit_record::{
    Kind, Record as _,
    rows::{self, Reference},
};
use crm_sales::{opportunity::Opportunity, quote::Quote};
use uuid::Uuid;

use crate::{
    quote::create,
    rig::{Rig, deal},
};

#[tokio::test]
async fn what_refers_to_merged_records_is_found_by_indexes_under_the_service_role() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    rig.create(&me, deal("seed")).await.unwrap();
    let quote = crm_proto::crm::sales::v1::Quote { display_name: "seed".into(), ..Default::default() };
    create(&rig, &me, quote).await.unwrap();
    let mut superuser = rig.database.look().await;
    for sql in [
        "INSERT INTO opportunity SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'number', 'X' || n, \
         'account_id', gen_random_uuid(), 'contacts', jsonb_build_array(jsonb_build_object('contact_id', gen_random_uuid())), \
         'competitors', jsonb_build_array(jsonb_build_object('account_id', gen_random_uuid()))))).* \
         FROM opportunity o, generate_series(1, 5000) n",
        "INSERT INTO quote SELECT (jsonb_populate_record(q, jsonb_build_object('id', gen_random_uuid(), 'number', 'X' || n, \
         'base_quote_id', gen_random_uuid(), 'account_id', gen_random_uuid(), 'contact_id', gen_random_uuid()))).* \
         FROM quote q, generate_series(1, 5000) n",
        "ANALYZE opportunity",
        "ANALYZE quote",
    ] {
        sqlx::query(sql).execute(&mut superuser).await.unwrap();
    }
    let (deals, quotes) = (Opportunity::KIND, Quote::KIND);
    for (kind, reference) in [
        (deals, Reference::Column("account_id")),
        (deals, Reference::Items { column: "competitors", key: "account_id" }),
        (deals, Reference::Items { column: "contacts", key: "contact_id" }),
        (quotes, Reference::Column("account_id")),
        (quotes, Reference::Column("contact_id")),
    ] {
        let value = match reference {
            Reference::Column(column) => column.to_owned(),
            Reference::Items { column, key } => format!("({column}->0->>'{key}')::uuid"),
        };
        let sql = format!("SELECT id, {value} FROM {} WHERE number LIKE 'X%' LIMIT 1", kind.table);
        let (id, target): (Uuid, Uuid) =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(&mut superuser).await.unwrap();
        let (found, read) = find(&rig, me.tenant_id, kind, reference, target).await;
        assert_eq!(found, [id], "{} {reference:?}", kind.table);
        assert!(read < 50, "{} {reference:?} reads {read} rows", kind.table);
    }
}

/// What is found, and how many rows of the kind were read for it.
async fn find(
    rig: &Rig,
    tenant_id: Uuid,
    kind: &'static Kind,
    reference: Reference,
    target: Uuid,
) -> (Vec<Uuid>, i64) {
    let db = rig.database.db();
    let looked = db.read_for_tenant(tenant_id, move |tx| {
        Box::pin(async move {
            let place = (tenant_id, reference);
            let found = rows::naming(tx.conn(), kind, place, &[target, Uuid::nil()], 200).await?;
            let sql = "SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = $1";
            let read = sqlx::query_scalar(sql).bind(kind.table).fetch_one(tx.conn()).await.unwrap();
            Ok((found, read))
        })
    });
    looked.await.unwrap()
}

//! Lists by account, automatic allocation and ageing go by indexes, under the service's role, however many rows are closed.

use std::borrow::Cow;

use super::{Till, came, owed};
use crate::rig::Rig;

#[tokio::test]
async fn lists_by_account_and_ageing_go_by_indexes_under_the_service_role() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let till = Till::new(&rig, &me);
    till.plan(owed(100)).await.unwrap();
    till.confirmed(came(100)).await;
    let mut superuser = rig.database.look().await;
    // Many rows of one tenant, copied from the seeds: of ten, one is open.
    for sql in [
        "INSERT INTO payment_plan SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid(), 'number', 'X' || n, \
         'account_id', ('00000000-0000-0000-0000-' || lpad((n % 2000)::text, 12, '0')), 'state', CASE n % 10 WHEN 0 THEN 1 ELSE 3 END, \
         'allocated', CASE n % 10 WHEN 0 THEN 0 ELSE amount END))).* FROM payment_plan p, generate_series(1, 20000) n",
        "INSERT INTO receipt SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'number', 'X' || n, \
         'account_id', ('00000000-0000-0000-0000-' || lpad((n % 2000)::text, 12, '0')), 'state', CASE n % 10 WHEN 0 THEN 2 ELSE 3 END, \
         'allocated', CASE n % 10 WHEN 0 THEN 0 ELSE amount END))).* FROM receipt r, generate_series(1, 20000) n",
        "ANALYZE payment_plan",
        "ANALYZE receipt",
    ] {
        sqlx::query(sql).execute(&mut superuser).await.unwrap();
    }
    let db = rig.database.db();
    let account = "00000000-0000-0000-0000-000000000005";
    for (sql, parts) in [
        (
            format!("SELECT id FROM payment_plan WHERE tenant_id = $1 AND delete_time IS NULL AND (account_id = '{account}') ORDER BY create_time DESC, id DESC LIMIT 51"),
            &["payment_plan_account_idx"][..],
        ),
        (
            format!("SELECT id FROM receipt WHERE tenant_id = $1 AND delete_time IS NULL AND (account_id = '{account}') ORDER BY create_time DESC, id DESC LIMIT 51"),
            &["receipt_account_idx"],
        ),
        (
            format!("SELECT id FROM payment_plan WHERE tenant_id = $1 AND account_id = '{account}' AND amount_currency = 'CNY' AND state IN (1, 2) AND delete_time IS NULL ORDER BY due_date, id LIMIT 200"),
            &["payment_plan_open_idx"],
        ),
        (
            "SELECT account_id, amount_currency, sum(open) FROM receivable WHERE tenant_id = $1 AND counted AND delete_time IS NULL GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 51".to_owned(),
            &["Merge Append", "payment_plan_open_idx", "receipt_open_idx"],
        ),
    ] {
        let sql = sql.replace("$1", &format!("'{}'", me.tenant_id));
        let explained = db.for_tenant(me.tenant_id, |tx| {
            let sql: Cow<'static, str> = sql.clone().into();
            Box::pin(async move { Ok(crm_testkit::database::plan(tx.conn(), sql).await) })
        });
        let plan = explained.await.unwrap();
        assert!(parts.iter().all(|part| plan.contains(part)), "{sql}\n{plan}");
    }
}

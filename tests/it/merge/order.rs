//! Merges in quick succession, whose work in sales is made to run in the wrong order.

use sqlx::PgConnection;

use super::Tenant;
use crate::{process::running::until, suite::Suite};

/// Has the work that is asked for next wait for an hour, and nothing after it.
const HOLD: &str = "
    CREATE TABLE IF NOT EXISTS held (id uuid);
    TRUNCATE held;
    CREATE OR REPLACE FUNCTION hold_next() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        IF NEW.kind = 'relink' AND NOT EXISTS (SELECT FROM public.held) THEN
            INSERT INTO public.held VALUES (NEW.id);
            NEW.run_after := NEW.run_after + interval '1 hour';
        END IF;
        RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER hold_next BEFORE INSERT ON job FOR EACH ROW EXECUTE FUNCTION hold_next();";

/// Whether the work on a merge, or on its undoing, has begun or is done, while that of another is held up.
const HAS_RUN: &str = "
    SELECT EXISTS (SELECT FROM relink WHERE id = $1::uuid AND undone = $3)
       AND NOT EXISTS (SELECT FROM job WHERE id = $1::uuid AND claim = 0)
       AND EXISTS (SELECT FROM job JOIN held USING (id) WHERE id = $2::uuid AND claim = 0)";

/// Has work that was held up begin.
const RELEASE: &str = "UPDATE job SET run_after = now() WHERE id IN (SELECT id FROM held)";
/// Loses work that was held up, as a process of an earlier release does that ends a job without settling what it is for.
const LOSE: &str = "DELETE FROM job WHERE id IN (SELECT id FROM held)";

/// Lets the work of `first` begin, or be lost, only after that of `second` has begun.
async fn swap(suite: &Suite, conn: &mut PgConnection, (first, second): (&str, &str), held: &'static str) {
    let undone = held == LOSE;
    suite.followers.drain().await.unwrap();
    until("the second one runs first", || async {
        let mut conn = suite.sales_database.look().await;
        let has_run = sqlx::query_scalar::<_, bool>(HAS_RUN).bind(second).bind(first).bind(undone);
        has_run.fetch_one(&mut conn).await.unwrap()
    })
    .await;
    sqlx::raw_sql(held).execute(conn).await.unwrap();
}

#[tokio::test]
async fn merges_are_followed_in_their_order_whichever_work_runs_first() {
    let suite = Suite::new().await;
    let mut acme = Tenant::new(&suite, "acme").await;
    let [a, b, c] = [acme.account("Alpha").await, acme.account("Beta").await, acme.account("Gamma").await];
    let deals = [acme.deal("a", &a, &[]).await.id, acme.deal("b", &b, &[]).await.id];
    let mut conn = suite.sales_database.look().await;
    sqlx::raw_sql(HOLD).execute(&mut conn).await.unwrap();

    let first = acme.merge("accounts", [&b, &a]).await;
    let second = acme.merge("accounts", [&c, &b]).await;
    swap(&suite, &mut conn, (&first, &second), RELEASE).await;
    acme.followed(&suite, &first).await;
    acme.followed(&suite, &second).await;
    for deal in &deals {
        assert_eq!(acme.get(deal).await.account_id, c, "what went to B goes on to C");
    }

    // What is undone last in customer is followed last, too, even when the work on what comes before is lost.
    sqlx::raw_sql(HOLD).execute(&mut conn).await.unwrap();
    acme.undo(&second).await;
    acme.undo(&first).await;
    swap(&suite, &mut conn, (&second, &first), LOSE).await;
    acme.followed(&suite, &second).await;
    acme.followed(&suite, &first).await;
    for (deal, account) in deals.iter().zip([&a, &b]) {
        assert_eq!(&acme.get(deal).await.account_id, account);
    }
}

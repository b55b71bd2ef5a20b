//! Many callers at once: nothing is allocated beyond what is open, and the sums that are kept stay the sums.

use crm_proto::crm::sales::v1::{PaymentPlan, Receipt};
use crm_testkit::status::{assert_error, metadata, reason};
use tokio_util::task::TaskTracker;
use tonic::Code;

use super::{Till, assert_sums, came, owed};
use crate::rig::{Rig, yuan};

#[tokio::test]
async fn of_two_callers_one_wins_and_the_other_gets_the_figures() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    // One receipt, two plans; then two receipts, one plan.
    let receipt = till.confirmed(came(100)).await;
    let plans = [till.plan(owed(80)).await.unwrap(), till.plan(owed(80)).await.unwrap()];
    let asks = [[(&plans[0], 80)], [(&plans[1], 80)]];
    let (left, right) = tokio::join!(till.allocate(&receipt, &asks[0]), till.allocate(&receipt, &asks[1]));
    assert_ne!(left.is_ok(), right.is_ok());
    let loser = if left.is_ok() { right } else { left };
    let status = assert_error(loser, Code::FailedPrecondition, "OVER_ALLOCATED");
    let figures = ["receipt_open", "payment_plan_open", "asked"].map(|key| metadata(&status, key));
    assert_eq!(figures, ["20", "80", "80"]);

    let plan = till.plan(owed(100)).await.unwrap();
    let receipts = [till.confirmed(came(70)).await, till.confirmed(came(70)).await];
    let ask = [(&plan, 70)];
    let (left, right) = tokio::join!(till.allocate(&receipts[0], &ask), till.allocate(&receipts[1], &ask));
    assert_ne!(left.is_ok(), right.is_ok());
    let loser = if left.is_ok() { right } else { left };
    let status = assert_error(loser, Code::FailedPrecondition, "OVER_ALLOCATED");
    let figures = ["receipt_open", "payment_plan_open", "asked"].map(|key| metadata(&status, key));
    assert_eq!(figures, ["70", "30", "70"]);
    assert_eq!(till.get_plan(&plan.id).await.unwrap().open_amount, Some(yuan(30)));
    assert_sums(&rig).await;
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(sides).unwrap()).unwrap()
    }
}

/// One random step; what is refused must be refused for a reason of the rules.
async fn step(till: &Till, dice: &mut Dice, receipts: &[Receipt], plans: &[PaymentPlan]) -> bool {
    let receipt = &receipts[dice.roll(receipts.len())];
    let first = dice.roll(plans.len());
    let second = (first + 1 + dice.roll(plans.len() - 1)) % plans.len();
    let (first, second) = (&plans[first], &plans[second]);
    let units = |dice: &mut Dice| i64::try_from(1 + dice.roll(60)).unwrap();
    let refused = match dice.roll(20) {
        0..8 => till.allocate(receipt, &[(first, units(dice)), (second, units(dice))]).await.err(),
        8..11 => till.auto(receipt).await.err(),
        11..15 => till.deallocate(receipt, &[(first, None)]).await.err(),
        15..18 => till.deallocate(receipt, &[(first, Some(units(dice)))]).await.err(),
        18 => till.reverse(&receipt.id, "bounced").await.err(),
        _ => {
            let lower = PaymentPlan { amount: Some(yuan(units(dice) + 40)), ..first.clone() };
            let lower = PaymentPlan { etag: String::new(), ..lower };
            till.change_plan(lower, &["amount"]).await.err()
        }
    };
    let known = [
        "OVER_ALLOCATED",
        "NOT_ALLOCATED",
        "RECEIPT_NOT_CONFIRMED",
        "RECEIPT_REVERSED",
        "PAYMENT_PLAN_ALLOCATED",
    ];
    if let Some(status) = &refused {
        assert!(known.contains(&reason(status).as_str()), "{status:?}");
    }
    refused.is_none()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_many_callers_do_the_sums_hold() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let (mut receipts, mut plans) = (Vec::new(), Vec::new());
    for index in 0..8 {
        receipts.push(till.confirmed(came(60 + index * 10)).await);
        plans.push(till.plan(owed(50 + index * 10)).await.unwrap());
    }
    let tasks = TaskTracker::new();
    let walkers = (1..=6).map(|seed| {
        let (till, receipts, plans) = (till.clone(), receipts.clone(), plans.clone());
        tasks.spawn(async move {
            let (mut dice, mut done) = (Dice(seed), 0);
            for _ in 0..60 {
                done += usize::from(step(&till, &mut dice, &receipts, &plans).await);
            }
            done
        })
    });
    let mut done = 0;
    for walker in walkers.collect::<Vec<_>>() {
        done += walker.await.unwrap();
    }
    assert!(done > 30, "{done} steps went through");
    assert_sums(&rig).await;
    let states = "SELECT count(*) FROM payment_plan WHERE (state = 1) <> (allocated = 0) OR (state = 3) <> (allocated = amount)";
    let mut conn = rig.database.look().await;
    assert_eq!(sqlx::query_scalar::<_, i64>(states).fetch_one(&mut conn).await.unwrap(), 0);
}

#[tokio::test]
async fn the_tables_themselves_refuse_what_the_rules_do() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let plan = till.plan(owed(100)).await.unwrap();
    let receipt = till.confirmed(came(100)).await;
    till.allocate(&receipt, &[(&plan, 40)]).await.unwrap();
    let mut conn = rig.database.look().await;
    for (sql, constraint) in [
        ("UPDATE payment_plan SET allocated = amount + 1, state = 3", "payment_plan_allocated_check"),
        ("UPDATE payment_plan SET allocated = -1", "payment_plan_allocated_check"),
        ("UPDATE payment_plan SET amount = 390000", "payment_plan_allocated_check"),
        ("UPDATE receipt SET allocated = amount + 1", "receipt_allocated_check"),
        ("UPDATE receipt SET state = 3", "receipt_state_check"),
        ("UPDATE allocation SET amount = -1", "allocation_amount_check"),
        ("DELETE FROM payment_plan", "allocation_payment_plan_fkey"),
    ] {
        let refused = sqlx::query(sql).execute(&mut conn).await.unwrap_err();
        let found = refused.as_database_error().and_then(|error| error.constraint()).map(str::to_owned);
        assert_eq!(found.as_deref(), Some(constraint), "{sql}");
    }
}

//! Payment plans: what they keep, cancelling, and splitting a total.

use crm_proto::crm::{
    record::v1::ExternalId,
    sales::v1::{
        CancelPaymentPlanRequest, Instalment, PaymentPlan, SplitPaymentPlanRequest, SplitPaymentPlanResponse,
        payment_plan::State,
    },
};
use crm_proto::google::r#type::Money;
use crm_testkit::{
    Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Status};
use uuid::Uuid;

use super::{Till, came, due, owed};
use crate::rig::{Rig, day, yuan};

#[tokio::test]
async fn an_instalment_is_kept_as_sent() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let till = Till::new(&rig, &me);
    let wanted = PaymentPlan {
        order_id: Uuid::new_v4().to_string(),
        contract_id: Uuid::new_v4().to_string(),
        sequence: 2,
        description: "on delivery".into(),
        tags: vec!["key".into()],
        external_ids: vec![ExternalId { system: "sap".into(), value: "4711".into() }],
        ..owed(1200)
    };
    let made = till.plan(wanted.clone()).await.unwrap();
    let expected = PaymentPlan {
        id: made.id.clone(),
        create_time: made.create_time,
        update_time: made.create_time,
        etag: made.etag.clone(),
        number: "PP000001".into(),
        allocated_amount: Some(yuan(0)),
        open_amount: Some(yuan(1200)),
        state: State::Pending.into(),
        owner_id: me.id.to_string(),
        ..wanted
    };
    assert_eq!(made, expected);
    assert_eq!(till.get_plan(&made.id).await.unwrap(), made);
}

#[tokio::test]
async fn every_broken_rule_is_told_at_once() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let status = till.plan(PaymentPlan { amount: Some(yuan(0)), ..PaymentPlan::default() }).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    let mut found = violations(&status);
    found.sort();
    let expected = [("account_id", "REQUIRED"), ("amount", "NOT_POSITIVE"), ("due_date", "REQUIRED")];
    let expected = expected.map(|(field, code)| (format!("payment_plan.{field}"), code.to_owned()));
    assert_eq!(found, expected);
    let status = till.plan(owed(10_000_000_000_001)).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("payment_plan.amount".to_owned(), "MONEY_TOO_LARGE".to_owned())]);
}

#[tokio::test]
async fn overdue_ones_are_found_by_day_and_state() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let till = Till::new(&rig, &me);
    // Today is 1 March.
    let account = Uuid::new_v4();
    for (number, date) in [("late", day(2026, 2, 28)), ("today", day(2026, 3, 1)), ("off", day(2026, 1, 1))] {
        till.plan(PaymentPlan { number: number.into(), ..due(account, 10, date) }).await.unwrap();
    }
    let paid = till.plan(PaymentPlan { number: "paid".into(), ..due(account, 10, day(2026, 1, 1)) }).await;
    till.allocate(&till.confirmed(came(10)).await, &[(&paid.unwrap(), 10)]).await.unwrap();
    let overdue = "due_date < today && state in ['STATE_PENDING', 'STATE_PARTIALLY_PAID']";
    assert_eq!(till.numbers(overdue).await.unwrap(), ["late", "off"]);
    assert_eq!(till.numbers("open_amount == 0").await.unwrap(), ["paid"]);
    let of_account = format!("account_id == '{account}' && due_date >= date('2026-02-28')");
    assert_eq!(till.numbers(&of_account).await.unwrap(), ["late", "today"]);
}

#[tokio::test]
async fn a_cancelled_instalment_is_not_owed_and_stays_cancelled() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let plan = till.plan(owed(100)).await.unwrap();
    let blank = till.cancel(&plan.id, " ").await;
    assert_error(blank, Code::InvalidArgument, "FIELD_INVALID");
    let (id, etag) = (plan.id.clone(), "W/ff".to_owned());
    let stale = CancelPaymentPlanRequest { id, etag, reason: "x".into() };
    let stale = till.plans.clone().cancel_payment_plan(stale).await;
    assert_error(stale, Code::Aborted, "ETAG_MISMATCH");

    let cancelled = till.cancel(&plan.id, "order withdrawn").await.unwrap();
    assert_eq!(
        (cancelled.state(), cancelled.cancel_reason.as_str(), cancelled.open_amount),
        (State::Cancelled, "order withdrawn", Some(yuan(0)))
    );
    let again = till.cancel(&plan.id, "again").await;
    assert_error(again, Code::FailedPrecondition, "PAYMENT_PLAN_CANCELLED");
    let receipt = till.confirmed(came(100)).await;
    let refused = till.allocate(&receipt, &[(&plan, 1)]).await;
    assert_error(refused, Code::FailedPrecondition, "PAYMENT_PLAN_CANCELLED");
    assert_eq!(till.auto(&receipt).await.unwrap().payment_plans, []);
}

#[tokio::test]
async fn what_is_paid_of_holds_the_amount_up() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let plan = till.plan(owed(100)).await.unwrap();
    till.allocate(&till.confirmed(came(60)).await, &[(&plan, 60)]).await.unwrap();
    let with = |money: Money| PaymentPlan {
        amount: Some(money),
        ..PaymentPlan { id: plan.id.clone(), ..Default::default() }
    };
    let dollars = Money { currency_code: "USD".into(), ..yuan(100) };
    for money in [yuan(59), dollars] {
        let refused = till.change_plan(with(money), &["amount"]).await;
        let status = assert_error(refused, Code::FailedPrecondition, "PAYMENT_PLAN_ALLOCATED");
        assert_eq!(
            (metadata(&status, "allocated"), metadata(&status, "currency_code")),
            ("60".into(), "CNY".into())
        );
    }
    assert_error(till.cancel(&plan.id, "x").await, Code::FailedPrecondition, "PAYMENT_PLAN_ALLOCATED");
    let less = till.change_plan(with(yuan(60)), &["amount"]).await.unwrap();
    assert_eq!((less.state(), less.open_amount), (State::Paid, Some(yuan(0))));
    let more = till.change_plan(with(yuan(90)), &["amount"]).await.unwrap();
    assert_eq!((more.state(), more.open_amount), (State::PartiallyPaid, Some(yuan(30))));
}

async fn split(
    till: &Till,
    whole: PaymentPlan,
    percents: &[&str],
    validate_only: bool,
) -> Result<SplitPaymentPlanResponse, Status> {
    let instalment = |(month, percent): (i32, &&str)| Instalment {
        due_date: Some(day(2026, month, 15)),
        percent: (*percent).into(),
        description: String::new(),
    };
    let instalments = (1..).zip(percents).map(instalment).collect();
    let request = SplitPaymentPlanRequest { payment_plan: Some(whole), instalments, validate_only };
    till.plans.clone().split_payment_plan(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_total_is_split_into_instalments_that_add_up_to_it() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    // 100.01 at 30, 30 and 40 %: 30.003, 30.003, 40.004. The cent that is left goes to the last.
    let money = |units: i64, cents: i32| Some(Money { nanos: cents * 10_000_000, ..yuan(units) });
    let whole = PaymentPlan { amount: money(100, 1), description: "frame".into(), ..owed(1) };
    let amounts = |made: &SplitPaymentPlanResponse| -> Vec<_> {
        made.payment_plans.iter().map(|plan| plan.amount.clone()).collect()
    };
    let shown = split(&till, whole.clone(), &["30", "30", "40"], true).await.unwrap();
    assert_eq!(amounts(&shown), [money(30, 0), money(30, 0), money(40, 1)]);
    assert!(shown.payment_plans.iter().all(|plan| plan.id.is_empty() && plan.number.is_empty()));
    assert!(till.numbers("").await.unwrap().is_empty());

    let made = split(&till, whole.clone(), &["30", "30", "40"], false).await.unwrap();
    assert_eq!(amounts(&made), amounts(&shown));
    let kept: Vec<_> = made.payment_plans.iter().map(|plan| (plan.sequence, plan.due_date)).collect();
    assert_eq!(kept, [1, 2, 3].map(|month| (month, Some(day(2026, month, 15)))));
    assert_eq!(till.numbers("description == 'frame'").await.unwrap().len(), 3);

    let equal = split(&till, owed(100), &["", "", ""], true).await.unwrap();
    assert_eq!(amounts(&equal), [money(33, 34), money(33, 33), money(33, 33)]);
    for (percents, field, code) in [
        (&["30", "", "70"][..], "instalments[1].percent", "NUMBER_INVALID"),
        (&["30", "71"], "instalments", "PERCENT_SUM"),
        (&["99.999999", "0.000001"], "instalments[1]", "NOTHING_LEFT"),
    ] {
        let status = split(&till, owed(1), percents, false).await;
        let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
        let found = violations(&status);
        assert!(found.iter().any(|(at, why)| at.ends_with(field) && why == code), "{found:?}");
    }
    let mut nobody = owed(100);
    nobody.account_id.clear();
    let status = split(&till, nobody, &["50", "50"], false).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "instalments[0].payment_plan.account_id");
}

#[tokio::test]
async fn who_may_read_plans_may_not_cancel_them() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let plan = Till::new(&rig, &boss).plan(owed(5)).await.unwrap();
    let rights = Rights::all(boss.tenant_id).with_permissions(&["sales.paymentPlans.read"]);
    let reader = Till::new(&rig, &rig.callers.add(&rights));
    assert_eq!(reader.get_plan(&plan.id).await.unwrap(), plan);
    assert_error(reader.cancel(&plan.id, "x").await, Code::PermissionDenied, "PERMISSION_MISSING");
    let stranger = Till::new(&rig, &rig.administrator());
    assert_error(stranger.get_plan(&plan.id).await, Code::NotFound, "NOT_FOUND");
    assert_error(stranger.cancel(&plan.id, "x").await, Code::NotFound, "NOT_FOUND");
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let outside = Till::new(&rig, &rig.callers.add(&rights));
    assert_error(outside.cancel(&plan.id, "x").await, Code::NotFound, "NOT_FOUND");
}

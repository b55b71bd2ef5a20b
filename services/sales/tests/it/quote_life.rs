//! What is done with quotes: submitting, presenting, accepting, revising, copying, and the end of their last day.

use crm_proto::crm::{
    record::v1::{CreateCustomFieldRequest, CustomField, custom_field::Type, custom_value::Value},
    sales::v1::{
        AcceptQuoteRequest, CopyQuoteRequest, DeleteQuoteRequest, DocumentLine, GetQuoteSettingsRequest,
        PresentQuoteRequest, Quote, QuoteSettings, RejectQuoteRequest, ReviseQuoteRequest,
        SubmitQuoteRequest, UpdateQuoteSettingsRequest, WithdrawQuoteRequest,
        quote::{ApprovalState, State},
    },
};
use crm_testkit::{
    Caller,
    status::{assert_error, metadata},
};
use tonic::{Code, Status};

use crate::{
    opportunity_lines::{line, shop},
    price::entry,
    quote::{create, get, of, quotes, update},
    rig::{Rig, day, deal},
};

#[derive(Clone, Copy)]
pub enum Do {
    Submit,
    Withdraw,
    Present,
    Accept,
    Reject,
    Revise,
}

pub async fn act(rig: &Rig, caller: &Caller, id: &str, verb: Do) -> Result<Quote, Status> {
    let (mut client, id, etag) = (quotes(rig, caller), id.to_owned(), String::new());
    let answer = match verb {
        Do::Submit => client.submit_quote(SubmitQuoteRequest { id, etag, comment: "please".into() }).await,
        Do::Withdraw => {
            client.withdraw_quote(WithdrawQuoteRequest { id, etag, comment: "wrong".into() }).await
        }
        Do::Present => client.present_quote(PresentQuoteRequest { id, etag }).await,
        Do::Accept => {
            client.accept_quote(AcceptQuoteRequest { id, etag, close_reason: "price".into() }).await
        }
        Do::Reject => {
            client.reject_quote(RejectQuoteRequest { id, etag, close_reason: "price".into() }).await
        }
        Do::Revise => client.revise_quote(ReviseQuoteRequest { id, etag }).await,
    };
    answer.map(tonic::Response::into_inner)
}

/// A quote that the customer has.
pub async fn presented(rig: &Rig, me: &Caller, quote: Quote) -> Quote {
    let made = create(rig, me, quote).await.unwrap();
    act(rig, me, &made.id, Do::Submit).await.unwrap();
    act(rig, me, &made.id, Do::Present).await.unwrap()
}

fn assert_state(outcome: Result<Quote, Status>, state: &str) {
    let status = assert_error(outcome, Code::FailedPrecondition, "QUOTE_STATE");
    assert_eq!(metadata(&status, "state"), state);
}

/// What a formula of the tenant says of a quote.
fn said(quote: &Quote) -> Option<Value> {
    quote.custom.get("offered").and_then(|value| value.value.clone())
}

#[tokio::test]
async fn formulas_are_computed_anew_by_each_step() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let field = CustomField {
        display_name: "Offered".into(),
        collection: "quotes".into(),
        key: "offered".into(),
        r#type: Type::Formula.into(),
        formula: "state == 'STATE_PRESENTED'".into(),
        formula_type: Type::Boolean.into(),
        ..CustomField::default()
    };
    let request = CreateCustomFieldRequest { custom_field: Some(field), ..Default::default() };
    rig.custom_fields(&me).create_custom_field(request).await.unwrap();
    let made = create(&rig, &me, of(&sheet, "3")).await.unwrap();
    assert_eq!(said(&made), Some(Value::Boolean(false)));
    act(&rig, &me, &made.id, Do::Submit).await.unwrap();
    let presented = act(&rig, &me, &made.id, Do::Present).await.unwrap();
    assert_eq!(said(&presented), Some(Value::Boolean(true)));
    assert_eq!(get(&rig, &me, &made.id).await.unwrap(), presented);
    let revised = act(&rig, &me, &made.id, Do::Revise).await.unwrap();
    assert_eq!(said(&revised), Some(Value::Boolean(false)));
    let rejected = act(&rig, &me, &made.id, Do::Reject).await.unwrap();
    assert_eq!(said(&rejected), Some(Value::Boolean(false)));
}

#[tokio::test]
async fn within_the_limit_a_quote_goes_its_way_without_approval() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let made = create(&rig, &me, of(&sheet, "3")).await.unwrap();
    for verb in [Do::Withdraw, Do::Present, Do::Accept, Do::Reject, Do::Revise] {
        assert_state(act(&rig, &me, &made.id, verb).await, "DRAFT");
    }
    let bare = create(&rig, &me, Quote { display_name: "bare".into(), ..Quote::default() }).await.unwrap();
    let refused = act(&rig, &me, &bare.id, Do::Submit).await;
    assert_error(refused, Code::FailedPrecondition, "QUOTE_EMPTY");
    let approved = act(&rig, &me, &made.id, Do::Submit).await.unwrap();
    assert_eq!((approved.state(), approved.approval_state()), (State::Approved, ApprovalState::NotNeeded));
    // What is offered is locked, the rest is not.
    let terms = Quote { terms: "30 days".into(), ..approved.clone() };
    let status = update(&rig, &me, terms, &["terms"]).await;
    let status = assert_error(status, Code::FailedPrecondition, "QUOTE_STATE");
    assert_eq!((metadata(&status, "state"), metadata(&status, "field")), ("APPROVED".into(), "terms".into()));
    let mut cheaper = approved.clone();
    cheaper.lines[0].discount_percent = "50".into();
    let status = update(&rig, &me, cheaper, &["lines"]).await;
    assert_eq!(metadata(&assert_error(status, Code::FailedPrecondition, "QUOTE_STATE"), "field"), "lines");
    let tagged = Quote { tags: vec!["key".into()], ..approved };
    let tagged = update(&rig, &me, tagged, &["tags", "lines"]).await.unwrap();
    let stale = PresentQuoteRequest { id: made.id.clone(), etag: made.etag.clone() };
    assert_error(quotes(&rig, &me).present_quote(stale).await, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(act(&rig, &me, &tagged.id, Do::Present).await.unwrap().state(), State::Presented);
    let accepted = act(&rig, &me, &made.id, Do::Accept).await.unwrap();
    assert_eq!((accepted.state(), accepted.close_reason.as_str()), (State::Accepted, "price"));
    for verb in [Do::Submit, Do::Present, Do::Accept, Do::Reject, Do::Revise] {
        assert_state(act(&rig, &me, &made.id, verb).await, "ACCEPTED");
    }
    let delete = DeleteQuoteRequest { id: made.id, etag: String::new() };
    let kept = quotes(&rig, &me).delete_quote(delete).await.map(tonic::Response::into_inner);
    assert_state(kept, "ACCEPTED");
}

#[tokio::test]
async fn past_the_limit_a_quote_waits_for_approval_and_can_be_taken_back() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let discount = |percent: &str| {
        let line = DocumentLine { discount_percent: percent.into(), ..line(&sheet, "3") };
        Quote { lines: vec![line], ..of(&sheet, "3") }
    };
    let at = create(&rig, &me, discount("10")).await.unwrap();
    assert_eq!(act(&rig, &me, &at.id, Do::Submit).await.unwrap().state(), State::Approved);
    let past = create(&rig, &me, discount("10.0001")).await.unwrap();
    let waiting = act(&rig, &me, &past.id, Do::Submit).await.unwrap();
    assert_eq!((waiting.state(), waiting.approval_state()), (State::InApproval, ApprovalState::Pending));
    assert_state(act(&rig, &me, &past.id, Do::Present).await, "IN_APPROVAL");
    let delete = DeleteQuoteRequest { id: past.id.clone(), etag: String::new() };
    let kept = quotes(&rig, &me).delete_quote(delete).await.map(tonic::Response::into_inner);
    assert_state(kept, "IN_APPROVAL");
    let back = act(&rig, &me, &past.id, Do::Withdraw).await.unwrap();
    assert_eq!((back.state(), back.approval_state()), (State::Draft, ApprovalState::Withdrawn));
    assert_eq!(back.approval_comment, "wrong");

    // A price of the caller's own below the list price is a discount too, and so is the header's.
    let mut own = of(&sheet, "3");
    own.lines[0].unit_price = "8.99".into();
    let own = create(&rig, &me, own).await.unwrap();
    assert_eq!(act(&rig, &me, &own.id, Do::Submit).await.unwrap().state(), State::InApproval);
    let header = Quote { header_discount_percent: "11".into(), ..of(&sheet, "3") };
    let header = create(&rig, &me, header).await.unwrap();
    assert_eq!(act(&rig, &me, &header.id, Do::Submit).await.unwrap().state(), State::InApproval);

    // The limit is the tenant's.
    let mut client = quotes(&rig, &me);
    let settings = client.get_quote_settings(GetQuoteSettingsRequest {}).await.unwrap().into_inner();
    assert_eq!(settings.max_discount_percent, "10");
    let change = |percent: &str, etag: &str| UpdateQuoteSettingsRequest {
        quote_settings: Some(QuoteSettings {
            max_discount_percent: percent.into(),
            etag: etag.into(),
            ..QuoteSettings::default()
        }),
        update_mask: None,
    };
    let changed = client.update_quote_settings(change("12.50", &settings.etag)).await.unwrap().into_inner();
    assert_eq!(changed.max_discount_percent, "12.5");
    let stale = client.update_quote_settings(change("1", &settings.etag)).await;
    assert_error(stale, Code::Aborted, "ETAG_MISMATCH");
    let wrong = client.update_quote_settings(change("100.1", "")).await;
    assert_error(wrong, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(act(&rig, &me, &past.id, Do::Submit).await.unwrap().state(), State::Approved);
}

#[tokio::test]
async fn a_revision_supersedes_the_one_before_when_it_is_submitted() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let first = presented(&rig, &me, of(&sheet, "3")).await;
    let second = act(&rig, &me, &first.id, Do::Revise).await.unwrap();
    assert_eq!((second.number.as_str(), second.revision_number), ("Q000001-R2", 2));
    assert_eq!((&second.base_quote_id, second.state()), (&first.id, State::Draft));
    assert_eq!(second.lines, first.lines);
    let status = act(&rig, &me, &first.id, Do::Revise).await;
    let status = assert_error(status, Code::FailedPrecondition, "QUOTE_REVISED");
    assert_eq!(
        (metadata(&status, "id"), metadata(&status, "revision_number")),
        (second.id.clone(), "2".into())
    );
    assert_eq!(get(&rig, &me, &first.id).await.unwrap().state(), State::Presented);
    act(&rig, &me, &second.id, Do::Submit).await.unwrap();
    assert_state(act(&rig, &me, &first.id, Do::Accept).await, "SUPERSEDED");
    act(&rig, &me, &second.id, Do::Present).await.unwrap();
    act(&rig, &me, &second.id, Do::Reject).await.unwrap();
    let third = act(&rig, &me, &second.id, Do::Revise).await.unwrap();
    assert_eq!((third.number.as_str(), third.close_reason.as_str()), ("Q000001-R3", ""));

    // A copy is a quote of its own, at the prices of today.
    let copy =
        CopyQuoteRequest { id: first.id.clone(), valid_until: Some(day(2026, 4, 1)), ..Default::default() };
    let copy = quotes(&rig, &me).copy_quote(copy).await.unwrap().into_inner();
    assert_eq!((copy.number.as_str(), copy.revision_number, copy.state()), ("Q000002", 1, State::Draft));
    assert_eq!((&copy.base_quote_id, copy.valid_until), (&copy.id, Some(day(2026, 4, 1))));
    assert_ne!(copy.lines[0].id, first.lines[0].id);
    assert_eq!(copy.totals, first.totals);
}

#[tokio::test]
async fn a_deal_has_one_accepted_quote_whoever_is_first() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let deal = rig.create(&me, deal("deal")).await.unwrap();
    let quote = Quote { opportunity_id: deal.id.clone(), ..of(&sheet, "3") };
    let one = presented(&rig, &me, quote.clone()).await;
    let other = presented(&rig, &me, quote).await;
    let (first, second) =
        tokio::join!(act(&rig, &me, &one.id, Do::Accept), act(&rig, &me, &other.id, Do::Accept));
    assert_eq!([&first, &second].iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = if first.is_ok() { second } else { first };
    assert_error(refused, Code::FailedPrecondition, "QUOTE_ACCEPTED");
    // Two who revise at once make one revision.
    let three = presented(&rig, &me, of(&sheet, "1")).await;
    let (first, second) =
        tokio::join!(act(&rig, &me, &three.id, Do::Revise), act(&rig, &me, &three.id, Do::Revise));
    assert_eq!([&first, &second].iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = if first.is_ok() { second } else { first };
    assert_error(refused, Code::FailedPrecondition, "QUOTE_REVISED");
}

#[tokio::test]
async fn a_quote_ends_with_its_last_day() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (mut shop, book, sheet) = shop(&rig, &me).await;
    let late =
        create(&rig, &me, Quote { valid_until: Some(day(2026, 2, 28)), ..of(&sheet, "3") }).await.unwrap();
    let status = act(&rig, &me, &late.id, Do::Submit).await;
    let status = assert_error(status, Code::FailedPrecondition, "QUOTE_EXPIRED");
    assert_eq!(metadata(&status, "valid_until"), "2026-02-28");
    let quote = presented(&rig, &me, Quote { valid_until: Some(day(2026, 3, 1)), ..of(&sheet, "3") }).await;
    let end = quote.expire_time.unwrap().seconds;
    let now = rig.clock.now().timestamp();
    assert!(end > now && end - now < 86_400);
    rig.clock.advance(chrono::TimeDelta::seconds(end - now));
    assert_eq!(get(&rig, &me, &quote.id).await.unwrap().state(), State::Expired);
    let refused = act(&rig, &me, &quote.id, Do::Accept).await;
    assert_error(refused, Code::FailedPrecondition, "QUOTE_EXPIRED");
    // Its job says so in the row, within the polls of the worker.
    let mut stored = 0_i16;
    for _ in 0..100 {
        let sql = "SELECT state FROM quote WHERE expire_time IS NOT NULL AND submit_time IS NOT NULL";
        stored = sqlx::query_scalar(sql).fetch_one(&mut rig.database.look().await).await.unwrap();
        if stored == 7 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(stored, 7);
    // The next revision keeps the prices; a copy takes those of the day.
    let mut dearer = entry(&book, &sheet, &[("0", "11")]);
    dearer.start_date = Some(day(2026, 3, 2));
    shop.price(dearer).await.unwrap();
    let next = act(&rig, &me, &quote.id, Do::Revise).await.unwrap();
    assert_eq!(next.lines[0].unit_price, "10");
    let copy = CopyQuoteRequest { id: quote.id, ..CopyQuoteRequest::default() };
    let copy = quotes(&rig, &me).copy_quote(copy).await.unwrap().into_inner();
    assert_eq!(copy.lines[0].unit_price, "11");
}

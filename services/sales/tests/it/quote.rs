//! Quotes: what they amount to, lists, files and walls.

use crm_proto::crm::{
    event::v1::event::ChangeKind,
    sales::v1::{
        CreateQuoteRequest, DeleteQuoteRequest, DocumentLine, GetQuoteRequest, ListQuotesRequest, Product,
        Quote, QuoteCreated, UndeleteQuoteRequest, UpdateQuoteRequest, quote::State,
        quote_service_client::QuoteServiceClient,
    },
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, violations},
};
use prost::Message as _;
use tonic::{Code, Status};

use crate::{
    opportunity_lines::{line, shop},
    price::money,
    rig::{Rig, Wired, deal, field_mask},
};

pub fn quotes(rig: &Rig, caller: &Caller) -> QuoteServiceClient<Wired> {
    QuoteServiceClient::new(caller.on(&rig.channel))
}

pub async fn create(rig: &Rig, caller: &Caller, quote: Quote) -> Result<Quote, Status> {
    let request = CreateQuoteRequest { quote: Some(quote) };
    quotes(rig, caller).create_quote(request).await.map(tonic::Response::into_inner)
}

pub async fn update(rig: &Rig, caller: &Caller, quote: Quote, mask: &[&str]) -> Result<Quote, Status> {
    let request = UpdateQuoteRequest { quote: Some(quote), update_mask: field_mask(mask) };
    quotes(rig, caller).update_quote(request).await.map(tonic::Response::into_inner)
}

pub async fn get(rig: &Rig, caller: &Caller, id: &str) -> Result<Quote, Status> {
    let request = GetQuoteRequest { id: id.to_owned() };
    quotes(rig, caller).get_quote(request).await.map(tonic::Response::into_inner)
}

/// A quote of so many of a product.
pub fn of(product: &Product, quantity: &str) -> Quote {
    Quote {
        display_name: "offer".into(),
        account_name: "上海电力".into(),
        lines: vec![line(product, quantity)],
        ..Quote::default()
    }
}

#[tokio::test]
async fn a_quote_goes_from_list_prices_to_totals() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let mut wanted = of(&sheet, "3");
    wanted.lines.push(DocumentLine { discount_percent: "5".into(), ..line(&sheet, "10") });
    wanted.header_discount_percent = "10".into();
    let made = create(&rig, &me, wanted).await.unwrap();
    assert_eq!((made.number.as_str(), made.revision_number, made.state()), ("Q000001", 1, State::Draft));
    assert_eq!((&made.base_number, &made.base_quote_id), (&made.number, &made.id));
    // 30 + 76 = 106, less 10.60; 13 % tax on 27.00 and 68.40.
    let totals = made.totals.clone().unwrap();
    assert_eq!(totals.list_amount, Some(money("CNY", 110, 0)));
    assert_eq!(totals.line_discount, Some(money("CNY", 4, 0)));
    assert_eq!(totals.header_discount, Some(money("CNY", 10, 600_000_000)));
    assert_eq!(totals.net_amount, Some(money("CNY", 95, 400_000_000)));
    assert_eq!(totals.tax_amount, Some(money("CNY", 12, 400_000_000)));
    assert_eq!(totals.gross_amount, Some(money("CNY", 107, 800_000_000)));
    assert_eq!((totals.discount_percent.as_str(), &made.gross_amount), ("14.5", &totals.gross_amount));
    assert_eq!(get(&rig, &me, &made.id).await.unwrap(), made);
    assert_eq!(update(&rig, &me, made.clone(), &["*"]).await.unwrap(), made);

    // Totals of a request are not read.
    let mut claimed = made.clone();
    claimed.totals = None;
    claimed.net_amount = Some(money("CNY", 1, 0));
    claimed.lines[0].net_amount = Some(money("CNY", 1, 0));
    assert_eq!(update(&rig, &me, claimed, &["*"]).await.unwrap(), made);

    // Prices with tax are those without it, with the tax in them.
    let with_tax = Quote { id: made.id.clone(), price_includes_tax: true, ..Quote::default() };
    let with_tax = update(&rig, &me, with_tax, &["price_includes_tax"]).await.unwrap();
    let prices: Vec<&str> = with_tax.lines.iter().map(|line| line.unit_price.as_str()).collect();
    assert_eq!(prices, ["11.3", "9.04"]);
    assert_eq!(with_tax.gross_amount, made.gross_amount);
}

#[tokio::test]
async fn what_breaks_a_rule_is_told_at_once() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let wrong = Quote {
        currency_code: "CNY".into(),
        header_discount_percent: "101".into(),
        header_discount: Some(money("EUR", 1, 0)),
        lines: vec![DocumentLine {
            quantity: "0".into(),
            discount_percent: "100.5".into(),
            ..Default::default()
        }],
        ..Quote::default()
    };
    let status = assert_error(create(&rig, &me, wrong).await, Code::InvalidArgument, "FIELD_INVALID");
    let mut fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "quote.display_name",
            "quote.header_discount",
            "quote.header_discount_percent",
            "quote.lines[0].discount_percent",
            "quote.lines[0].product_name",
            "quote.lines[0].quantity",
            "quote.lines[0].unit_price",
        ]
    );
    let lone = |unit: &str| DocumentLine {
        product_name: "work".into(),
        unit_price: unit.into(),
        ..DocumentLine::default()
    };
    let mut more = Quote { display_name: "x".into(), lines: vec![lone("10")], ..Quote::default() };
    more.header_discount = Some(money("CNY", 10, 10_000_000));
    let status = assert_error(create(&rig, &me, more.clone()).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("quote.header_discount".to_owned(), "TOO_LARGE".to_owned())]);
    more.header_discount = Some(money("CNY", 0, 1_000_000));
    let status = assert_error(create(&rig, &me, more.clone()).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("quote.header_discount".to_owned(), "MONEY_TOO_FINE".to_owned())]);
    more.amount_decimals = 4;
    assert_eq!(create(&rig, &me, more).await.unwrap().net_amount, Some(money("CNY", 9, 999_000_000)));
    let nowhere = Quote {
        opportunity_id: uuid::Uuid::max().to_string(),
        ..Quote { display_name: "x".into(), ..Quote::default() }
    };
    assert_error(create(&rig, &me, nowhere).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn quotes_are_listed_deleted_and_told() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let small = create(&rig, &me, of(&sheet, "1")).await.unwrap();
    let large = create(&rig, &me, Quote { display_name: "large".into(), ..of(&sheet, "100") }).await.unwrap();
    let list = |filter: &str, q: &str| ListQuotesRequest {
        filter: filter.into(),
        q: q.into(),
        order_by: "gross_amount desc".into(),
        ..ListQuotesRequest::default()
    };
    for (filter, q, expected) in [
        ("", "", vec![&large.id, &small.id]),
        ("net_amount >= 800.0 && state == 'STATE_DRAFT'", "", vec![&large.id]),
        ("currency_code == 'CNY' && revision_number == 1", "shdl", vec![&large.id, &small.id]),
        ("gross_amount < 12.0", "上海", vec![&small.id]),
    ] {
        let page = quotes(&rig, &me).list_quotes(list(filter, q)).await.unwrap().into_inner();
        assert_eq!(page.quotes.iter().map(|quote| &quote.id).collect::<Vec<_>>(), expected, "{filter}");
    }
    let delete = DeleteQuoteRequest { id: small.id.clone(), etag: small.etag.clone() };
    let gone = quotes(&rig, &me).delete_quote(delete).await.unwrap().into_inner();
    let back = UndeleteQuoteRequest { id: gone.id, etag: gone.etag };
    quotes(&rig, &me).undelete_quote(back).await.unwrap();
    let events = rig.told(&me, 7).await;
    let kinds: Vec<ChangeKind> =
        events[3..].iter().map(crm_proto::crm::event::v1::Event::change_kind).collect();
    assert_eq!(kinds, [ChangeKind::Create, ChangeKind::Create, ChangeKind::Delete, ChangeKind::Undelete]);
    let payload = events[3].payload.as_ref().unwrap().value.as_slice();
    assert_eq!(QuoteCreated::decode(payload).unwrap().quote, Some(small));
}

#[tokio::test]
async fn quotes_stay_within_tenant_scope_and_rights() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let (_, _, sheet) = shop(&rig, &boss).await;
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert) = (rig.callers.add(&rights), rig.callers.add(&rights));
    let made = create(&rig, &anna, of(&sheet, "1")).await.unwrap();
    for other in [&bert, &rig.administrator()] {
        assert_error(get(&rig, other, &made.id).await, Code::NotFound, "NOT_FOUND");
        let change = update(&rig, other, made.clone(), &["terms"]).await;
        assert_error(change, Code::NotFound, "NOT_FOUND");
        let submit =
            crm_proto::crm::sales::v1::SubmitQuoteRequest { id: made.id.clone(), ..Default::default() };
        assert_error(quotes(&rig, other).submit_quote(submit).await, Code::NotFound, "NOT_FOUND");
    }
    let reader = rig.callers.add(&Rights::all(boss.tenant_id).with_permissions(&["sales.quotes.read"]));
    assert_eq!(get(&rig, &reader, &made.id).await.unwrap().id, made.id);
    let refused = create(&rig, &reader, of(&sheet, "1")).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    // Nobody offers something for a deal that it does not see.
    let theirs = rig.create(&bert, deal("bert's")).await.unwrap();
    let quote = Quote { opportunity_id: theirs.id, ..of(&sheet, "1") };
    assert_error(create(&rig, &anna, quote.clone()).await, Code::NotFound, "NOT_FOUND");
    assert!(create(&rig, &bert, quote).await.is_ok());
}

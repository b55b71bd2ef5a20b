//! Deals with lines: prices of the price book, and the amount that follows from them.

use crm_proto::crm::sales::v1::{DocumentLine, Opportunity, PriceBook, Product, WinOpportunityRequest};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::Code;

use crate::{
    price::{Shop, book, entry, money, product, standard},
    rig::{Rig, deal, worth, yuan},
};

/// A shop that sells sheets at 10 yuan, and at 8 from ten on.
pub async fn shop(rig: &Rig, me: &Caller) -> (Shop, PriceBook, Product) {
    let mut shop = Shop::new(rig, me);
    let book = shop.book(standard("Standard", "CNY")).await.unwrap();
    let sheet = Product { tax_rate_percent: "13".into(), ..product("sheet") };
    let sheet = shop.product(sheet).await.unwrap();
    shop.price(entry(&book, &sheet, &[("0", "10"), ("10", "8")])).await.unwrap();
    (shop, book, sheet)
}

pub fn line(product: &Product, quantity: &str) -> DocumentLine {
    DocumentLine { product_id: product.id.clone(), quantity: quantity.into(), ..DocumentLine::default() }
}

fn free(name: &str, price: &str) -> DocumentLine {
    DocumentLine { product_name: name.into(), unit_price: price.into(), ..DocumentLine::default() }
}

fn with_lines(lines: Vec<DocumentLine>) -> Opportunity {
    Opportunity { lines, ..deal("deal") }
}

#[tokio::test]
async fn lines_are_priced_and_the_amount_is_their_total() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let made = rig.create(&me, with_lines(vec![line(&sheet, "3"), free("freight", "5.5")])).await.unwrap();
    assert_eq!(made.amount, Some(money("CNY", 35, 500_000_000)));
    assert_eq!(made.expected_revenue, Some(money("CNY", 3, 550_000_000)));
    let first = &made.lines[0];
    assert_eq!(
        [&first.product_name, &first.unit, &first.list_price, &first.unit_price, &first.tax_rate_percent],
        ["sheet", "piece", "10", "10", "13"]
    );
    assert_eq!(first.gross_amount, Some(money("CNY", 33, 900_000_000)));

    // Sent back as they are, nothing changes; with another quantity the price follows its tiers, and lines keep their ids.
    let same = rig.update(&me, made.clone(), &["lines"]).await.unwrap();
    assert_eq!(same, made);
    let mut more = made.clone();
    more.lines[0].quantity = "20".into();
    more.lines[1].id = String::new();
    let more = rig.update(&me, more, &["lines"]).await.unwrap();
    assert_eq!(more.amount, Some(money("CNY", 165, 500_000_000)));
    assert_eq!(more.lines[0].unit_price, "8");
    assert_eq!(
        more.lines.iter().map(|line| &line.id).collect::<Vec<_>>(),
        made.lines.iter().map(|line| &line.id).collect::<Vec<_>>()
    );

    // A price of the caller's own stays, and is a discount.
    let mut own = more.clone();
    own.lines[0].unit_price = "6".into();
    let own = rig.update(&me, own, &["lines"]).await.unwrap();
    assert_eq!((own.lines[0].list_price.as_str(), own.lines[0].total_discount_percent.as_str()), ("8", "25"));
    let mut fewer = own.clone();
    fewer.lines[0].quantity = "5".into();
    let fewer = rig.update(&me, fewer, &["lines"]).await.unwrap();
    assert_eq!((fewer.lines[0].list_price.as_str(), fewer.lines[0].unit_price.as_str()), ("10", "6"));
    assert_eq!(rig.get(&me, &made.id).await.unwrap(), fewer);
}

#[tokio::test]
async fn another_amount_than_that_of_the_lines_is_refused() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let wrong = Opportunity { lines: vec![line(&sheet, "3")], ..worth("deal", 31) };
    let status = assert_error(rig.create(&me, wrong).await, Code::FailedPrecondition, "AMOUNT_OF_LINES");
    assert_eq!((metadata(&status, "amount"), metadata(&status, "lines_amount")), ("31".into(), "30".into()));
    let right = Opportunity { lines: vec![line(&sheet, "3")], ..worth("deal", 30) };
    let made = rig.create(&me, right).await.unwrap();
    let change = Opportunity { id: made.id.clone(), amount: Some(yuan(29)), ..Opportunity::default() };
    let refused = rig.update(&me, change, &["amount"]).await;
    assert_error(refused, Code::FailedPrecondition, "AMOUNT_OF_LINES");
    let bare = Opportunity { id: made.id.clone(), ..Opportunity::default() };
    let bare = rig.update(&me, bare, &["lines"]).await.unwrap();
    assert_eq!((bare.lines.len(), bare.amount), (0, Some(yuan(30))));
    let change = Opportunity { id: made.id, amount: Some(yuan(29)), ..Opportunity::default() };
    assert_eq!(rig.update(&me, change, &["amount"]).await.unwrap().amount, Some(yuan(29)));
}

#[tokio::test]
async fn what_has_no_price_is_not_sold() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (mut shop, _, sheet) = shop(&rig, &me).await;
    let tube = shop.product(product("tube")).await.unwrap();
    let status = rig.create(&me, with_lines(vec![line(&sheet, "1"), line(&tube, "2.5")])).await;
    let status = assert_error(status, Code::FailedPrecondition, "NO_PRICE");
    let told = ["product_id", "quantity", "date", "field"].map(|key| metadata(&status, key));
    assert_eq!(told, [tube.id.as_str(), "2.5", "2026-03-01", "opportunity.lines[1]"]);
    // With a price of its own it is sold by those who may.
    let own = DocumentLine { unit_price: "7".into(), ..line(&tube, "2.5") };
    let seller = rig.callers.add(&Rights::all(me.tenant_id).with_permissions(&["sales.opportunities.*"]));
    let refused = rig.create(&seller, with_lines(vec![own.clone()])).await;
    assert_error(refused, Code::FailedPrecondition, "NO_PRICE");
    let made = rig.create(&me, with_lines(vec![own])).await.unwrap();
    assert_eq!((made.lines[0].list_price.as_str(), made.amount), ("7", Some(money("CNY", 17, 500_000_000))));
    // Books, products and the digits of what is sent.
    let euros = shop.book(book("Euros", "EUR")).await.unwrap();
    let wrong = Opportunity { price_book_id: euros.id, ..with_lines(vec![line(&sheet, "1")]) };
    assert_error(rig.create(&me, wrong).await, Code::FailedPrecondition, "PRICE_CURRENCY_MISMATCH");
    let wrong = Opportunity { price_book_id: uuid::Uuid::max().to_string(), ..deal("x") };
    assert_error(rig.create(&me, wrong).await, Code::NotFound, "NOT_FOUND");
    let twice = DocumentLine { id: sheet.id.clone(), ..free("", "") };
    let status = rig.create(&me, with_lines(vec![twice.clone(), twice])).await;
    let mut fields = violations(&assert_error(status, Code::InvalidArgument, "FIELD_INVALID"));
    fields.sort();
    let fields: Vec<&str> = fields.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "opportunity.lines[0].product_name",
            "opportunity.lines[0].unit_price",
            "opportunity.lines[1].id",
            "opportunity.lines[1].product_name",
            "opportunity.lines[1].unit_price",
        ]
    );
}

#[tokio::test]
async fn the_lines_of_a_won_deal_are_locked() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let made = rig.create(&me, with_lines(vec![line(&sheet, "3")])).await.unwrap();
    let win = WinOpportunityRequest { id: made.id.clone(), ..WinOpportunityRequest::default() };
    let won = rig.opportunities(&me).win_opportunity(win).await.unwrap().into_inner();
    assert_eq!(won.lines, made.lines);
    let mut more = won.clone();
    more.lines[0].quantity = "4".into();
    let status = rig.update(&me, more, &["lines"]).await;
    let status = assert_error(status, Code::FailedPrecondition, "OPPORTUNITY_LOCKED");
    assert_eq!(metadata(&status, "field"), "lines");
    let note = Opportunity { next_step: "thanks".into(), ..won };
    assert!(rig.update(&me, note, &["next_step", "lines"]).await.is_ok());
}

//! Purchase orders of an ERP system, whose totals have four decimals.

use rust_decimal::Decimal;

use super::{
    arithmetic::compute,
    model::{Line, Sheet},
};

fn line(price: &str, tax: i64) -> Line {
    Line {
        quantity: Decimal::ONE,
        list_price: Some(price.parse().unwrap()),
        tax_rate_percent: Some(Decimal::from(tax)),
        ..Line::default()
    }
}

#[test]
fn purchase_orders_come_out_to_the_fourth_decimal() {
    let Some(folder) = crm_testkit::shared::data("adventureworks") else { return };
    let orders = std::fs::read_to_string(folder.join("PurchaseOrderHeader.csv")).unwrap();
    let (mut count, mut sum) = (0, 0_i64);
    for order in orders.trim_start_matches('\u{feff}').lines() {
        // Goods, tax of 8 percent on them, freight, and what is due.
        let [goods, tax, freight, due] =
            <[&str; 4]>::try_from(&order.split('\t').collect::<Vec<_>>()[8..12]).unwrap();
        let mut sheet =
            Sheet { decimals: 4, lines: vec![line(goods, 8), line(freight, 0)], ..Sheet::of("USD") };
        compute(&mut sheet).unwrap();
        let told = |ten_thousandths| Decimal::new(ten_thousandths, 4);
        assert_eq!(told(sheet.totals.tax), tax.parse().unwrap(), "{order}");
        assert_eq!(told(sheet.totals.gross), due.parse().unwrap(), "{order}");
        (count, sum) = (count + 1, sum + sheet.totals.gross);
    }
    assert_eq!((count, sum), (4012, 704_793_326_383));
}

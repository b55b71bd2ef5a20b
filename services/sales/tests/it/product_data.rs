//! The products of a published sample company (504 rows): the file comes in as an import, its list prices by streaming upsert into a price book, and
//! counts, sums and prices come out as they stand in the file.

use std::collections::BTreeMap;

use crm_proto::crm::{
    record::v1::{ColumnMapping, ExternalId, ImportJob, RowResult, import_job::Mode, row_result::Outcome},
    sales::v1::{
        BulkUpsertPriceEntriesRequest, ListPriceEntriesRequest, ListProductsRequest, PriceBook, PriceEntry,
        Product,
    },
};
use crm_testkit::Caller;
use rust_decimal::Decimal;

use crate::{
    import_rig::Imports,
    price::{Shop, ask, entry, money, standard},
    rig::Rig,
};

/// Names of the file's columns, which it does not have itself.
const HEADER: [&str; 25] = [
    "key",
    "Name",
    "Product number",
    "make",
    "finished",
    "colour",
    "safety stock",
    "reorder point",
    "cost",
    "list price",
    "size",
    "size unit",
    "weight unit",
    "weight",
    "days",
    "line",
    "class",
    "style",
    "subcategory",
    "model",
    "sell start",
    "sell end",
    "discontinued",
    "row guid",
    "modified",
];

/// One row as the file has it: key, name, number, and the list price in ten-thousandths by nothing but its digits.
struct Line<'f> {
    key: &'f str,
    name: &'f str,
    number: &'f str,
    price_text: &'f str,
    price: i64,
}

fn lines(file: &str) -> Vec<Line<'_>> {
    let lines = file.lines().map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let (whole, fraction) = cells[9].split_once('.').unwrap();
        assert_eq!(fraction.len(), 4, "{line}");
        let price = format!("{whole}{fraction}").parse().unwrap();
        Line { key: cells[0], name: cells[1], number: cells[2], price_text: cells[9], price }
    });
    lines.collect()
}

async fn products(shop: &mut Shop) -> Vec<Product> {
    let (mut found, mut request) =
        (Vec::new(), ListProductsRequest { page_size: 200, ..ListProductsRequest::default() });
    loop {
        let page = shop.products.list_products(request.clone()).await.unwrap().into_inner();
        found.extend(page.products);
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

async fn prices(shop: &mut Shop, book: &PriceBook) -> Vec<PriceEntry> {
    let filter = format!("price_book_id == '{}'", book.id);
    let (mut found, mut request) =
        (Vec::new(), ListPriceEntriesRequest { filter, page_size: 200, ..Default::default() });
    loop {
        let page = shop.prices.list_price_entries(request.clone()).await.unwrap().into_inner();
        found.extend(page.price_entries);
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

/// Writes the list prices; the outcomes of the rows.
async fn write_prices(
    shop: &mut Shop,
    book: &PriceBook,
    lines: &[Line<'_>],
    products: &BTreeMap<&str, &Product>,
) -> Vec<Outcome> {
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            // The file writes no 0 before the point.
            let price = line.price_text.strip_prefix('.').map(|rest| format!("0.{rest}"));
            let price = price.unwrap_or_else(|| line.price_text.to_owned());
            BulkUpsertPriceEntriesRequest {
                key: Some(ExternalId { system: "erp".into(), value: line.key.into() }),
                price_entry: Some(entry(book, products[line.number], &[("0", &price)])),
                update_mask: None,
            }
        })
        .collect();
    let stream = shop.prices.bulk_upsert_price_entries(futures::stream::iter(rows)).await;
    let (mut answers, mut outcomes) = (stream.unwrap().into_inner(), Vec::new());
    while let Some(answer) = answers.message().await.unwrap() {
        outcomes.extend(answer.results.iter().map(RowResult::outcome));
    }
    outcomes
}

/// Imports the file's products.
async fn import(rig: &Rig, me: &Caller, file: &str) {
    let columns = [("key", "external_id"), ("Name", "display_name"), ("Product number", "number")];
    let columns = columns.map(|(column, field)| ColumnMapping {
        column: column.into(),
        field: field.into(),
        ..ColumnMapping::default()
    });
    let job = ImportJob {
        collection: "products".into(),
        mode: Mode::Upsert.into(),
        external_system: "erp".into(),
        columns: columns.to_vec(),
        ..ImportJob::default()
    };
    let mut imports = Imports::new(rig, me);
    let job = imports.run(job, &format!("{}\n{file}", HEADER.join("\t"))).await;
    let progress = job.progress.unwrap();
    assert_eq!((progress.created_rows, progress.failed_rows), (504, 0), "{:?}", imports.errors(&job).await);
}

#[tokio::test]
async fn products_and_list_prices_come_out_as_they_stand_in_the_file() {
    let Some(folder) = crm_testkit::shared::data("adventureworks") else { return };
    let file = std::fs::read_to_string(folder.join("Product.csv")).unwrap();
    let lines = lines(&file);
    assert_eq!(lines.len(), 504);
    let rig = Rig::new().await;
    let me = rig.administrator();
    import(&rig, &me, &file).await;
    let mut shop = Shop::new(&rig, &me);
    let stored = products(&mut shop).await;
    assert_eq!(stored.len(), lines.len());
    let by_number: BTreeMap<&str, &Product> =
        stored.iter().map(|product| (product.number.as_str(), product)).collect();
    for line in &lines {
        let product = by_number[line.number];
        assert_eq!(
            (product.display_name.as_str(), product.external_ids[0].value.as_str()),
            (line.name, line.key)
        );
    }

    let book = shop.book(standard("List", "USD")).await.unwrap();
    for wanted in [Outcome::Created, Outcome::Unchanged] {
        let outcomes = write_prices(&mut shop, &book, &lines, &by_number).await;
        assert!(outcomes.len() == 504 && outcomes.iter().all(|outcome| *outcome == wanted), "{wanted:?}");
    }
    // The sum of what is stored, by decimal numbers, is the sum of the file's digits: 221,087.79 dollars.
    let entries = prices(&mut shop, &book).await;
    let unit_price = |entry: &PriceEntry| entry.tiers[0].unit_price.parse::<Decimal>().unwrap();
    let stored: Decimal = entries.iter().map(unit_price).sum();
    let wanted: i64 = lines.iter().map(|line| line.price).sum();
    assert_eq!((entries.len(), wanted), (504, 2_210_877_900));
    assert_eq!(stored, Decimal::new(wanted, 4));
    assert_prices(&mut shop, &lines, &by_number).await;
}

/// One costs its list price, rounded half up to the cent: 112.5650 is 112.57. Three cost the exact product, rounded once: 337.695 is 337.70.
async fn assert_prices(shop: &mut Shop, lines: &[Line<'_>], products: &BTreeMap<&str, &Product>) {
    let dollars = |ten_thousandths: i64| {
        let cents = (ten_thousandths + 50) / 100;
        money("USD", cents / 100, i32::try_from(cents % 100).unwrap() * 10_000_000)
    };
    let odd = lines.iter().filter(|line| line.price % 100 != 0);
    let some: Vec<&Line<'_>> = lines.iter().step_by(40).chain(odd).collect();
    assert!(some.len() > 20);
    for line in some {
        for (quantity, times) in [("1", 1), ("3", 3)] {
            let told = shop.resolve(ask(products[line.number], quantity, "USD")).await.unwrap();
            assert_eq!(told.amount, Some(dollars(line.price * times)), "{quantity} of {}", line.number);
        }
    }
}

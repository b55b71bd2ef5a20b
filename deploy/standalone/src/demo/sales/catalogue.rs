//! Products, the price books of three currencies, and what products cost in them.

use std::collections::BTreeMap;

use crm_proto::crm::sales::v1::{
    BulkUpsertPriceEntriesRequest, BulkUpsertProductsRequest, CreatePriceBookRequest, ListPriceBooksRequest,
    ListPriceEntriesRequest, ListProductsRequest, PriceBook, PriceEntry, PriceTier, Product,
    price_book_service_client::PriceBookServiceClient, price_entry_service_client::PriceEntryServiceClient,
    product_service_client::ProductServiceClient,
};
use futures::{TryStreamExt as _, stream};

use super::{Desk, EVERYTHING, by_key, key};
use crate::{client::Authorised, demo::fill::collect, failure::Result};

/// A product: code, name, family, unit, tax in percent, its price in yuan by quantity, and in dollars and euros.
type Row = ([&'static str; 5], &'static [(&'static str, &'static str)], [&'static str; 2]);

pub const STANDARD: &str = "MH-CLOUD-S";
pub const PROFESSIONAL: &str = "MH-CLOUD-P";
pub const ENTERPRISE: &str = "MH-CLOUD-E";
pub const GATEWAY: &str = "MH-IOT-G";
pub const SENSOR: &str = "MH-IOT-S";
pub const PROJECT: &str = "MH-SVC-I";
pub const TRAINING: &str = "MH-SVC-T";
pub const SUPPORT: &str = "MH-SVC-M";

const CLOUD: &str = "客户云 Cloud";
const DEVICES: &str = "物联 Devices";
const SERVICES: &str = "服务 Services";

const PRODUCTS: [Row; 8] = [
    (
        [STANDARD, "明河客户云 标准版 Minghe Cloud Standard", CLOUD, "用户·年", "6"],
        &[("0", "1200"), ("100", "1080")],
        ["180", "165"],
    ),
    (
        [PROFESSIONAL, "明河客户云 专业版 Minghe Cloud Professional", CLOUD, "用户·年", "6"],
        &[("0", "2600"), ("100", "2340")],
        ["390", "355"],
    ),
    (
        [ENTERPRISE, "明河客户云 企业版 Minghe Cloud Enterprise", CLOUD, "用户·年", "6"],
        &[("0", "4800"), ("100", "4200"), ("500", "3600")],
        ["720", "660"],
    ),
    ([GATEWAY, "边缘网关 G2 Edge gateway G2", DEVICES, "台", "13"], &[("0", "3980")], ["590", "545"]),
    (
        [SENSOR, "环境传感器 S1 Environment sensor S1", DEVICES, "个", "13"],
        &[("0", "268"), ("50", "239.5"), ("500", "208")],
        ["42", "38.5"],
    ),
    ([PROJECT, "实施服务 Implementation", SERVICES, "人天", "6"], &[("0", "3500")], ["820", "760"]),
    ([TRAINING, "培训 Training", SERVICES, "天", "6"], &[("0", "6000")], ["1400", "1280"]),
    ([SUPPORT, "年度维保 Annual support", SERVICES, "年", "6"], &[("0", "12000")], ["2600", "2400"]),
];

/// Price books: name and currency, in the order of the prices of a row. Each is the standard one of its currency.
const BOOKS: [(&str, &str); 3] =
    [("人民币目录价 List CNY", "CNY"), ("美元目录价 List USD", "USD"), ("欧元目录价 List EUR", "EUR")];

/// Makes what is missing; products by their code.
pub async fn ensure(desk: &Desk) -> Result<BTreeMap<String, Product>> {
    let mut client = ProductServiceClient::new(desk.sales.clone());
    let known = products(&mut client).await?;
    let rows: Vec<_> = PRODUCTS.iter().filter(|row| !known.contains_key(row.0[0])).map(product).collect();
    let answers = client.bulk_upsert_products(stream::iter(rows)).await?.into_inner();
    collect(answers.map_ok(|answer| answer.results)).await?;
    let products = products(&mut client).await?;
    let books = books(desk).await?;
    prices(desk, &products, &books).await?;
    Ok(products)
}

async fn products(client: &mut ProductServiceClient<Authorised>) -> Result<BTreeMap<String, Product>> {
    let request = ListProductsRequest { page_size: EVERYTHING, ..ListProductsRequest::default() };
    let found = client.list_products(request).await?.into_inner().products;
    Ok(by_key(found, |product| &product.external_ids))
}

fn product((texts, ..): &Row) -> BulkUpsertProductsRequest {
    let [number, display_name, family, unit, tax_rate_percent] = texts.map(str::to_owned);
    BulkUpsertProductsRequest {
        key: Some(key(&number)),
        product: Some(Product { display_name, number, family, unit, tax_rate_percent, ..Product::default() }),
        update_mask: None,
    }
}

/// The books, in the order of [`BOOKS`].
async fn books(desk: &Desk) -> Result<Vec<PriceBook>> {
    let mut client = PriceBookServiceClient::new(desk.sales.clone());
    let request = ListPriceBooksRequest::default();
    let known = client.list_price_books(request).await?.into_inner().price_books;
    let mut books = Vec::with_capacity(BOOKS.len());
    for (name, currency) in BOOKS {
        if let Some(book) = known.iter().find(|book| book.display_name == name) {
            books.push(book.clone());
            continue;
        }
        let book = PriceBook {
            display_name: name.to_owned(),
            currency_code: currency.to_owned(),
            standard: true,
            ..PriceBook::default()
        };
        let request = CreatePriceBookRequest { price_book: Some(book) };
        books.push(client.create_price_book(request).await?.into_inner());
    }
    Ok(books)
}

async fn prices(desk: &Desk, products: &BTreeMap<String, Product>, books: &[PriceBook]) -> Result<()> {
    let mut client = PriceEntryServiceClient::new(desk.sales.clone());
    let request = ListPriceEntriesRequest { page_size: EVERYTHING, ..ListPriceEntriesRequest::default() };
    let found = client.list_price_entries(request).await?.into_inner().price_entries;
    let known = by_key(found, |entry| &entry.external_ids);
    let mut rows = Vec::new();
    for ([code, ..], in_yuan, abroad) in &PRODUCTS {
        let Some(product) = products.get(*code) else { continue };
        let tiers = [in_yuan, &[("0", abroad[0])][..], &[("0", abroad[1])][..]];
        for (book, tiers) in books.iter().zip(tiers) {
            let name = format!("{code}-{}", book.currency_code);
            if known.contains_key(&name) {
                continue;
            }
            let price_entry = Some(entry(book, product, tiers));
            rows.push(BulkUpsertPriceEntriesRequest {
                key: Some(key(&name)),
                price_entry,
                update_mask: None,
            });
        }
    }
    let answers = client.bulk_upsert_price_entries(stream::iter(rows)).await?.into_inner();
    collect(answers.map_ok(|answer| answer.results)).await.map(drop)
}

fn entry(book: &PriceBook, product: &Product, tiers: &[(&str, &str)]) -> PriceEntry {
    let tier = |(least, price): &(&str, &str)| PriceTier {
        min_quantity: (*least).to_owned(),
        unit_price: (*price).to_owned(),
    };
    PriceEntry {
        price_book_id: book.id.clone(),
        product_id: product.id.clone(),
        tiers: tiers.iter().map(tier).collect(),
        ..PriceEntry::default()
    }
}

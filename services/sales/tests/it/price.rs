//! Products, price books and what a quantity costs.

use crm_proto::{
    crm::{
        record::v1::{ExternalId, RowResult, row_result::Outcome},
        sales::v1::{
            BulkUpsertPriceEntriesRequest, BulkUpsertProductsRequest, CreatePriceBookRequest,
            CreatePriceEntryRequest, CreateProductRequest, GetProductRequest, ListProductsRequest, PriceBook,
            PriceEntry, PriceTier, Product, ResolvePriceRequest, ResolvedPrice, UpdatePriceBookRequest,
            UpdatePriceEntryRequest, UpdateProductRequest, price_book_service_client::PriceBookServiceClient,
            price_entry::TierMode, price_entry_service_client::PriceEntryServiceClient,
            product_service_client::ProductServiceClient,
        },
    },
    google::r#type::Money,
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Status};

use crate::rig::{Rig, Wired, day, field_mask};

/// The three services of prices, for one caller.
pub struct Shop {
    pub products: ProductServiceClient<Wired>,
    books: PriceBookServiceClient<Wired>,
    pub prices: PriceEntryServiceClient<Wired>,
}

impl Shop {
    pub fn new(rig: &Rig, caller: &Caller) -> Self {
        Self {
            products: ProductServiceClient::new(caller.on(&rig.channel)),
            books: PriceBookServiceClient::new(caller.on(&rig.channel)),
            prices: PriceEntryServiceClient::new(caller.on(&rig.channel)),
        }
    }

    pub async fn product(&mut self, product: Product) -> Result<Product, Status> {
        let request = CreateProductRequest { product: Some(product) };
        self.products.create_product(request).await.map(tonic::Response::into_inner)
    }

    pub async fn book(&mut self, book: PriceBook) -> Result<PriceBook, Status> {
        let request = CreatePriceBookRequest { price_book: Some(book) };
        self.books.create_price_book(request).await.map(tonic::Response::into_inner)
    }

    pub async fn change_book(&mut self, book: PriceBook, mask: &[&str]) -> Result<PriceBook, Status> {
        let request = UpdatePriceBookRequest { price_book: Some(book), update_mask: field_mask(mask) };
        self.books.update_price_book(request).await.map(tonic::Response::into_inner)
    }

    /// A product is no longer sold.
    pub async fn retire(&mut self, id: &str) {
        let product = Product { id: id.to_owned(), retired: true, ..Product::default() };
        let request = UpdateProductRequest { product: Some(product), update_mask: field_mask(&["retired"]) };
        self.products.update_product(request).await.unwrap();
    }

    pub async fn price(&mut self, entry: PriceEntry) -> Result<PriceEntry, Status> {
        let request = CreatePriceEntryRequest { price_entry: Some(entry) };
        self.prices.create_price_entry(request).await.map(tonic::Response::into_inner)
    }

    pub async fn resolve(&mut self, request: ResolvePriceRequest) -> Result<ResolvedPrice, Status> {
        self.prices.resolve_price(request).await.map(tonic::Response::into_inner)
    }
}

pub fn product(name: &str) -> Product {
    Product { display_name: name.into(), unit: "piece".into(), ..Product::default() }
}

pub fn book(name: &str, currency: &str) -> PriceBook {
    PriceBook { display_name: name.into(), currency_code: currency.into(), ..PriceBook::default() }
}

pub fn standard(name: &str, currency: &str) -> PriceBook {
    PriceBook { standard: true, ..book(name, currency) }
}

pub fn entry(book: &PriceBook, product: &Product, tiers: &[(&str, &str)]) -> PriceEntry {
    let tier = |(least, price): &(&str, &str)| PriceTier {
        min_quantity: (*least).into(),
        unit_price: (*price).into(),
    };
    PriceEntry {
        price_book_id: book.id.clone(),
        product_id: product.id.clone(),
        tiers: tiers.iter().map(tier).collect(),
        ..PriceEntry::default()
    }
}

pub fn ask(product: &Product, quantity: &str, currency: &str) -> ResolvePriceRequest {
    ResolvePriceRequest {
        product_id: product.id.clone(),
        quantity: quantity.into(),
        currency_code: currency.into(),
        ..ResolvePriceRequest::default()
    }
}

pub fn money(currency: &str, units: i64, nanos: i32) -> Money {
    Money { currency_code: currency.into(), units, nanos }
}

#[tokio::test]
async fn products_belong_to_the_tenant_as_a_whole() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert) = (rig.callers.add(&rights), rig.callers.add(&rights));
    let made = Shop::new(&rig, &anna).product(product("钢板")).await.unwrap();
    assert_eq!((made.number.as_str(), made.owner_id.clone()), ("P000001", anna.id.to_string()));
    // Whoever may read products sees all of them, whatever the record scope.
    let mut shop = Shop::new(&rig, &bert);
    let got = shop.products.get_product(GetProductRequest { id: made.id.clone() }).await.unwrap();
    assert_eq!(got.into_inner(), made);
    let request = ListProductsRequest { q: "gb".into(), ..Default::default() };
    let listed = shop.products.list_products(request).await.unwrap().into_inner().products;
    assert_eq!(listed, std::slice::from_ref(&made));
    let change = Product { id: made.id.clone(), tax_rate_percent: "13".into(), ..Product::default() };
    let request =
        UpdateProductRequest { product: Some(change), update_mask: field_mask(&["tax_rate_percent"]) };
    assert_eq!(shop.products.update_product(request).await.unwrap().into_inner().tax_rate_percent, "13");
    // Another tenant sees nothing.
    let stranger = rig.administrator();
    let missing = Shop::new(&rig, &stranger).products.get_product(GetProductRequest { id: made.id }).await;
    assert_error(missing, Code::NotFound, "NOT_FOUND");
    let twice = Product { number: "P000001".into(), ..product("x") };
    assert_error(shop.product(twice).await, Code::AlreadyExists, "NUMBER_TAKEN");
}

#[tokio::test]
async fn a_quantity_costs_what_its_tiers_say() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut shop = Shop::new(&rig, &me);
    let (cheap, tube) =
        (shop.product(product("sheet")).await.unwrap(), shop.product(product("tube")).await.unwrap());
    let yuan = shop.book(standard("Standard", "CNY")).await.unwrap();
    let tiers = [("0", "10"), ("10", "8.5"), ("100", "5.333333")];
    shop.price(entry(&yuan, &cheap, &tiers)).await.unwrap();
    let graduated = PriceEntry { tier_mode: TierMode::Graduated.into(), ..entry(&yuan, &tube, &tiers) };
    let graduated = shop.price(graduated).await.unwrap();

    let one = shop.resolve(ask(&cheap, "", "CNY")).await.unwrap();
    assert_eq!((one.amount, one.price_book_id), (Some(money("CNY", 10, 0)), yuan.id.clone()));
    assert_eq!(shop.resolve(ask(&cheap, "12", "CNY")).await.unwrap().amount, Some(money("CNY", 102, 0)));
    // 100 * 5.333333 = 533.3333, rounded to 533.33.
    assert_eq!(
        shop.resolve(ask(&cheap, "100", "CNY")).await.unwrap().amount,
        Some(money("CNY", 533, 330_000_000))
    );
    let parts = shop.resolve(ask(&tube, "101", "CNY")).await.unwrap();
    let told: Vec<(&str, &str)> =
        parts.parts.iter().map(|part| (part.quantity.as_str(), part.unit_price.as_str())).collect();
    assert_eq!(told, [("10", "10"), ("90", "8.5"), ("1", "5.333333")]);
    // 100 + 765 + 5.33
    assert_eq!((parts.amount, parts.price_entry_id), (Some(money("CNY", 870, 330_000_000)), graduated.id));
}

#[tokio::test]
async fn no_entry_is_no_sale() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut shop = Shop::new(&rig, &me);
    let sheet = shop.product(product("sheet")).await.unwrap();
    let refused = shop.resolve(ask(&sheet, "1", "CNY")).await;
    let status = assert_error(refused, Code::FailedPrecondition, "NO_PRICE");
    assert_eq!(
        (metadata(&status, "product_id"), metadata(&status, "currency_code")),
        (sheet.id.clone(), "CNY".into())
    );
    let yuan = shop.book(standard("Standard", "CNY")).await.unwrap();
    let status = shop.resolve(ask(&sheet, "1", "CNY")).await;
    let status = assert_error(status, Code::FailedPrecondition, "NO_PRICE");
    assert_eq!(metadata(&status, "price_book_id"), yuan.id);
    shop.price(entry(&yuan, &sheet, &[("5", "10")])).await.unwrap();
    let below = shop.resolve(ask(&sheet, "4.9", "CNY")).await;
    assert_error(below, Code::FailedPrecondition, "NO_PRICE");
    shop.resolve(ask(&sheet, "5", "CNY")).await.unwrap();
    let kilos = ResolvePriceRequest { unit: "kg".into(), ..ask(&sheet, "5", "CNY") };
    assert_error(shop.resolve(kilos).await, Code::FailedPrecondition, "NO_PRICE");
    let pieces = ResolvePriceRequest { unit: "piece".into(), ..ask(&sheet, "5", "CNY") };
    shop.resolve(pieces).await.unwrap();
    let euros = ResolvePriceRequest { price_book_id: yuan.id.clone(), ..ask(&sheet, "5", "EUR") };
    let status = assert_error(shop.resolve(euros).await, Code::FailedPrecondition, "PRICE_CURRENCY_MISMATCH");
    assert_eq!(
        (metadata(&status, "currency_code"), metadata(&status, "wanted")),
        ("CNY".into(), "EUR".into())
    );
    for wrong in [ask(&sheet, "0", "CNY"), ask(&sheet, "1", "")] {
        assert_error(shop.resolve(wrong).await, Code::InvalidArgument, "FIELD_INVALID");
    }
    let retired = Product { id: sheet.id.clone(), retired: true, ..Product::default() };
    let request = UpdateProductRequest { product: Some(retired), update_mask: field_mask(&["retired"]) };
    shop.products.update_product(request).await.unwrap();
    let refused = shop.resolve(ask(&sheet, "5", "CNY")).await;
    assert_error(refused, Code::FailedPrecondition, "PRODUCT_RETIRED");
}

#[tokio::test]
async fn of_several_prices_the_one_that_began_last_counts() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut shop = Shop::new(&rig, &me);
    let sheet = shop.product(product("sheet")).await.unwrap();
    let yuan = shop.book(standard("Standard", "CNY")).await.unwrap();
    let from = |start, end, price| PriceEntry {
        start_date: start,
        end_date: end,
        ..entry(&yuan, &sheet, &[("", price)])
    };
    shop.price(from(None, None, "10")).await.unwrap();
    let summer = shop.price(from(Some(day(2026, 6, 1)), Some(day(2026, 8, 31)), "7")).await.unwrap();
    shop.price(from(Some(day(2026, 7, 1)), Some(day(2026, 7, 31)), "6")).await.unwrap();
    let again = shop.price(from(None, None, "9")).await;
    assert_error(again, Code::AlreadyExists, "PRICE_EXISTS");
    for (date, units) in [
        (day(2026, 5, 31), 10),
        (day(2026, 6, 1), 7),
        (day(2026, 7, 1), 6),
        (day(2026, 8, 1), 7),
        (day(2026, 8, 31), 7),
        (day(2026, 9, 1), 10),
    ] {
        let request = ResolvePriceRequest { price_date: Some(date), ..ask(&sheet, "1", "CNY") };
        assert_eq!(shop.resolve(request).await.unwrap().amount, Some(money("CNY", units, 0)), "{date:?}");
    }
    let moved = PriceEntry { product_id: uuid::Uuid::max().to_string(), ..summer };
    let request =
        UpdatePriceEntryRequest { price_entry: Some(moved), update_mask: field_mask(&["product_id"]) };
    let status =
        assert_error(shop.prices.update_price_entry(request).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("price_entry.product_id".to_owned(), "FIXED".to_owned())]);
    let unknown = PriceEntry { product_id: uuid::Uuid::max().to_string(), ..from(None, None, "1") };
    assert_error(shop.price(unknown).await, Code::NotFound, "NOT_FOUND");
    let falling = entry(&yuan, &sheet, &[("5", "1"), ("5", "2")]);
    assert_error(shop.price(falling).await, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn a_currency_has_one_standard_book() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut shop = Shop::new(&rig, &me);
    let first = shop.book(standard("First", "CNY")).await.unwrap();
    shop.book(standard("Euros", "EUR")).await.unwrap();
    let second = shop.book(standard("Second", "CNY")).await.unwrap();
    let sheet = shop.product(product("sheet")).await.unwrap();
    for (book, price) in [(&first, "1"), (&second, "2")] {
        shop.price(entry(book, &sheet, &[("0", price)])).await.unwrap();
    }
    assert_eq!(shop.resolve(ask(&sheet, "1", "CNY")).await.unwrap().price_book_id, second.id);
    let named = ResolvePriceRequest { price_book_id: first.id.clone(), ..ask(&sheet, "1", "") };
    assert_eq!(shop.resolve(named.clone()).await.unwrap().amount, Some(money("CNY", 1, 0)));
    let retired = PriceBook { id: first.id.clone(), retired: true, ..PriceBook::default() };
    shop.change_book(retired, &["retired"]).await.unwrap();
    assert_error(shop.resolve(named).await, Code::FailedPrecondition, "NO_PRICE");
    let retired = PriceBook { id: second.id.clone(), retired: true, ..PriceBook::default() };
    let refused = shop.change_book(retired, &["retired"]).await;
    assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    let other = PriceBook { id: second.id, currency_code: "EUR".into(), ..PriceBook::default() };
    let refused = shop.change_book(other, &["currency_code"]).await;
    assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_error(shop.book(book("First", "USD")).await, Code::AlreadyExists, "PRICE_BOOK_NAME_TAKEN");
    let status = shop
        .change_book(PriceBook { etag: first.etag, id: first.id, ..book("x", "CNY") }, &["display_name"])
        .await;
    assert_error(status, Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test]
async fn products_and_prices_come_in_by_external_id() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut shop = Shop::new(&rig, &me);
    let yuan = shop.book(standard("Standard", "CNY")).await.unwrap();
    let key = |value: &str| Some(ExternalId { system: "erp".into(), value: value.into() });
    let rows = |names: &[(&str, &str)]| {
        let row = |(id, name): &(&str, &str)| BulkUpsertProductsRequest {
            key: key(id),
            product: Some(product(name)),
            update_mask: None,
        };
        futures::stream::iter(names.iter().map(row).collect::<Vec<_>>())
    };
    let mut made: Vec<RowResult> = Vec::new();
    for names in [&[("1", "sheet"), ("2", "tube")][..], &[("1", "sheet"), ("2", "pipe"), ("3", "")]] {
        let mut answers = shop.products.bulk_upsert_products(rows(names)).await.unwrap().into_inner();
        while let Some(answer) = answers.message().await.unwrap() {
            made.extend(answer.results);
        }
    }
    let outcomes: Vec<Outcome> = made.iter().map(RowResult::outcome).collect();
    let expected =
        [Outcome::Created, Outcome::Created, Outcome::Unchanged, Outcome::Updated, Outcome::Failed];
    assert_eq!(outcomes, expected);
    let sheet = Product { id: made[0].id.clone(), ..Product::default() };
    let row = |price: &str| BulkUpsertPriceEntriesRequest {
        key: key("p1"),
        price_entry: Some(entry(&yuan, &sheet, &[("0", price)])),
        update_mask: None,
    };
    let stream = futures::stream::iter(vec![row("3"), row("4")]);
    let mut answers = shop.prices.bulk_upsert_price_entries(stream).await.unwrap().into_inner();
    let mut results = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        results.extend(answer.results.iter().map(RowResult::outcome));
    }
    assert_eq!(results, [Outcome::Created, Outcome::Updated]);
    assert_eq!(shop.resolve(ask(&sheet, "1", "CNY")).await.unwrap().amount, Some(money("CNY", 4, 0)));
}

#[tokio::test]
async fn who_may_read_prices_may_not_change_them() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let sheet = Shop::new(&rig, &me).product(product("sheet")).await.unwrap();
    let rights = Rights::all(me.tenant_id).with_permissions(&["sales.prices.read", "sales.products.read"]);
    let reader = rig.callers.add(&rights);
    let mut shop = Shop::new(&rig, &reader);
    assert_error(shop.product(product("x")).await, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_error(shop.book(book("x", "CNY")).await, Code::PermissionDenied, "PERMISSION_MISSING");
    let refused = shop.price(entry(&PriceBook::default(), &sheet, &[])).await;
    assert!(refused.is_err());
    let refused = shop.resolve(ask(&sheet, "1", "CNY")).await;
    assert_error(refused, Code::FailedPrecondition, "NO_PRICE");
}

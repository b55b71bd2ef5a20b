//! Lists of exchange rates: what can be filtered and ordered.

use std::borrow::Cow;

use crm_kit_api::{
    Call, Result,
    filter::{Field, Filter, Kind, Schema},
    order::{Column, KeyKind, Order},
    page::{self, Binding, Token},
};
use crm_kit_pg::{
    Db, Tx,
    list::{List, Page, Total},
};
use crm_proto::crm::platform::v1::{ListExchangeRatesRequest, ListExchangeRatesResponse};
use futures::FutureExt as _;

use super::model::ExchangeRate;

const KINDS: &[(&str, i32)] = &[("SPOT", 1), ("PLAN", 2), ("MONTH_AVERAGE", 3)];

const COLUMNS: &str = "id, create_time, update_time, revision, base_currency_code, quote_currency_code, rate, kind, valid_from_date, source";

const FIELDS: &[Field] = &[
    Field::new("base_currency_code", Kind::Text, "base_currency_code"),
    Field::new("quote_currency_code", Kind::Text, "quote_currency_code"),
    Field::new("kind", Kind::Enum(KINDS), "kind"),
    Field::new("valid_from_date", Kind::Date, "valid_from_date"),
    Field::new("source", Kind::Text, "source"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
];

/// Order fields, the SQL of each, and how its values travel.
const ORDERS: [(&str, &str, KeyKind); 4] = [
    ("valid_from_date", "(valid_from_date - DATE '1970-01-01')::bigint", KeyKind::Int),
    ("base_currency_code", "base_currency_code", KeyKind::Text),
    ("quote_currency_code", "quote_currency_code", KeyKind::Text),
    ("create_time", "create_time", KeyKind::Timestamp),
];

/// One page of rates.
pub async fn list(
    db: &Db,
    call: &Call,
    request: &ListExchangeRatesRequest,
) -> Result<ListExchangeRatesResponse> {
    let filter = Filter::parse(&request.filter, &Schema::new(FIELDS))?;
    let columns = ORDERS.map(|(path, sql, kind)| Column {
        path: Cow::Borrowed(path),
        sql: Cow::Borrowed(sql),
        kind,
        masked: false,
    });
    let order = Order::parse(&request.order_by, "valid_from_date desc", &columns)?;
    let parts = [call.method.as_ref(), &request.filter, &request.order_by];
    let binding = Binding::new(call.tenant_id(), &parts);
    let list = List {
        table: "exchange_rate",
        columns: COLUMNS,
        owners: None,
        show_deleted: true,
        filter: &filter,
        moment: call.moment(),
        search: Vec::new(),
        order: &order,
        after: Token::decode(&request.page_token, binding, order.keys.len())?,
        limit: page::size(request.page_size),
    };
    let counted = request.include_total_size;
    let (page, total) = db.list(call, |tx| fetch(tx, &list, counted).boxed()).await?;
    Ok(ListExchangeRatesResponse {
        exchange_rates: page.rows.iter().map(ExchangeRate::to_wire).collect(),
        next_page_token: page.next.map(|token| token.encode(binding)).unwrap_or_default(),
        total_size: total.map_or(0, |total| total.rows),
        total_size_estimated: total.is_some_and(|total| total.estimated),
    })
}

async fn fetch(
    tx: &mut Tx<'_>,
    list: &List<'_>,
    counted: bool,
) -> Result<(Page<ExchangeRate>, Option<Total>)> {
    let tenant_id = tx.tenant_id();
    let page = list.fetch(tx.conn(), tenant_id).await?;
    let total = if counted { Some(list.count(tx.conn(), tenant_id).await?) } else { None };
    Ok((page, total))
}

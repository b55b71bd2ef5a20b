//! Orders in files. A row is the head of an order; lines come in by the API.

use crm_kit_record::files::Files;
use crm_kit_table::mapping::{Schema, Target};

/// What files need to know of orders.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["order", "sales order", "订单", "销售订单"],
        other_words: &["quote", "contract", "campaign"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[],
    links: &[],
    import: "sales.orders.import",
    export: "sales.orders.export",
    reads_cards: false,
};

/// What other systems call the fields of orders.
const NAMES: &[Target<'static>] = &[
    Target::external_ids("external_ids", &["External id"], &["外部编号"], &["Order ID", "订单ID", "GUID"]),
    Target::one("display_name", &["Name"], &["订单名称"], &["Order name", "Title", "Subject", "名称"]),
    Target::one(
        "number",
        &["Number"],
        &["订单编号"],
        &["Order number", "Order no", "Sales order", "订单号", "单据编号"],
    ),
    Target::one(
        "account_name",
        &["Account name"],
        &["客户名称"],
        &["Account", "Customer", "Company", "Sold to", "partner_id", "客户", "购货单位"],
    ),
    Target::one(
        "customer_reference",
        &["Customer's number"],
        &["客户采购单号"],
        &["PO number", "Purchase order", "Customer PO", "client_order_ref", "采购单号"],
    ),
    Target::one(
        "order_date",
        &["Order date"],
        &["订单日期"],
        &["Date", "Order start date", "date_order", "下单日期", "日期"],
    ),
    Target::one(
        "currency_code",
        &["Currency"],
        &["币种"],
        &["Currency ISO code", "Currency code", "Order currency", "货币", "结算币种"],
    ),
    Target::one("state", &["State"], &["状态"], &["Status", "Order status", "订单状态"]),
    Target::one("erp_id", &["ERP number"], &["ERP 单号"], &["ERP id", "ERP order"]),
    Target::one("description", &["Description"], &["备注"], &["Notes", "Comments", "说明", "备注信息"]),
];

#[cfg(test)]
mod tests {
    use crm_kit_record::{Record as _, column::Columns, custom_field::Fields};

    use super::*;
    use crate::order::Order;

    #[test]
    fn every_name_leads_to_a_column() {
        let columns = Columns::new(Order::KIND, &Fields::default());
        for target in NAMES {
            assert!(columns.get(target.path).is_some(), "{}", target.path);
        }
    }
}

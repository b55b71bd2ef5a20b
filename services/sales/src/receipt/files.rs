//! Receipts in files.

use crm_kit_record::{column::words::Words, files::Files};
use crm_kit_table::mapping::{Schema, Target};
use crm_proto::crm::sales::v1::receipt::Method;

/// What files need to know of receipts. They come in as registered; confirming and allocating are not done by files.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["receipt", "payment", "回款", "收款"],
        other_words: &["campaign", "pricebook", "territory"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[("crm.sales.v1.Receipt.Method", METHODS)],
    links: &[],
    import: "sales.receipts.import",
    export: "sales.receipts.export",
    reads_cards: false,
};

/// What people write for the ways money comes.
const METHODS: Words = &[
    (
        Method::BankTransfer as i32,
        &["Bank transfer", "Transfer", "Wire", "Wire transfer", "T/T"],
        &["银行转账", "转账", "电汇", "汇款", "对公转账"],
    ),
    (Method::Cash as i32, &["Cash"], &["现金"]),
    (Method::Card as i32, &["Card", "Credit card", "Debit card"], &["刷卡", "银行卡", "信用卡", "POS机"]),
    (Method::Cheque as i32, &["Cheque", "Check"], &["支票"]),
    (
        Method::BankAcceptance as i32,
        &["Bank acceptance", "Acceptance bill", "Bill of exchange"],
        &["银行承兑汇票", "承兑汇票", "承兑", "银承"],
    ),
    (
        Method::Online as i32,
        &["Online", "Alipay", "WeChat Pay", "WeChat", "PayPal"],
        &["在线支付", "支付宝", "微信", "微信支付", "网上支付"],
    ),
    (Method::Other as i32, &["Other"], &["其他", "其它"]),
];

/// What other systems call the fields of receipts.
const NAMES: &[Target<'static>] = &[
    Target::external_ids(
        "external_ids",
        &["External id"],
        &["外部编号"],
        &["Receipt ID", "Payment ID", "回款ID", "收款ID"],
    ),
    Target::one(
        "number",
        &["Receipt number"],
        &["回款编号"],
        &["Payment number", "Number", "收款编号", "收款单号", "单据编号"],
    ),
    Target::one("account_id", &["Account id"], &["客户ID"], &[]),
    Target::one(
        "account_name",
        &["Account name"],
        &["客户名称"],
        &["Account", "Customer", "Customer name", "Company", "客户", "公司名称"],
    ),
    Target::one(
        "amount",
        &["Amount"],
        &["回款金额"],
        &["Amount received", "Payment amount", "金额", "收款金额", "到账金额"],
    ),
    Target::one("currency_code", &["Currency"], &["币种"], &["Currency ISO code", "Currency code", "货币"]),
    Target::one(
        "receive_date",
        &["Received"],
        &["回款日期"],
        &["Date received", "Receipt date", "Payment date", "收款日期", "到账日期"],
    ),
    Target::one(
        "method",
        &["Method"],
        &["回款方式"],
        &["Payment method", "Payment type", "收款方式", "支付方式", "结算方式"],
    ),
    Target::one(
        "bank_reference",
        &["Bank reference"],
        &["银行流水号"],
        &["Transaction id", "Reference", "Reference number", "流水号", "交易流水号"],
    ),
    Target::one(
        "payer_name",
        &["Payer"],
        &["付款方"],
        &["Payer name", "Paid by", "付款人", "付款单位", "对方户名"],
    ),
    Target::one("description", &["Description"], &["备注"], &["Notes", "Comments", "说明", "描述", "摘要"]),
];

#[cfg(test)]
mod tests {
    use crm_kit_record::{Record as _, column::Columns, custom_field::Fields};

    use super::*;
    use crate::receipt::Receipt;

    #[test]
    fn every_name_leads_to_a_column() {
        let columns = Columns::new(Receipt::KIND, &Fields::default());
        for target in NAMES {
            assert!(columns.get(target.path).is_some(), "{}", target.path);
        }
    }
}

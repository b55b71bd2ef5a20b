//! Contracts in files. A row is the head of a contract; lines come in by the API.

use crm_kit_record::files::Files;
use crm_kit_table::mapping::{Schema, Target};

/// What files need to know of contracts.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["contract", "agreement", "合同", "协议"],
        other_words: &["quote", "order", "campaign"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[],
    links: &[],
    import: "sales.contracts.import",
    export: "sales.contracts.export",
    reads_cards: false,
};

/// What other systems call the fields of contracts.
const NAMES: &[Target<'static>] = &[
    Target::external_ids("external_ids", &["External id"], &["外部编号"], &["Contract ID", "合同ID", "GUID"]),
    Target::one("display_name", &["Name"], &["合同名称"], &["Contract name", "Title", "Subject", "名称"]),
    Target::one("number", &["Number"], &["合同编号"], &["Contract number", "Contract no", "合同号", "编号"]),
    Target::one("contract_type", &["Type"], &["合同类型"], &["Contract type", "类型"]),
    Target::one(
        "account_name",
        &["Account name"],
        &["客户名称"],
        &["Account", "Customer", "Company", "客户"],
    ),
    Target::one("customer_party", &["Customer's party"], &["甲方"], &["Party A", "客户签约主体"]),
    Target::one("own_party", &["Own party"], &["乙方"], &["Party B", "我方签约主体"]),
    Target::one("start_date", &["Starts"], &["开始日期"], &["Start date", "Contract start date", "生效日期"]),
    Target::one("end_date", &["Ends"], &["结束日期"], &["End date", "Contract end date", "到期日期"]),
    Target::one("term_months", &["Term (months)"], &["期限（月）"], &["Contract term", "Term"]),
    Target::one("amount", &["Amount"], &["合同金额"], &["Contract value", "Value", "金额"]),
    Target::one(
        "currency_code",
        &["Currency"],
        &["币种"],
        &["Currency ISO code", "Currency code", "Contract currency", "货币", "结算币种"],
    ),
    Target::one("payment_method", &["Payment method"], &["付款方式"], &["Payment terms"]),
    Target::one("state", &["State"], &["状态"], &["Status", "合同状态"]),
    Target::one("description", &["Description"], &["备注"], &["Notes", "Comments", "说明"]),
];

#[cfg(test)]
mod tests {
    use crm_kit_record::{Record as _, column::Columns, custom_field::Fields};

    use super::*;
    use crate::contract::Contract;

    #[test]
    fn every_name_leads_to_a_column() {
        let columns = Columns::new(Contract::KIND, &Fields::default());
        for target in NAMES {
            assert!(columns.get(target.path).is_some(), "{}", target.path);
        }
    }
}

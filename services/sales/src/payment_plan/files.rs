//! Payment plans in files.

use crm_kit_record::files::Files;
use crm_kit_table::mapping::{Schema, Target};

/// What files need to know of payment plans. What is paid of them follows from allocations, so no column sets it.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["payment plan", "instalment", "installment", "回款计划", "收款计划"],
        other_words: &["campaign", "pricebook", "territory"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[],
    links: &[],
    import: "sales.paymentPlans.import",
    export: "sales.paymentPlans.export",
    reads_cards: false,
};

/// What other systems call the fields of payment plans.
const NAMES: &[Target<'static>] = &[
    Target::external_ids(
        "external_ids",
        &["External id"],
        &["外部编号"],
        &["Payment plan ID", "Instalment ID", "回款计划ID"],
    ),
    Target::one(
        "number",
        &["Plan number"],
        &["计划编号"],
        &["Payment plan number", "Number", "回款计划编号", "收款计划编号"],
    ),
    Target::one("account_id", &["Account id"], &["客户ID"], &[]),
    Target::one(
        "account_name",
        &["Account name"],
        &["客户名称"],
        &["Account", "Customer", "Customer name", "Company", "客户", "公司名称"],
    ),
    Target::one("order_id", &["Order id"], &["订单ID"], &[]),
    Target::one("contract_id", &["Contract id"], &["合同ID"], &[]),
    Target::one("sequence", &["Instalment"], &["期次"], &["Sequence", "Period", "期数", "第几期"]),
    Target::one(
        "due_date",
        &["Due"],
        &["计划回款日期"],
        &["Due date", "Payment date", "到期日", "应收日期", "预计回款日期", "计划收款日期"],
    ),
    Target::one(
        "amount",
        &["Amount"],
        &["计划回款金额"],
        &["Planned amount", "Receivable", "金额", "应收金额", "计划金额", "计划收款金额"],
    ),
    Target::one("currency_code", &["Currency"], &["币种"], &["Currency ISO code", "Currency code", "货币"]),
    Target::one("description", &["Description"], &["备注"], &["Notes", "Comments", "说明", "描述"]),
];

#[cfg(test)]
mod tests {
    use crm_kit_record::{Record as _, column::Columns, custom_field::Fields};

    use super::*;
    use crate::payment_plan::PaymentPlan;

    #[test]
    fn every_name_leads_to_a_column() {
        let columns = Columns::new(PaymentPlan::KIND, &Fields::default());
        for target in NAMES {
            assert!(columns.get(target.path).is_some(), "{}", target.path);
        }
    }
}

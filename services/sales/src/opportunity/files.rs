//! Opportunities in files.

use crm_kit_record::files::{Files, Link};
use crm_kit_table::mapping::{Schema, Target};

/// What files need to know of opportunities.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["opportunity", "deal", "商机", "销售机会"],
        other_words: &["campaign", "pricebook", "territory"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[],
    links: &[ACCOUNT],
    import: "sales.opportunities.import",
    export: "sales.opportunities.export",
    reads_cards: false,
};

/// The account by its name, which the customer service knows.
const ACCOUNT: Link = Link {
    path: "account",
    labels: ["Account by name", "客户（按名称）"],
    collection: "customer.accounts",
    field: "account_id",
    member: None,
};

/// What other systems call the fields of opportunities.
const NAMES: &[Target<'static>] = &[
    Target::external_ids(
        "external_ids",
        &["External id"],
        &["外部编号"],
        &["Opportunity ID", "Deal ID", "商机ID", "GUID"],
    ),
    Target::one(
        "display_name",
        &["Name"],
        &["商机名称"],
        &[
            "Opportunity name",
            "Deal name",
            "Opportunity",
            "Deal",
            "Subject",
            "Topic",
            "Title",
            "名称",
            "销售机会名称",
        ],
    ),
    Target::one("number", &["Number"], &["商机编号"], &["Opportunity number", "Deal number"]),
    Target::one(
        "account_name",
        &["Account name"],
        &["客户名称"],
        &[
            "Account",
            "Company",
            "Company name",
            "Customer",
            "Organization",
            "Associated company",
            "partner_id",
            "客户",
            "公司名称",
            "所属客户",
        ],
    ),
    Target::one(
        "stage_key",
        &["Stage"],
        &["销售阶段"],
        &["Stage name", "Deal stage", "Sales stage", "stage_id", "阶段", "商机阶段"],
    ),
    Target::one(
        "amount",
        &["Amount"],
        &["金额"],
        &[
            "Deal value",
            "Close value",
            "Value",
            "Deal amount",
            "Opportunity amount",
            "预计金额",
            "商机金额",
            "预计销售金额",
        ],
    ),
    Target::one(
        "currency_code",
        &["Currency"],
        &["币种"],
        &["Currency ISO code", "Currency code", "Deal currency", "货币"],
    ),
    Target::one(
        "probability_percent",
        &["Probability"],
        &["赢率"],
        &["Probability (%)", "Win probability", "Chance", "成交概率", "可能性"],
    ),
    Target::one(
        "open_date",
        &["Open date"],
        &["立项日期"],
        &["Engage date", "Start date", "开始日期", "商机日期"],
    ),
    Target::one(
        "close_date",
        &["Expected close"],
        &["预计成交日期"],
        &[
            "Close date",
            "Closing date",
            "Expected close date",
            "Expected closing",
            "Estimated close date",
            "预计结单日期",
            "预计成交时间",
        ],
    ),
    Target::one(
        "closed_date",
        &["Closed"],
        &["结束日期"],
        &["Closed date", "Actual close date", "Date won", "结单日期", "实际成交日期"],
    ),
    Target::one(
        "owner_id",
        &["Owner"],
        &["负责人"],
        &[
            "Opportunity owner",
            "Deal owner",
            "Owner ID",
            "Record owner",
            "Sales agent",
            "Salesperson",
            "Sales rep",
            "Assigned to",
            "Assigned user name",
            "user_id",
            "商机负责人",
            "业务员",
            "销售",
        ],
    ),
    Target::one("source", &["Source"], &["来源"], &["Lead source", "Original source", "商机来源"]),
    Target::one("region", &["Region"], &["所属区域"], &["Sales region", "Territory name", "区域"]),
    Target::one("next_step", &["Next step"], &["下一步"], &["Next steps", "下一步计划"]),
    Target::one(
        "forecast_category",
        &["Forecast category"],
        &["预测类别"],
        &["Forecast category name", "Forecast"],
    ),
    Target::one(
        "close_reason",
        &["Reason"],
        &["原因"],
        &["Lost reason", "Loss reason", "Closed lost reason", "Reason for loss", "输单原因", "丢单原因"],
    ),
    Target::one(
        "description",
        &["Description"],
        &["备注"],
        &["Notes", "Comments", "Remarks", "描述", "说明", "备注信息"],
    ),
];

#[cfg(test)]
mod tests {
    use crm_kit_record::{Record as _, column::Columns, custom_field::Fields};
    use crm_kit_table::mapping::suggest;

    use super::*;
    use crate::opportunity::Opportunity;

    #[test]
    fn every_name_leads_to_a_column() {
        let columns = Columns::new(Opportunity::KIND, &Fields::default());
        for target in NAMES {
            assert!(columns.get(target.path).is_some(), "{}", target.path);
        }
    }

    /// Columns of Salesforce's own export with the fields that they have here; those that have none are left out.
    #[test]
    fn nine_of_ten_columns_of_another_export_are_known() {
        let meant = [
            ("ID", "external_ids"),
            ("ISDELETED", ""),
            ("NAME", "display_name"),
            ("DESCRIPTION", "description"),
            ("STAGENAME", "stage_key"),
            ("AMOUNT", "amount"),
            ("PROBABILITY", "probability_percent"),
            ("EXPECTEDREVENUE", ""),
            ("CLOSEDATE", "close_date"),
            ("NEXTSTEP", "next_step"),
            ("LEADSOURCE", "source"),
            ("ISWON", ""),
            ("FORECASTCATEGORY", "forecast_category"),
            ("PRICEBOOKID", ""),
            ("OWNERID", "owner_id"),
            ("FISCALQUARTER", ""),
        ];
        let headers: Vec<String> = meant.iter().map(|(header, _)| (*header).to_owned()).collect();
        let found = suggest(&headers, &FILES.names).into_iter().map(|found| found.target.unwrap_or_default());
        let right = found.zip(meant).filter(|(found, (_, path))| found == path).count();
        assert!(right * 10 >= meant.len() * 9, "{right} of {}", meant.len());
    }

    #[test]
    fn headers_of_a_pipeline_export_are_known() {
        let headers =
            ["opportunity_id", "account", "deal_stage", "engage_date", "close_value", "阶段", "预计金额"];
        let headers: Vec<String> = headers.iter().map(ToString::to_string).collect();
        let found: Vec<_> =
            suggest(&headers[..5], &FILES.names).into_iter().map(|found| found.target).collect();
        let paths = ["external_ids", "account_name", "stage_key", "open_date", "amount"];
        assert_eq!(found, paths.map(Some));
        let chinese: Vec<_> =
            suggest(&headers[5..], &FILES.names).into_iter().map(|found| found.target).collect();
        assert_eq!(chinese, [Some("stage_key"), Some("amount")]);
    }
}

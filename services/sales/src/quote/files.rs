//! Quotes in files.

use crm_kit_record::files::Files;
use crm_kit_table::mapping::{Schema, Target};

/// What files need to know of quotes. Lines do not come in by files.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["quote", "quotation", "报价", "报价单"],
        other_words: &["pricebook", "campaign"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[],
    links: &[],
    import: "sales.quotes.import",
    export: "sales.quotes.export",
    reads_cards: false,
};

/// What other systems call the fields of quotes.
const NAMES: &[Target<'static>] = &[
    Target::external_ids("external_ids", &["External id"], &["外部编号"], &["Quote ID", "报价单ID"]),
    Target::one("display_name", &["Name"], &["报价单名称"], &["Quote name", "Subject", "名称"]),
    Target::one("number", &["Number"], &["报价单编号"], &["Quote number", "编号"]),
    Target::one("account_name", &["Account name"], &["客户名称"], &["Account", "Customer", "客户"]),
    Target::one("valid_until", &["Valid until"], &["有效期至"], &["Expiration date", "Valid to", "有效期"]),
    Target::one(
        "currency_code",
        &["Currency"],
        &["币种"],
        &["Currency ISO code", "Currency code", "Quote currency", "货币", "结算币种"],
    ),
    Target::one("description", &["Description"], &["备注"], &["Notes", "Comments", "说明"]),
];

#[cfg(test)]
mod tests {
    use crm_kit_record::{Record as _, column::Columns, custom_field::Fields};

    use super::*;
    use crate::quote::Quote;

    #[test]
    fn every_name_leads_to_a_column() {
        let columns = Columns::new(Quote::KIND, &Fields::default());
        for target in NAMES {
            assert!(columns.get(target.path).is_some(), "{}", target.path);
        }
    }
}

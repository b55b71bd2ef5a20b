//! Quotas in files: rows name people and departments by id.

use crm_kit_record::files::Files;
use crm_kit_table::mapping::{Schema, Target};

/// What files need to know of quotas.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["quota", "target", "定额", "目标"],
        other_words: &["campaign"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[],
    links: &[],
    import: "sales.quotas.import",
    export: "sales.quotas.export",
    reads_cards: false,
};

/// What other systems call the fields of quotas.
const NAMES: &[Target<'static>] = &[
    Target::external_ids("external_ids", &["External id"], &["外部编号"], &["Quota ID", "定额ID"]),
    Target::one(
        "start_date",
        &["First day"],
        &["起始日期"],
        &["Start date", "Quota date", "Period start", "开始日期"],
    ),
    Target::one("note", &["Note"], &["备注"], &["Notes", "Comment", "说明"]),
];

#[cfg(test)]
mod tests {
    use crm_kit_record::{Record as _, column::Columns, custom_field::Fields};

    use super::*;
    use crate::quota::Quota;

    #[test]
    fn every_name_leads_to_a_column() {
        let columns = Columns::new(Quota::KIND, &Fields::default());
        for target in NAMES {
            assert!(columns.get(target.path).is_some(), "{}", target.path);
        }
    }
}

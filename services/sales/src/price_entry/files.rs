//! Price entries in files: they come in by streaming upsert, whose rows name book and product by id.

use crm_kit_record::files::Files;
use crm_kit_table::mapping::{Schema, Target};

/// What files need to know of price entries.
pub const FILES: Files = Files {
    names: Schema { own_words: &["price", "价格"], other_words: &["campaign"], targets: &[NAMES] },
    translated: &[],
    words: &[],
    links: &[],
    import: "sales.prices.import",
    export: "sales.prices.export",
    reads_cards: false,
};

/// What other systems call the fields of price entries.
const NAMES: &[Target<'static>] = &[
    Target::external_ids("external_ids", &["External id"], &["外部编号"], &["Price ID", "价格ID"]),
    Target::one("unit", &["Unit"], &["计量单位"], &["Unit of measure", "UOM", "单位"]),
    Target::one("start_date", &["Valid from"], &["生效日期"], &["Start date", "From"]),
    Target::one("end_date", &["Valid to"], &["失效日期"], &["End date", "To"]),
];

#[cfg(test)]
mod tests {
    use crm_kit_record::{Record as _, column::Columns, custom_field::Fields};

    use super::*;
    use crate::price_entry::PriceEntry;

    #[test]
    fn every_name_leads_to_a_column() {
        let columns = Columns::new(PriceEntry::KIND, &Fields::default());
        for target in NAMES {
            assert!(columns.get(target.path).is_some(), "{}", target.path);
        }
    }
}

//! Products in files.

use crm_kit_record::files::Files;
use crm_kit_table::mapping::{Schema, Target};

/// What files need to know of products.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["product", "item", "material", "产品", "商品", "物料"],
        other_words: &["pricebook", "campaign"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[],
    links: &[],
    import: "sales.products.import",
    export: "sales.products.export",
    reads_cards: false,
};

/// What other systems call the fields of products.
const NAMES: &[Target<'static>] = &[
    Target::external_ids(
        "external_ids",
        &["External id"],
        &["外部编号"],
        &["Product ID", "Item ID", "产品ID"],
    ),
    Target::one(
        "display_name",
        &["Name"],
        &["产品名称"],
        &["Product name", "Product", "Item", "Item name", "名称", "商品名称", "物料名称"],
    ),
    Target::one(
        "number",
        &["Product code"],
        &["产品编号"],
        &["Code", "SKU", "Product number", "Item number", "Part number", "编码", "产品编码", "物料编码"],
    ),
    Target::one(
        "family",
        &["Family"],
        &["产品系列"],
        &["Product family", "Series", "Category", "系列", "分类"],
    ),
    Target::one("unit", &["Unit"], &["计量单位"], &["Unit of measure", "UOM", "单位"]),
    Target::one("tax_rate_percent", &["Tax rate (%)"], &["税率（%）"], &["Tax rate", "VAT", "税率"]),
    Target::one("description", &["Description"], &["描述"], &["Notes", "Comments", "说明", "备注"]),
];

#[cfg(test)]
mod tests {
    use crm_kit_record::{Record as _, column::Columns, custom_field::Fields};

    use super::*;
    use crate::product::Product;

    #[test]
    fn every_name_leads_to_a_column() {
        let columns = Columns::new(Product::KIND, &Fields::default());
        for target in NAMES {
            assert!(columns.get(target.path).is_some(), "{}", target.path);
        }
    }
}

//! The kinds of records of the service.

use crm_kit_record::{Kinds, Record as _};

use crate::{
    opportunity::Opportunity, payment_plan::PaymentPlan, price_entry::PriceEntry, product::Product,
    quota::Quota, receipt::Receipt,
};

/// Every kind.
pub fn all() -> Kinds {
    Kinds::new([
        Opportunity::KIND,
        Product::KIND,
        PriceEntry::KIND,
        PaymentPlan::KIND,
        Receipt::KIND,
        Quota::KIND,
    ])
}

#[cfg(test)]
mod tests {
    use crm_kit_api::sensitivity::Masks;
    use crm_kit_record::custom_field::describe::standard_fields;

    use super::*;

    #[test]
    fn every_field_of_every_collection_has_labels_in_both_languages() {
        for kind in all().iter() {
            for field in standard_fields(kind, &Masks::default()) {
                let labelled = !field.label_en.is_empty() && !field.label_zh.is_empty();
                assert!(labelled, "{} {}", kind.collection, field.path);
            }
        }
    }

    #[test]
    fn paths_that_lists_take_are_all_described() {
        for kind in all().iter() {
            let fields = standard_fields(kind, &Masks::default());
            for path in kind.schema.filterable().chain(kind.schema.sortable()) {
                assert!(fields.iter().any(|field| field.path == path), "{} {path}", kind.collection);
            }
        }
    }
}

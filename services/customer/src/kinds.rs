//! The kinds of records of the service.

use crm_kit_record::{Kinds, Record as _};

use crate::{account::Account, contact::Contact, interaction::Interaction, lead::Lead, task::Task};

/// Every kind.
pub fn all() -> Kinds {
    Kinds::new([Account::KIND, Contact::KIND, Lead::KIND, Interaction::KIND, Task::KIND])
}

#[cfg(test)]
mod tests {
    use crm_kit_api::sensitivity::{Mask, Masks, Sensitivity};
    use crm_kit_record::custom_field::describe::standard_fields;
    use crm_proto::crm::record::v1::FieldDescription;

    use super::*;

    fn described<'f>(fields: &'f [FieldDescription], path: &str) -> &'f FieldDescription {
        fields.iter().find(|field| field.path == path).unwrap_or_else(|| panic!("{path} is described"))
    }

    #[test]
    fn standard_fields_are_described_from_the_contract() {
        let masks = Masks::default().with(Sensitivity::Address, Mask::Hidden);
        let fields = standard_fields(Account::KIND, &masks);
        let name = described(&fields, "display_name");
        assert_eq!((name.label_en.as_str(), name.label_zh.as_str()), ("Account name", "客户名称"));
        assert_eq!((name.r#type.as_str(), name.required, name.output_only), ("string", true, false));
        assert!(name.filterable && name.sortable && !name.masked);
        assert_eq!(described(&fields, "level").values, ["LEVEL_A", "LEVEL_B", "LEVEL_C"]);
        assert!(described(&fields, "create_time").output_only);
        assert_eq!(described(&fields, "annual_revenue").r#type, "google.type.Money");
        assert_eq!(described(&fields, "tags").r#type, "repeated string");
        let city = described(&fields, "billing_address.locality");
        assert_eq!(city.label_en, "Billing address: city");
        assert!(city.filterable && city.masked && city.sensitivity == i32::from(Sensitivity::Address));
    }

    #[test]
    fn every_field_of_every_collection_has_labels_in_both_languages() {
        for kind in all().iter() {
            for field in standard_fields(kind, &Masks::default()) {
                assert!(
                    !field.label_en.is_empty() && !field.label_zh.is_empty(),
                    "{} {}",
                    kind.collection,
                    field.path
                );
            }
        }
    }

    #[test]
    fn paths_that_lists_take_are_all_described() {
        let fields = standard_fields(Account::KIND, &Masks::default());
        for path in Account::KIND.schema.filterable().chain(Account::KIND.schema.sortable()) {
            described(&fields, path);
        }
    }
}

//! What this slice needs to know of the standard fields of the collections that take custom ones. The one place to extend for another collection.

use crm_kit_api::{
    filter::Schema,
    sensitivity::{Masks, Sensitivity, class_of as class_of_field},
};
use prost_reflect::MessageDescriptor;

use super::Fields;
use crate::{account, contact, record::schema::Standard};

/// Collections that take custom fields.
pub const COLLECTIONS: [&str; 2] = [account::COLLECTION, contact::COLLECTION];
/// Name of the users' collection, which the platform owns.
pub const USERS: &str = "users";

/// The collection as a name that lives as long as the process.
pub fn collection(name: &str) -> Option<&'static str> {
    COLLECTIONS.into_iter().find(|known| *known == name)
}

fn standard(collection: &str) -> Option<&'static Standard> {
    match collection {
        account::COLLECTION => Some(&account::schema::SCHEMA),
        contact::COLLECTION => Some(&contact::schema::SCHEMA),
        _ => None,
    }
}

/// Standard fields for formulas and conditions.
pub fn schema(collection: &str) -> Schema {
    standard(collection)
        .map(|standard| standard.filter_schema(&Fields::default(), &Masks::default()))
        .unwrap_or_default()
}

/// The message of a record of the collection.
pub fn message(collection: &str) -> MessageDescriptor {
    let name = if collection == account::COLLECTION { "Account" } else { "Contact" };
    crm_proto::message(&format!("crm.customer.v1.{name}"))
}

/// Paths of standard fields to filter by.
pub fn filterable(collection: &str) -> Vec<&'static str> {
    standard(collection).map(|standard| standard.filterable().collect()).unwrap_or_default()
}

/// Paths of standard fields to order by.
pub fn sortable(collection: &str) -> Vec<&'static str> {
    standard(collection).map(|standard| standard.sortable().collect()).unwrap_or_default()
}

/// The class that the contract gives a standard field; of a nested one, that of the first part with a class.
pub fn class_of(collection: &str, path: &str) -> Sensitivity {
    match (collection, path) {
        // The primary ones of a contact's lists, which only filters know.
        (contact::COLLECTION, "email") => return Sensitivity::Email,
        (contact::COLLECTION, "phone") => return Sensitivity::Phone,
        _ => {}
    }
    let mut message = Some(message(collection));
    for name in path.split('.') {
        let field = message.and_then(|message| message.get_field_by_name(name));
        let Some(field) = field else { break };
        let class = class_of_field(&field);
        if class != Sensitivity::Unspecified {
            return class;
        }
        message = field.kind().as_message().cloned();
    }
    Sensitivity::Unspecified
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_field_has_the_class_of_what_it_lies_in() {
        for (collection, path, class) in [
            ("accounts", "display_name", Sensitivity::Unspecified),
            ("accounts", "billing_address.locality", Sensitivity::Address),
            ("contacts", "emails.address", Sensitivity::Email),
            ("contacts", "nothing.here", Sensitivity::Unspecified),
        ] {
            assert_eq!(class_of(collection, path), class, "{path}");
        }
    }
}

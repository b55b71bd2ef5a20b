//! Values of a record that is made of another one: which of them go along. Pure.

use super::{Fields, Values, fields::read_one, model::Definition, value};
use crate::field::Checker;

impl Fields {
    /// The values of a record that goes on with another one of its collection, such as its next version: all but unique ones, which stay with the other
    /// one, and those that the server gives. `base` has what the server gave the new record already.
    #[must_use]
    pub fn continued(&self, was: &Values, base: &Values) -> Values {
        let mut values = base.clone();
        for definition in self.definitions().filter(|definition| goes_along(definition)) {
            if let Some(held) = was.get(&definition.key) {
                values.set(&definition.key, Some(held.clone()));
            }
        }
        values
    }

    /// The values that a new record takes over of one that `of` are the fields of, which may be of another collection: those of fields with the same key, type
    /// and sensitivity, as far as the new record's own field takes them. None of unique or retired fields, and none that the server gives.
    #[must_use]
    pub fn taken_over(&self, of: &Self, was: &Values) -> Values {
        let mut values = Values::default();
        for definition in self.definitions().filter(|own| goes_along(own) && !own.retired) {
            let other = of.definition(&definition.key).filter(|other| is_alike(definition, other));
            let held = other.and_then(|other| value::to_custom_value(other, was.get(&other.key)?));
            let Some(held) = held else { continue };
            let mut check = Checker::new("", "");
            let read = read_one(definition, held, None, &mut check);
            if check.into_violations().into_result(()).is_ok() {
                values.set(&definition.key, read);
            }
        }
        values
    }
}

fn goes_along(definition: &Definition) -> bool {
    !definition.is_unique && !definition.is_server_set()
}

fn is_alike(own: &Definition, other: &Definition) -> bool {
    own.kind() == other.kind()
        && own.sensitivity == other.sensitivity
        && own.reference_collection == other.reference_collection
}

#[cfg(test)]
mod tests {
    use crm_kit_api::sensitivity::Sensitivity;
    use crm_proto::crm::record::v1::custom_field::Type;
    use serde_json::json;
    use sqlx::types::Json;

    use super::*;
    use crate::{
        Choice,
        custom_field::model::Opt,
        sample::{FIRMS, kinds},
    };

    fn definition(key: &str, kind: Type) -> Definition {
        Definition {
            key: key.to_owned(),
            collection: "firms".to_owned(),
            value_type: Choice(kind),
            ..Definition::default()
        }
    }

    fn fields(definitions: Vec<Definition>) -> Fields {
        Fields::compile((&kinds(), &FIRMS), definitions, false).0
    }

    fn stored(document: serde_json::Value) -> Values {
        serde_json::from_value(document).unwrap()
    }

    fn choice(options: &[(&str, bool)]) -> Definition {
        let options = options.iter().map(|(key, retired)| Opt {
            key: (*key).to_owned(),
            retired: *retired,
            ..Opt::default()
        });
        Definition { options: Json(options.collect()), ..definition("choice", Type::Select) }
    }

    #[test]
    fn a_record_that_goes_on_has_all_but_unique_values_and_those_of_the_server() {
        let fields = fields(vec![
            definition("plain", Type::Text),
            Definition { is_unique: true, ..definition("serial", Type::Text) },
            Definition { retired: true, ..definition("gone", Type::Text) },
            definition("number", Type::AutoNumber),
            choice(&[("old", true)]),
        ]);
        let was = stored(json!({"plain": "a", "serial": "s", "gone": "g", "number": "1", "choice": "old"}));
        let continued = fields.continued(&was, &stored(json!({"number": "2"})));
        assert_eq!(continued, stored(json!({"plain": "a", "gone": "g", "number": "2", "choice": "old"})));
    }

    #[test]
    fn what_the_new_field_does_not_take_stays_behind() {
        let of = fields(vec![
            definition("plain", Type::Text),
            definition("serial", Type::Text),
            definition("other_type", Type::Number),
            definition("missing", Type::Text),
            definition("secret", Type::Text),
            definition("short", Type::Text),
            definition("gone", Type::Text),
            choice(&[("old", false), ("new", false)]),
        ]);
        let into = |old_retired| {
            fields(vec![
                definition("plain", Type::Text),
                Definition { is_unique: true, ..definition("serial", Type::Text) },
                definition("other_type", Type::Text),
                Definition { sensitivity: Choice(Sensitivity::Note), ..definition("secret", Type::Text) },
                Definition { maximum: "2".to_owned(), ..definition("short", Type::Text) },
                Definition { retired: true, ..definition("gone", Type::Text) },
                choice(&[("old", old_retired)]),
            ])
        };
        let was = stored(json!({
            "plain": "a", "serial": "s", "other_type": "1", "missing": "m", "secret": "x", "short": "long", "gone": "g",
            "choice": "old", "unknown": "u"
        }));
        assert_eq!(into(false).taken_over(&of, &was), stored(json!({"plain": "a", "choice": "old"})));
        assert_eq!(into(true).taken_over(&of, &was), stored(json!({"plain": "a"})));
    }
}

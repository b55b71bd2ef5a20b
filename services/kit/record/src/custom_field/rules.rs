//! Rules between definitions: expressions that check, formulas without circles, roll-ups over numbers.

use crm_kit_api::{Result, error::Violations, sensitivity::Sensitivity};
use crm_proto::crm::record::v1::custom_field::{Type, roll_up::Function};

use super::{catalog, formula::Fault, model::Definition};
use crate::Kinds;

/// Checks that a tenant's definitions fit together after `changed` was put among them. What was wrong before is not held against the change.
pub fn check(kinds: &Kinds, before: &[Definition], changed: &Definition) -> Result<()> {
    let mut after: Vec<Definition> =
        before.iter().filter(|definition| definition.id != changed.id).cloned().collect();
    after.push(changed.clone());
    let known = faults(kinds, before);
    let mut violations = Violations::default();
    for (collection, fault) in faults(kinds, &after) {
        let is_own = fault.key == changed.key && collection == changed.collection;
        if is_own {
            violations.add(format!("custom_field.{}", fault.property), fault.code, fault.message);
        } else if !known.contains(&(collection, fault.clone())) {
            let message = format!("{}.{} would break: {}", collection, fault.key, fault.message);
            violations.add("custom_field", fault.code, message);
        }
    }
    violations.into_result(())
}

fn faults(kinds: &Kinds, definitions: &[Definition]) -> Vec<(&'static str, Fault)> {
    let mut faults = Vec::new();
    for kind in kinds.iter() {
        let (_, found) = catalog::compile(kinds, kind, definitions);
        let own = definitions.iter().filter(|definition| definition.collection == kind.collection);
        let roll_ups = own.filter(|definition| definition.kind() == Type::RollUp);
        let below = kinds.below(kind.collection).map_or("", |below| below.collection);
        let found_in_roll_ups =
            roll_ups.filter_map(|definition| roll_up_fault(definition, below, definitions));
        faults.extend(found.into_iter().chain(found_in_roll_ups).map(|fault| (kind.collection, fault)));
    }
    faults
}

/// What is wrong with a roll-up over the records of the collection `below`.
fn roll_up_fault(definition: &Definition, below: &str, definitions: &[Definition]) -> Option<Fault> {
    let roll_up = definition.roll_up.as_ref()?;
    if roll_up.function.0 == Function::Count {
        return None;
    }
    let field = definitions.iter().find(|field| field.collection == below && field.key == roll_up.field);
    let Some(field) = field.filter(|field| field.stored_kind() == Type::Number) else {
        let message = format!("{} is not a NUMBER field of {below}", roll_up.field);
        return Some(Fault::new(&definition.key, "roll_up.field", "FIELD_INVALID", message));
    };
    let class = field.sensitivity.0;
    let is_lost = class != Sensitivity::Unspecified && class != definition.sensitivity.0;
    is_lost.then(|| {
        let message = format!("must be {}, the class of {}", class.as_str_name(), roll_up.field);
        Fault::new(&definition.key, "sensitivity", "CLASS_LOST", message)
    })
}

#[cfg(test)]
mod tests {
    use sqlx::types::Json;
    use uuid::Uuid;

    use super::*;
    use crate::{Choice, custom_field::model::RollUp, sample::kinds};

    fn definition(id: u128, collection: &str, key: &str, kind: Type) -> Definition {
        Definition {
            id: Uuid::from_u128(id),
            collection: collection.into(),
            key: key.into(),
            value_type: Choice(kind),
            ..Definition::default()
        }
    }

    fn refused(before: &[Definition], changed: &Definition) -> Vec<String> {
        let error = check(&kinds(), before, changed).unwrap_err();
        error.violations().iter().map(|violation| format!("{} {}", violation.field, violation.code)).collect()
    }

    #[test]
    fn a_change_that_breaks_the_expression_of_another_field_is_refused() {
        let number = definition(1, "firms", "score", Type::Number);
        let twice = Definition {
            formula: "custom.score * 2".into(),
            formula_type: Choice(Type::Number),
            ..definition(2, "firms", "twice", Type::Formula)
        };
        assert!(check(&kinds(), std::slice::from_ref(&number), &twice).is_ok());
        let before = [number, twice.clone()];
        let text = definition(1, "firms", "score", Type::Text);
        assert_eq!(refused(&before, &text), ["custom_field FORMULA_INVALID"]);
        let circle = Definition {
            formula: "custom.twice".into(),
            formula_type: Choice(Type::Number),
            ..definition(1, "firms", "score", Type::Formula)
        };
        assert_eq!(
            refused(&before, &circle),
            ["custom_field.formula FORMULA_CIRCLE", "custom_field FORMULA_CIRCLE"]
        );
    }

    #[test]
    fn a_roll_up_is_over_a_number_of_contacts_of_its_class() {
        let sum = |field: &str| Definition {
            roll_up: Some(Json(RollUp { function: Choice(Function::Sum), field: field.into() })),
            ..definition(9, "firms", "sum", Type::RollUp)
        };
        let secret = Definition {
            sensitivity: Choice(Sensitivity::Financial),
            ..definition(3, "people", "salary", Type::Number)
        };
        let before = [
            definition(1, "people", "score", Type::Number),
            definition(2, "people", "name", Type::Text),
            secret,
        ];
        assert!(check(&kinds(), &before, &sum("score")).is_ok());
        for field in ["name", "nothing"] {
            assert_eq!(refused(&before, &sum(field)), ["custom_field.roll_up.field FIELD_INVALID"]);
        }
        assert_eq!(refused(&before, &sum("salary")), ["custom_field.sensitivity CLASS_LOST"]);
    }
}

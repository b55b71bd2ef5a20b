//! Rules between definitions: expressions that check, formulas without circles, roll-ups over numbers.

use crm_kit_api::{Result, error::Violations, sensitivity::Sensitivity};
use crm_proto::crm::customer::v1::custom_field::{Type, roll_up::Function};

use super::{catalog, formula::Fault, model::Definition, standard::COLLECTIONS};
use crate::contact;

/// Checks that a tenant's definitions fit together after `changed` was put among them. What was wrong before is not held against the change.
pub fn check(before: &[Definition], changed: &Definition) -> Result<()> {
    let mut after: Vec<Definition> =
        before.iter().filter(|definition| definition.id != changed.id).cloned().collect();
    after.push(changed.clone());
    let known = faults(before);
    let mut violations = Violations::default();
    for (collection, fault) in faults(&after) {
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

fn faults(definitions: &[Definition]) -> Vec<(&'static str, Fault)> {
    let mut faults = Vec::new();
    for collection in COLLECTIONS {
        let (_, found) = catalog::compile(collection, definitions);
        faults.extend(found.into_iter().map(|fault| (collection, fault)));
    }
    let roll_ups = definitions.iter().filter(|definition| definition.kind() == Type::RollUp);
    let found = roll_ups.filter_map(|definition| roll_up_fault(definition, definitions));
    faults.extend(found.map(|fault| (crate::account::COLLECTION, fault)));
    faults
}

fn roll_up_fault(definition: &Definition, definitions: &[Definition]) -> Option<Fault> {
    let roll_up = definition.roll_up.as_ref()?;
    if roll_up.function.0 == Function::Count {
        return None;
    }
    let field = definitions
        .iter()
        .find(|field| field.collection == contact::COLLECTION && field.key == roll_up.field);
    let Some(field) = field.filter(|field| field.stored_kind() == Type::Number) else {
        let message = format!("{} is not a NUMBER field of contacts", roll_up.field);
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
    use crate::{custom_field::model::RollUp, record::Choice};

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
        let error = check(before, changed).unwrap_err();
        error.violations().iter().map(|violation| format!("{} {}", violation.field, violation.code)).collect()
    }

    #[test]
    fn a_change_that_breaks_the_expression_of_another_field_is_refused() {
        let number = definition(1, "accounts", "score", Type::Number);
        let twice = Definition {
            formula: "custom.score * 2".into(),
            formula_type: Choice(Type::Number),
            ..definition(2, "accounts", "twice", Type::Formula)
        };
        assert!(check(std::slice::from_ref(&number), &twice).is_ok());
        let before = [number, twice.clone()];
        let text = definition(1, "accounts", "score", Type::Text);
        assert_eq!(refused(&before, &text), ["custom_field FORMULA_INVALID"]);
        let circle = Definition {
            formula: "custom.twice".into(),
            formula_type: Choice(Type::Number),
            ..definition(1, "accounts", "score", Type::Formula)
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
            ..definition(9, "accounts", "sum", Type::RollUp)
        };
        let secret = Definition {
            sensitivity: Choice(Sensitivity::Financial),
            ..definition(3, "contacts", "salary", Type::Number)
        };
        let before = [
            definition(1, "contacts", "score", Type::Number),
            definition(2, "contacts", "name", Type::Text),
            secret,
        ];
        assert!(check(&before, &sum("score")).is_ok());
        for field in ["name", "nothing"] {
            assert_eq!(refused(&before, &sum(field)), ["custom_field.roll_up.field FIELD_INVALID"]);
        }
        assert_eq!(refused(&before, &sum("salary")), ["custom_field.sensitivity CLASS_LOST"]);
    }
}

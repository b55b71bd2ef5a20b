//! What a request to merge asks for, checked as far as it can be without looking at the records.

use std::collections::BTreeMap;

use crm_kit_api::{Call, Error, Result, error::Violations, id};
use crm_kit_record::custom_field::Fields;
use crm_proto::crm::customer::v1::{MergePolicy as Policy, MergeRecordsRequest, SurvivorRule};
use uuid::Uuid;

use super::{
    field::{self, Field},
    kind::Mergeable,
};

/// A request to merge records of a kind.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The records.
    pub ids: Vec<Uuid>,
    /// The etags they must have, in the order of `ids`.
    pub etags: Vec<String>,
    /// The one that survives; `None` lets the rule pick it.
    pub survivor_id: Option<Uuid>,
    /// The rule.
    pub rule: SurvivorRule,
    /// The fields of the kind.
    pub fields: Vec<Field>,
    policies: BTreeMap<String, Policy>,
}

impl Wanted {
    /// Reads a request, collecting every violation.
    pub fn read<R: Mergeable>(fields: &Fields, request: &MergeRecordsRequest) -> Result<Self> {
        let mut violations = Violations::default();
        let (mut ids, mut etags) = (Vec::new(), Vec::new());
        for (index, record) in request.records.iter().enumerate() {
            let place = format!("records[{index}].id");
            let id = id::parse(&place, &record.id)?;
            if ids.contains(&id) {
                violations.add(place, "REPEATED", "stands twice");
            }
            ids.push(id);
            etags.push(record.etag.clone());
        }
        let survivor_id = id::parse_optional("survivor_id", &request.survivor_id)?;
        if survivor_id.is_some_and(|survivor| !ids.contains(&survivor)) {
            violations.add("survivor_id".to_owned(), "NOT_A_RECORD", "must be one of the records");
        }
        let all = field::all(R::FIELDS, R::TOGETHER, fields);
        let mut policies = BTreeMap::new();
        for (index, wanted) in request.field_policies.iter().enumerate() {
            let (place, policy) = (format!("field_policies[{index}]"), wanted.policy());
            match all.iter().find(|field| field.path == wanted.path) {
                None => violations.add(format!("{place}.path"), "PATH_UNKNOWN", "is no field that is merged"),
                Some(field) if !field.allows(policy) => {
                    let message = format!("{} is no policy of this field", policy.as_str_name());
                    violations.add(format!("{place}.policy"), "POLICY_NOT_ALLOWED", message);
                }
                Some(_) if policies.insert(wanted.path.clone(), policy).is_some() => {
                    violations.add(format!("{place}.path"), "REPEATED", "stands twice");
                }
                Some(_) => {}
            }
        }
        let rule = request.survivor_rule();
        violations.into_result(Self { ids, etags, survivor_id, rule, fields: all, policies })
    }

    /// How a field is merged.
    pub fn policy_of(&self, field: &Field) -> Policy {
        self.policies.get(&field.path).copied().unwrap_or(field.default)
    }
}

/// Fails unless the caller may change and delete records of the collection.
pub fn require(call: &Call, collection: &str) -> Result<()> {
    call.require(&format!("customer.{collection}.update"))?;
    call.require(&format!("customer.{collection}.delete"))
}

/// The error of a collection whose records are not merged.
pub fn unknown(field: &str) -> Error {
    Error::invalid_field(field, "COLLECTION_UNKNOWN", "must be accounts, contacts or leads")
}

//! What a relation is, as stored, and what it is called.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_record::Choice;
use crm_proto::crm::customer::v1::account_relation::Kind;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A row of `account_relation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Relation {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub from_account_id: Uuid,
    pub to_account_id: Uuid,
    pub kind: Choice<Kind>,
    /// Empty for the name of the kind.
    pub forward_name: String,
    /// Empty for the name of the kind.
    pub reverse_name: String,
    pub start_date: Option<NaiveDate>,
    pub end_date: Option<NaiveDate>,
    pub note: String,
    pub creator_id: Uuid,
}

/// A relation with the account at its other end.
#[derive(Clone, Debug)]
pub struct Related {
    pub relation: Relation,
    pub other_id: Uuid,
    pub other_name: String,
}

/// What a kind says that the first account is to the second one, and the second to the first: in English and Chinese.
fn kind_names(kind: Kind) -> [[&'static str; 2]; 2] {
    match kind {
        Kind::Group => [["same group", "同一集团"]; 2],
        Kind::Reseller => [["reseller", "经销商"], ["vendor", "厂商"]],
        Kind::Partner => [["partner", "合作伙伴"]; 2],
        Kind::Supplier => [["supplier", "供应商"], ["customer", "采购方"]],
        Kind::Competitor => [["competitor", "竞争对手"]; 2],
        Kind::Family | Kind::Unspecified => [["family", "亲属"]; 2],
    }
}

/// What there is once of relations: the kind and both accounts, of a directed kind also which is the first.
pub type PairKey = (i32, [Uuid; 2], Option<Uuid>);

impl Relation {
    /// Its accounts.
    pub fn ends(&self) -> [Uuid; 2] {
        [self.from_account_id, self.to_account_id]
    }

    /// What no other relation has; as `account_relation_pair_key` says.
    pub fn key(&self) -> PairKey {
        let mut pair = self.ends();
        pair.sort_unstable();
        let directed = matches!(self.kind.0, Kind::Reseller | Kind::Supplier);
        (self.kind.number(), pair, directed.then_some(self.from_account_id))
    }

    /// The relation between other accounts from `now` on.
    pub fn joining(&self, from_account_id: Uuid, to_account_id: Uuid, now: DateTime<Utc>) -> Self {
        let (update_time, revision) = (now, self.revision + 1);
        Self { update_time, revision, from_account_id, to_account_id, ..self.clone() }
    }

    /// Whose both accounts are, when they have the same owner.
    pub fn owner_id(&self, owners: &BTreeMap<Uuid, Option<Uuid>>) -> Option<Uuid> {
        let [from, to] = self.ends().map(|id| owners.get(&id).copied().flatten());
        from.filter(|_| from == to)
    }

    /// What the first account is to the second one, and the second to the first, in a language (BCP 47).
    pub fn names(&self, language_code: &str) -> [String; 2] {
        let language = usize::from(language_code.starts_with("zh"));
        let [forward, reverse] = kind_names(self.kind.0);
        let named =
            |own: &str, of_kind: [&str; 2]| if own.is_empty() { of_kind[language] } else { own }.to_owned();
        [named(&self.forward_name, forward), named(&self.reverse_name, reverse)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_is_called_by_its_own_names_or_by_its_kind() {
        let mut relation = Relation { kind: Choice(Kind::Reseller), ..Relation::default() };
        assert_eq!(relation.names("en"), ["reseller", "vendor"]);
        assert_eq!(relation.names("zh-CN"), ["经销商", "厂商"]);
        relation.reverse_name = "principal".to_owned();
        assert_eq!(relation.names("en"), ["reseller", "principal"]);
    }
}

//! How accounts are merged, and what of them refers to records that are.

use crm_kit_pg::change::Telling;
use crm_kit_record::recycle_bin::Gone;
use crm_proto::crm::customer::v1::{
    Account as Wire, AccountDeleted, AccountUndeleted, MergePolicy as Policy,
};
use uuid::Uuid;

use super::{Account, COLLECTION};
use crate::merge::{
    field::{DESCRIPTION, Shape, Standard},
    kind::{Mergeable, Movable},
};

impl Movable for Account {
    const TOGETHER: &'static [&'static [&'static str]] = &[
        &["website", "website_domain"],
        &["annual_revenue", "annual_revenue_currency"],
        &["credit_limit", "credit_limit_currency"],
        &["owner_id", "pool_id", "claim_time"],
    ];

    fn repoint(&mut self, gone: Gone<'_>, into: Uuid) {
        if gone.collection == COLLECTION && self.parent_id.is_some_and(|parent| gone.ids.contains(&parent)) {
            self.parent_id = Some(into).filter(|into| *into != self.id);
        }
    }
}

impl Mergeable for Account {
    const FIELDS: &'static [Standard] = &[
        ("display_name", Shape::Text, Policy::FillEmpty),
        ("legal_name", Shape::Text, Policy::FillEmpty),
        ("unified_social_credit_code", Shape::Value, Policy::FillEmpty),
        ("tax_id", Shape::Value, Policy::FillEmpty),
        ("parent_id", Shape::Value, Policy::FillEmpty),
        ("kind", Shape::Value, Policy::FillEmpty),
        ("industry", Shape::Text, Policy::FillEmpty),
        ("employee_count", Shape::Ordered, Policy::FillEmpty),
        ("region", Shape::Text, Policy::FillEmpty),
        ("website", Shape::Text, Policy::FillEmpty),
        ("phone", Shape::Value, Policy::FillEmpty),
        ("email", Shape::Value, Policy::FillEmpty),
        ("billing_address", Shape::Address, Policy::Fullest),
        ("shipping_address", Shape::Address, Policy::Fullest),
        ("level", Shape::Value, Policy::FillEmpty),
        ("life_cycle_stage", Shape::Ordered, Policy::Greatest),
        ("source", Shape::Text, Policy::FillEmpty),
        ("annual_revenue", Shape::Value, Policy::FillEmpty),
        ("credit_status", Shape::Value, Policy::FillEmpty),
        ("credit_limit", Shape::Value, Policy::FillEmpty),
        ("last_activity_time", Shape::Ordered, Policy::Greatest),
        ("last_deal_time", Shape::Ordered, Policy::Greatest),
        ("blocked", Shape::Flag, Policy::Union),
        ("tags", Shape::List(50), Policy::Union),
        ("description", Shape::Long(DESCRIPTION), Policy::Concatenate),
    ];
    const FOLLOWED_BY: &'static [&'static str] = &["sales"];

    fn departed(wire: Wire, into: Uuid) -> Telling {
        Telling::of(&AccountDeleted { account: Some(wire), merged_into_id: into.to_string() })
    }

    fn returned(wire: Wire, from: Uuid) -> Telling {
        Telling::of(&AccountUndeleted { account: Some(wire), unmerged_from_id: from.to_string() })
    }

    fn display_name(&self) -> &str {
        &self.display_name
    }

    fn references(&self) -> Vec<(&'static str, Uuid)> {
        self.parent_id.map(|parent| (COLLECTION, parent)).into_iter().collect()
    }
}

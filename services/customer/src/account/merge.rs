//! How accounts are merged, and what of them refers to records that are.

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::recycle_bin::Gone;
use crm_proto::crm::customer::v1::{
    Account as Wire, AccountDeleted, AccountUndeleted, MergePolicy as Policy,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Account, COLLECTION};
use crate::{
    account_relation::{self, merge::Kept},
    activity,
    merge::{
        children::Going,
        field::{DESCRIPTION, Shape, Standard},
        kind::{Mergeable, Movable},
    },
};

/// What hangs on an account that went.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    account_id: Uuid,
    /// What stood in its time line by the contact that it was about.
    activities: Vec<Uuid>,
    relations: Vec<Kept>,
}

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

    /// What stands in the time lines, and the relations.
    async fn parts(tx: &mut Tx<'_>, call: &Call, going: Going<'_>) -> Result<Vec<(Uuid, Value)>> {
        let (tenant, ids) = (tx.tenant_id(), going.gone.ids);
        let mut relations = account_relation::merge::follow(tx, call, ids, going.into).await?;
        let moved = activity::store::turn(tx.conn(), tenant, ids, going.into).await?;
        let mut parts = Vec::with_capacity(ids.len());
        for id in ids {
            let of_it = moved.iter().filter(|(_, account_id)| account_id == id);
            let activities = of_it.map(|(activity_id, _)| *activity_id).collect();
            // The relations are put back together.
            let part = Part { account_id: *id, activities, relations: std::mem::take(&mut relations) };
            parts.push((*id, serde_json::to_value(part).map_err(Error::internal)?));
        }
        Ok(parts)
    }

    async fn put_parts(
        tx: &mut Tx<'_>,
        call: &Call,
        accounts: &[Self],
        parts: Vec<Value>,
        from: Uuid,
    ) -> Result<()> {
        let (tenant, mut relations) = (tx.tenant_id(), Vec::new());
        for part in parts {
            let part: Part = serde_json::from_value(part).map_err(Error::internal)?;
            let activities = &part.activities;
            activity::store::turn_back(tx.conn(), tenant, activities, from, part.account_id).await?;
            relations.extend(part.relations);
        }
        let back: Vec<Uuid> = accounts.iter().map(|account| account.id).collect();
        account_relation::merge::put_back(tx, call, relations, &back, from).await
    }
}

//! How leads are merged, and what of them refers to records that are.

use crm_kit_api::{Call, Result};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::recycle_bin::Gone;
use crm_proto::crm::customer::v1::{Lead as Wire, LeadDeleted, LeadUndeleted, MergePolicy as Policy};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{COLLECTION, Lead, convert, store};
use crate::{
    account, contact,
    merge::{
        children::Going,
        field::{DESCRIPTION, Shape, Standard},
        kind::{Mergeable, Movable},
    },
};

impl Movable for Lead {
    const TOGETHER: &'static [&'static [&'static str]] = &[
        &["display_name", "family_name", "given_name"],
        &["owner_id", "pool_id", "claim_time"],
        &["status", "status_reason", "status_time"],
    ];

    /// What a lead was converted to follows too, so that it is found from the survivor.
    fn repoint(&mut self, gone: Gone<'_>, into: Uuid) {
        let field = match gone.collection {
            COLLECTION => &mut self.duplicate_of_id,
            account::COLLECTION => &mut self.converted_account_id,
            contact::COLLECTION => &mut self.converted_contact_id,
            _ => return,
        };
        if field.is_some_and(|id| gone.ids.contains(&id)) {
            *field = Some(into).filter(|into| *into != self.id);
        }
    }

    async fn following(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        gone: Gone<'_>,
        most: i64,
    ) -> Result<Vec<Uuid>> {
        match gone.collection {
            account::COLLECTION | contact::COLLECTION => {
                store::converted_to(conn, tenant_id, gone.ids, most).await
            }
            _ => Ok(Vec::new()),
        }
    }
}

impl Mergeable for Lead {
    const FIELDS: &'static [Standard] = &[
        ("display_name", Shape::Text, Policy::Survivor),
        ("salutation", Shape::Text, Policy::FillEmpty),
        ("job_title", Shape::Text, Policy::FillEmpty),
        ("department", Shape::Text, Policy::FillEmpty),
        ("company_name", Shape::Text, Policy::FillEmpty),
        ("industry", Shape::Text, Policy::FillEmpty),
        ("employee_count", Shape::Ordered, Policy::FillEmpty),
        ("region", Shape::Text, Policy::FillEmpty),
        ("website", Shape::Text, Policy::FillEmpty),
        ("phone", Shape::Value, Policy::FillEmpty),
        ("email", Shape::Value, Policy::FillEmpty),
        ("address", Shape::Address, Policy::Fullest),
        ("source", Shape::Text, Policy::FillEmpty),
        ("channel", Shape::Text, Policy::FillEmpty),
        ("campaign_id", Shape::Value, Policy::FillEmpty),
        ("utm", Shape::Value, Policy::FillEmpty),
        ("score", Shape::Ordered, Policy::Greatest),
        ("rating", Shape::Value, Policy::FillEmpty),
        ("last_activity_time", Shape::Ordered, Policy::Greatest),
        ("tags", Shape::List(50), Policy::Union),
        ("description", Shape::Long(DESCRIPTION), Policy::Concatenate),
    ];
    const FOLLOWED_BY: &'static [&'static str] = &[];

    /// A converted lead stays what it was when it was converted, and one that is on its way there is left alone.
    fn may_merge(&self) -> Result<()> {
        convert::may_change(self)
    }

    fn departed(wire: Wire, into: Uuid) -> Telling {
        Telling::of(&LeadDeleted { lead: Some(wire), merged_into_id: into.to_string() })
    }

    fn returned(wire: Wire, from: Uuid) -> Telling {
        Telling::of(&LeadUndeleted { lead: Some(wire), unmerged_from_id: from.to_string() })
    }

    fn display_name(&self) -> &str {
        &self.display_name
    }

    /// How the leads came to their status.
    async fn parts(tx: &mut Tx<'_>, _call: &Call, going: Going<'_>) -> Result<Vec<(Uuid, Value)>> {
        let tenant = tx.tenant_id();
        store::status_change_documents(tx.conn(), tenant, going.gone.ids).await
    }

    async fn put_parts(
        tx: &mut Tx<'_>,
        _call: &Call,
        _leads: &[Self],
        parts: Vec<Value>,
        _from: Uuid,
    ) -> Result<()> {
        store::put_status_changes(tx.conn(), parts).await
    }
}

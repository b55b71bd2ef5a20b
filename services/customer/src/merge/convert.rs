//! Merges on the wire. What a caller may not see the values of is not told either, not even whose value it is.

use crm_kit_api::{Call, Result, time};
use crm_kit_record::{Choice, Kind, custom_field::Fields, field::id_text};
use crm_proto::crm::customer::v1::{
    Merge as Wire, MergeConflict, MergeRecordsResponse, MergedField, PreviewMergeResponse,
};
use uuid::Uuid;

use super::{
    field::is_shown,
    kind::{Mergeable, wire_of},
    model::{Merge, Taken},
    policy::Chosen,
};
use crate::{account, contact, lead};

/// The merge for a caller.
pub fn to_wire(call: &Call, kind: &Kind, fields: &Fields, merge: &Merge) -> Wire {
    let shown = merge.fields.iter().filter(|taken| is_shown(kind, fields, &call.access.masks, &taken.path));
    Wire { fields: shown.map(field).collect(), ..untaken(merge) }
}

/// The merge without what it took from whom, for everybody who may hear of it.
pub fn untaken(merge: &Merge) -> Wire {
    let conflicts = merge.conflicts.iter().map(|conflict| MergeConflict {
        collection: conflict.collection.clone(),
        record_id: conflict.record_id.to_string(),
        path: conflict.path.clone(),
    });
    Wire {
        id: merge.id.to_string(),
        create_time: Some(time::timestamp(merge.create_time)),
        update_time: Some(time::timestamp(merge.update_time)),
        collection: merge.collection.clone(),
        survivor_id: merge.survivor_id.to_string(),
        loser_ids: merge.loser_ids.iter().map(Uuid::to_string).collect(),
        current_id: merge.current_id.to_string(),
        state: merge.state.number(),
        awaited_services: merge.awaited.clone(),
        moved_count: merge.moved_count,
        fields: Vec::new(),
        conflicts: conflicts.collect(),
        creator_id: merge.creator_id.to_string(),
        undo_time: merge.undo_time.map(time::timestamp),
        undoer_id: id_text(merge.undoer_id),
    }
}

/// The answer of a merge.
pub fn answer<R: Mergeable>(
    call: &Call,
    fields: &Fields,
    merge: &Merge,
    survivor: &R::Wire,
) -> Result<MergeRecordsResponse> {
    let mut answer = MergeRecordsResponse {
        merge: Some(to_wire(call, R::KIND, fields, merge)),
        ..MergeRecordsResponse::default()
    };
    match R::KIND.collection {
        account::COLLECTION => answer.account = Some(wire_of(survivor)?),
        contact::COLLECTION => answer.contact = Some(wire_of(survivor)?),
        lead::COLLECTION => answer.lead = Some(wire_of(survivor)?),
        _ => {}
    }
    Ok(answer)
}

/// The answer about a merge that does not take place.
pub fn preview<R: Mergeable>(
    call: &Call,
    fields: &Fields,
    survivor: &R,
    chosen: &[Chosen],
) -> Result<PreviewMergeResponse> {
    let wire = survivor.to_wire(fields);
    let shown = chosen.iter().filter(|chosen| is_shown(R::KIND, fields, &call.access.masks, &chosen.path));
    let taken = shown.map(|Chosen { path, policy, from }| {
        field(&Taken { path: path.clone(), policy: Choice(*policy), from: from.clone() })
    });
    let mut answer = PreviewMergeResponse {
        survivor_id: survivor.head().id.to_string(),
        fields: taken.collect(),
        ..PreviewMergeResponse::default()
    };
    match R::KIND.collection {
        account::COLLECTION => answer.account = Some(wire_of(&wire)?),
        contact::COLLECTION => answer.contact = Some(wire_of(&wire)?),
        lead::COLLECTION => answer.lead = Some(wire_of(&wire)?),
        _ => {}
    }
    Ok(answer)
}

fn field(taken: &Taken) -> MergedField {
    MergedField {
        path: taken.path.clone(),
        policy: taken.policy.number(),
        record_ids: taken.from.iter().map(Uuid::to_string).collect(),
    }
}

//! Conversions on the wire.

use crm_kit_api::time;
use crm_kit_record::field::id_text;
use crm_proto::crm::customer::v1::{
    Conversion as Wire, ConversionProblem, ConvertLeadResponse, Lead as WireLead,
};

use super::model::Conversion;

/// A conversion on the wire.
pub fn to_wire(conversion: &Conversion) -> Wire {
    Wire {
        id: conversion.id.to_string(),
        create_time: Some(time::timestamp(conversion.create_time)),
        update_time: Some(time::timestamp(conversion.update_time.unwrap_or(conversion.create_time))),
        lead_id: conversion.lead_id.to_string(),
        operator_id: conversion.operator_id.to_string(),
        state: conversion.state.number(),
        account_id: id_text(conversion.account_id),
        contact_id: id_text(conversion.contact_id),
        opportunity_id: id_text(conversion.opportunity_id),
        filled_fields: conversion.filled_fields.clone(),
        problem: conversion.problem.as_ref().map(|problem| ConversionProblem {
            reason: problem.reason.clone(),
            message: problem.message.clone(),
        }),
        kept: conversion.kept.clone(),
    }
}

/// What a caller is told who converts.
pub fn answer(lead: WireLead, conversion: &Conversion) -> ConvertLeadResponse {
    ConvertLeadResponse {
        lead: Some(lead),
        account_id: id_text(conversion.account_id),
        contact_id: id_text(conversion.contact_id),
        opportunity_id: id_text(conversion.opportunity_id),
        filled_fields: conversion.filled_fields.clone(),
        conversion: Some(to_wire(conversion)),
    }
}

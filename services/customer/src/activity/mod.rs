//! What interactions and tasks share: what they are about, and the time line of accounts they make together.

pub mod about;
pub mod store;

/// Messages that both have among their fields, part by part.
pub const LINK_PARTS: crm_kit_record::custom_field::describe::Parts = (
    "crm.customer.v1.RecordLink",
    &[
        ("service", "service", "服务"),
        ("collection", "collection", "集合"),
        ("id", "id", "编号"),
        ("display_name", "name", "名称"),
    ],
);

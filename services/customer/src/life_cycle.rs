//! How far the relation with a company or a person has come.

/// The stages by name, for filters and orders.
pub const STAGES: &[(&str, i32)] = &[
    ("LIFE_CYCLE_STAGE_UNSPECIFIED", 0),
    ("LIFE_CYCLE_STAGE_VISITOR", 1),
    ("LIFE_CYCLE_STAGE_SUBSCRIBER", 2),
    ("LIFE_CYCLE_STAGE_LEAD", 3),
    ("LIFE_CYCLE_STAGE_MARKETING_QUALIFIED", 4),
    ("LIFE_CYCLE_STAGE_SALES_QUALIFIED", 5),
    ("LIFE_CYCLE_STAGE_OPPORTUNITY", 6),
    ("LIFE_CYCLE_STAGE_CUSTOMER", 7),
    ("LIFE_CYCLE_STAGE_REPEAT", 8),
    ("LIFE_CYCLE_STAGE_DORMANT", 9),
    ("LIFE_CYCLE_STAGE_LOST", 10),
];

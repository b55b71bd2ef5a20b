//! The sales service over gRPC, on a real PostgreSQL, with its production wiring.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod cash;
mod contract;
mod contract_approval;
mod contract_renewal;
mod contract_version;
mod events;
mod fold;
mod forecast;
mod forecast_scale;
mod hand_over;
mod import_rig;
mod made_of;
mod opportunity;
mod opportunity_data;
mod opportunity_lines;
mod order;
mod order_amendment;
mod order_data;
mod order_erp;
mod order_import;
mod order_of_quote;
mod order_rig;
mod pipeline;
mod price;
mod product_data;
mod quota;
mod quota_data;
mod quote;
mod quote_life;
mod recycle_bin;
mod relink_index;
mod rig;
mod stage;
mod statistics;
mod walls;

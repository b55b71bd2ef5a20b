//! Forecasts: what will come of deals in a fiscal period, rolled up along lines of report as they are now (销售预测). Figures are computed when asked for; beside
//! them stand what people think of them, and what they handed in, which never changes.

pub mod adjust;
pub mod figures;
pub mod roll_up;
pub mod rpc;
pub mod store;
pub mod submit;

use crm_kit_pg::Db;

use crate::exchange::Exchange;

/// Name of the collection of adjustments in errors, events and paths.
pub const ADJUSTMENTS: &str = "forecastAdjustments";
/// Name of the collection of submissions.
pub const SUBMISSIONS: &str = "forecastSubmissions";

/// The forecasts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Forecasts {
    /// The service's database.
    pub db: Db,
    /// Rates for figures in one currency.
    pub exchange: Exchange,
}

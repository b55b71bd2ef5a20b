//! The figures of a forecast in one currency, in two families that are never mixed: weighted with the deals' probability, and by forecast category.

use crm_kit_api::Result;
use crm_proto::crm::sales::v1::{ForecastCategory, ForecastFigures as Wire, forecast_adjustment::Column};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use crate::{exchange::Conversion, money};

/// Ten-thousandths of the currency's unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Expected revenues of open deals, each rounded by itself.
    pub weighted_open: Decimal,
    pub pipeline: Decimal,
    pub best_case: Decimal,
    pub most_likely: Decimal,
    pub commit: Decimal,
    pub closed: Decimal,
    pub omitted: Decimal,
    /// Open deals that are not omitted.
    pub open: i64,
    pub won: i64,
}

impl Figures {
    /// Counts open deals of a category.
    pub fn add_open(&mut self, category: ForecastCategory, deals: i64, amount: Decimal, expected: Decimal) {
        if category == ForecastCategory::Omitted {
            self.omitted += amount;
            return;
        }
        self.open += deals;
        self.weighted_open += expected;
        *match category {
            ForecastCategory::BestCase => &mut self.best_case,
            ForecastCategory::MostLikely => &mut self.most_likely,
            ForecastCategory::Commit => &mut self.commit,
            // An open deal is not closed, whatever it says of itself; it is at least possible.
            _ => &mut self.pipeline,
        } += amount;
    }

    /// Counts deals won.
    pub fn add_won(&mut self, deals: i64, amount: Decimal) {
        self.won += deals;
        self.closed += amount;
    }

    /// Adds other figures in the same currency.
    pub fn add(&mut self, other: &Self) {
        self.weighted_open += other.weighted_open;
        self.pipeline += other.pipeline;
        self.best_case += other.best_case;
        self.most_likely += other.most_likely;
        self.commit += other.commit;
        self.closed += other.closed;
        self.omitted += other.omitted;
        self.open += other.open;
        self.won += other.won;
    }

    /// The figures in another currency: each of the single ones converted and rounded once.
    pub fn converted(&self, conversion: &Conversion, currency: &str) -> Result<Self> {
        let apply = |amount: Decimal| conversion.apply(amount, currency);
        Ok(Self {
            weighted_open: apply(self.weighted_open)?,
            pipeline: apply(self.pipeline)?,
            best_case: apply(self.best_case)?,
            most_likely: apply(self.most_likely)?,
            commit: apply(self.commit)?,
            closed: apply(self.closed)?,
            omitted: apply(self.omitted)?,
            open: self.open,
            won: self.won,
        })
    }

    /// A figure that can be adjusted.
    pub fn of(&self, column: Column) -> Decimal {
        match column {
            Column::Unspecified | Column::OpenPipeline => {
                self.pipeline + self.best_case + self.most_likely + self.commit
            }
            Column::BestCaseForecast => self.best_case + self.most_likely + self.commit + self.closed,
            Column::CommitForecast => self.commit + self.closed,
            Column::WeightedForecast => self.weighted_open + self.closed,
        }
    }

    /// The figures on the wire.
    pub fn to_wire(&self, currency: &str) -> Wire {
        let money = |amount: Decimal| Some(money::to_wire(amount.to_i128().unwrap_or(i128::MAX), currency));
        Wire {
            currency_code: currency.to_owned(),
            weighted_open: money(self.weighted_open),
            weighted_forecast: money(self.of(Column::WeightedForecast)),
            pipeline: money(self.pipeline),
            best_case: money(self.best_case),
            most_likely: money(self.most_likely),
            commit: money(self.commit),
            closed: money(self.closed),
            omitted: money(self.omitted),
            open_pipeline: money(self.of(Column::OpenPipeline)),
            best_case_forecast: money(self.of(Column::BestCaseForecast)),
            commit_forecast: money(self.of(Column::CommitForecast)),
            open_count: self.open,
            won_count: self.won,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cumulative_figures_add_up_and_leave_omitted_deals_out() {
        let mut figures = Figures::default();
        let amounts = [
            (ForecastCategory::Pipeline, 1),
            (ForecastCategory::BestCase, 20),
            (ForecastCategory::MostLikely, 300),
            (ForecastCategory::Commit, 4_000),
            (ForecastCategory::Omitted, 60_000),
        ];
        for (category, amount) in amounts {
            figures.add_open(category, 1, amount.into(), (amount / 10).into());
        }
        figures.add_won(2, 500_000.into());
        assert_eq!(figures.of(Column::OpenPipeline), 4_321.into());
        assert_eq!(figures.of(Column::BestCaseForecast), 504_320.into());
        assert_eq!(figures.of(Column::CommitForecast), 504_000.into());
        // 0 + 2 + 30 + 400 of open deals, and what was won.
        assert_eq!(figures.of(Column::WeightedForecast), 500_432.into());
        assert_eq!((figures.open, figures.won, figures.omitted), (4, 2, 60_000.into()));
        let mut twice = figures.clone();
        twice.add(&figures);
        assert_eq!((twice.of(Column::OpenPipeline), twice.open), (8_642.into(), 8));
    }
}

//! What a deal with lines is worth: their net total. Another amount is refused, so that nobody thinks it was taken.

use crm_kit_api::{Call, Error, Result};
use crm_kit_record::custom_field::Fields;
use rust_decimal::Decimal;
use sqlx::types::Json;
use tonic::Code;

use super::{Opportunity, gate};
use crate::{
    DOMAIN,
    document::{Line, Sheet, price::Priced},
};

/// Takes the amount over from lines that have their prices; those that wait for them do it later ([`Priced`]).
pub fn follow(deal: &mut Opportunity, was: &Opportunity) -> Result<()> {
    if is_priced(&deal.sheet) { take_over(deal, Some(was)) } else { Ok(()) }
}

fn is_priced(sheet: &Sheet) -> bool {
    !sheet.lines.is_empty() && !sheet.lines.iter().any(Line::is_open)
}

/// An amount that is sent must be the one the deal had, or the one it gets.
fn take_over(deal: &mut Opportunity, was: Option<&Opportunity>) -> Result<()> {
    let total = deal.sheet.totals.net;
    let stored = was.and_then(|was| was.amount);
    if let Some(sent) = deal.amount.filter(|sent| *sent != total && Some(*sent) != stored) {
        let [sent, total] = [sent, total].map(|amount| Decimal::new(amount, 4).normalize());
        let message = format!("is {sent}, but the net total of the lines is {total}: leave it empty");
        return Err(Error::new(Code::FailedPrecondition, DOMAIN, "AMOUNT_OF_LINES", message)
            .with("amount", sent)
            .with("lines_amount", total));
    }
    deal.amount = Some(total);
    deal.amount_currency.clone_from(&deal.sheet.currency);
    Ok(())
}

impl Priced for Opportunity {
    fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    fn sheet_mut(&mut self) -> &mut Sheet {
        &mut self.sheet
    }

    fn priced(&mut self, call: &Call, fields: &Fields, was: Option<&Self>) -> Result<()> {
        if !is_priced(&self.sheet) {
            return Ok(());
        }
        take_over(self, was)?;
        gate::expect(self);
        let mut custom = std::mem::take(&mut self.custom.0);
        fields.evaluate(&mut custom, &|path| self.filter_value(path), call.moment());
        self.custom = Json(custom);
        Ok(())
    }
}

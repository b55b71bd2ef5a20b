//! Events of quotes.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::sales::v1::{
    Quote, QuoteCreated, QuoteDeleted, QuotePurged, QuoteUndeleted, QuoteUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to a quote.
pub fn event(quote: Quote, happening: Happening<Quote>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&QuoteCreated { quote: Some(quote) }),
        Happening::Updated { fields, previous } => Telling::of(&QuoteUpdated {
            quote: Some(quote),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&QuoteDeleted { quote: Some(quote) }),
        Happening::Undeleted => Telling::of(&QuoteUndeleted { quote: Some(quote) }),
        Happening::Purged => {
            let Quote { id, delete_time, .. } = quote;
            Telling::of(&QuotePurged { id, delete_time })
        }
    }
}

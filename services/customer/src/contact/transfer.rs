//! Contacts in files.

use crm_proto::crm::customer::v1::Contact as Wire;

use super::Contact;
use crate::{
    collection::{Permissions, Transfer},
    column::read::Reading,
    import_job::card,
    table::{mapping, vcard::Card},
};

impl Transfer for Contact {
    const NAMES: mapping::Schema<'static> = mapping::CONTACT;
    const PERMISSIONS: Permissions =
        Permissions { import: "customer.contacts.import", export: "customer.contacts.export" };
    const READS_CARDS: bool = true;

    fn from_card(card: &Card) -> Option<Reading<Wire>> {
        Some(card::contact(card))
    }
}

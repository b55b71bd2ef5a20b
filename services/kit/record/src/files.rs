//! What files need to know of a kind of record beyond its life: what other systems call its fields, and which columns name other records.

use crm_kit_table::mapping;

use crate::column::words::Words;

/// A kind of record in files.
#[derive(Debug)]
pub struct Files {
    /// What other systems call its fields.
    pub names: mapping::Schema<'static>,
    /// Paths in `names` that are called otherwise in the contract, each with the path there.
    pub translated: &'static [(&'static str, &'static str)],
    /// Words that people write for the values of its enums, by the enum's full name.
    pub words: &'static [(&'static str, Words)],
    /// Columns that name other records of the service by their keys in a job's system.
    pub links: &'static [Link],
    /// Permission to import records.
    pub import: &'static str,
    /// Permission to export records.
    pub export: &'static str,
    /// Whether vCard files hold records of the kind.
    pub reads_cards: bool,
}

/// A column that names another record by its key.
#[derive(Debug)]
pub struct Link {
    /// Its path.
    pub path: &'static str,
    /// Its name in English and in Chinese.
    pub labels: [&'static str; 2],
    /// The collection of the other record; `service.collection` for one of another service, which a file names by its name and not by a key.
    pub collection: &'static str,
    /// The field that a record refers to it by.
    pub field: &'static str,
    /// For a field that is a list of messages, the member of the message that holds the other record's id. An export shows the ids of such a
    /// list; a file names the other records by the link only.
    pub member: Option<&'static str>,
}

impl Link {
    /// Whether the other record is kept by another service.
    pub fn is_foreign(&self) -> bool {
        self.collection.contains('.')
    }
}

impl Files {
    /// The words of an enum; none when people write nothing but its names.
    pub fn words_of(&self, full_name: &str) -> Words {
        self.words.iter().find(|(name, _)| *name == full_name).map_or(&[], |(_, words)| words)
    }

    /// The link through a field that is a list of messages.
    pub(crate) fn list_of(&self, field: &str) -> Option<&'static Link> {
        self.links.iter().find(|link| link.field == field && link.member.is_some())
    }
}

//! The kinds of records of one service, for what works on all of them.

use std::sync::Arc;

use crate::record::Kind;

/// The kinds of records of a service. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Kinds(Arc<[&'static Kind]>);

impl Kinds {
    /// The given kinds.
    pub fn new(kinds: impl IntoIterator<Item = &'static Kind>) -> Self {
        Self(kinds.into_iter().collect())
    }

    /// Every kind.
    pub fn iter(&self) -> impl Iterator<Item = &'static Kind> {
        self.0.iter().copied()
    }

    /// The kind of a collection.
    pub fn get(&self, collection: &str) -> Option<&'static Kind> {
        self.iter().find(|kind| kind.collection == collection)
    }

    /// Names of the collections.
    pub fn names(&self) -> Vec<&'static str> {
        self.iter().map(|kind| kind.collection).collect()
    }

    /// The kind below a collection, over whose records its roll-ups are computed.
    pub fn below(&self, collection: &str) -> Option<&'static Kind> {
        self.iter().find(|kind| kind.parent.is_some_and(|parent| parent.collection == collection))
    }
}

//! The rule both trees of the organisation keep: nobody stands above himself, and no branch is deeper than 32.

use crm_kit_api::Result;
use uuid::Uuid;

use crate::reason;

/// Records in the longest branch.
pub const MAX_DEPTH: usize = 32;

/// Where a record would stand after a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The new parent and those above it.
    pub ancestors: Vec<Uuid>,
    /// Records in the longest branch that begins with the moved record.
    pub height: i64,
}

/// Whether the record `id` of `collection` may stand there.
pub fn check(collection: &str, id: Uuid, place: &Place) -> Result<()> {
    if place.ancestors.contains(&id) {
        return Err(reason::tree_circle(collection, id));
    }
    let height = usize::try_from(place.height).unwrap_or(MAX_DEPTH);
    if place.ancestors.len() + height > MAX_DEPTH {
        return Err(reason::tree_too_deep(collection, MAX_DEPTH));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(ancestors: usize, height: i64) -> Place {
        Place { ancestors: (0..ancestors).map(|_| Uuid::new_v4()).collect(), height }
    }

    #[test]
    fn a_branch_of_32_stands_and_one_of_33_does_not() {
        let id = Uuid::new_v4();
        assert!(check("departments", id, &place(31, 1)).is_ok());
        assert!(check("departments", id, &place(0, 32)).is_ok());
        assert_eq!(check("departments", id, &place(30, 3)).unwrap_err().reason(), "TREE_TOO_DEEP");
    }

    #[test]
    fn nobody_stands_above_himself() {
        let id = Uuid::new_v4();
        let below_itself = Place { ancestors: vec![Uuid::new_v4(), id], height: 2 };
        assert_eq!(check("users", id, &below_itself).unwrap_err().reason(), "TREE_CIRCLE");
    }
}

//! Which status a lead may go to.

use crm_proto::crm::customer::v1::lead::Status;

/// The steps from one status to another, the last of which is `to`; `None` when there is no way. Staying is no step.
pub fn steps(from: Status, to: Status) -> Option<Vec<Status>> {
    if from == to {
        return Some(Vec::new());
    }
    if is_step(from, to) {
        return Some(vec![to]);
    }
    // What had left comes back as new, whatever becomes of it then.
    let through_new = is_side(from) && is_step(Status::New, to) && !is_side(to);
    through_new.then(|| vec![Status::New, to])
}

/// Whether somebody may still work on a lead of the status.
pub fn is_open(status: Status) -> bool {
    matches!(status, Status::New | Status::Assigned | Status::Working | Status::Qualified)
}

fn is_side(status: Status) -> bool {
    matches!(status, Status::Recycled | Status::Disqualified | Status::Duplicate)
}

fn is_step(from: Status, to: Status) -> bool {
    match to {
        Status::Unspecified => false,
        Status::New => is_side(from),
        Status::Working => matches!(from, Status::New | Status::Assigned),
        Status::Qualified => matches!(from, Status::New | Status::Assigned | Status::Working),
        Status::Assigned
        | Status::Converted
        | Status::Recycled
        | Status::Disqualified
        | Status::Duplicate => is_open(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Status; 8] = [
        Status::New,
        Status::Assigned,
        Status::Working,
        Status::Qualified,
        Status::Converted,
        Status::Recycled,
        Status::Disqualified,
        Status::Duplicate,
    ];

    #[test]
    fn the_ways_are_those_that_are_drawn() {
        // A row for each status, in the order of `ALL`: the number of steps to each other one, `-` for no way.
        let table =
            ["01111111", "-0111111", "-1011111", "-1-01111", "----0---", "122220--", "12222-0-", "12222--0"];
        for (from, row) in ALL.into_iter().zip(table) {
            for (to, wanted) in ALL.into_iter().zip(row.chars()) {
                let wanted = wanted.to_digit(10);
                let found = steps(from, to).and_then(|steps| u32::try_from(steps.len()).ok());
                assert_eq!(found, wanted, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn nothing_comes_after_conversion_and_only_what_is_open_converts() {
        for other in ALL {
            assert_eq!(steps(Status::Converted, other).is_some(), other == Status::Converted);
            assert_eq!(steps(Status::Unspecified, other), None, "{other:?}");
        }
    }

    #[test]
    fn what_had_left_comes_back_as_new() {
        assert_eq!(steps(Status::Recycled, Status::Assigned), Some(vec![Status::New, Status::Assigned]));
        assert_eq!(steps(Status::Disqualified, Status::New), Some(vec![Status::New]));
        assert_eq!(steps(Status::Disqualified, Status::Duplicate), None);
    }
}

//! What a contact has several of: e-mail addresses, telephone numbers and ties to accounts. Of each list exactly one is primary when there is
//! any; the first is when the caller names none.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use crm_kit_api::time;
use crm_proto::crm::customer::v1::{ContactAccount, ContactEmail, ContactPhone, ContactPointKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crm_kit_record::Choice;
use crm_kit_record::field::Checker;

/// An e-mail address or a telephone number as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The address, or the number in E.164.
    pub value: String,
    /// What it is used for.
    pub kind: Choice<ContactPointKind>,
    /// Whether it is the one to use first.
    pub primary: bool,
    /// Whether the person confirmed it.
    pub verified: bool,
}

/// A tie to an account as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    /// The account.
    pub account_id: Uuid,
    /// Part the person plays there.
    pub role: String,
    /// First day; `None` is always.
    pub from_date: Option<NaiveDate>,
    /// Last day; `None` is until further notice.
    pub to_date: Option<NaiveDate>,
    /// Whether it is the person's main account.
    pub primary: bool,
}

/// The primary one of a list; `None` only of an empty list.
pub fn primary(points: &[Point]) -> Option<&Point> {
    points.iter().find(|point| point.primary)
}

/// Takes the ties to accounts away; the first of those that stay becomes the primary one when that is among those that go.
pub fn untie(ties: &mut Vec<Tie>, account_ids: &[Uuid]) {
    ties.retain(|tie| !account_ids.contains(&tie.account_id));
    if ties.iter().all(|tie| !tie.primary)
        && let Some(first) = ties.first_mut()
    {
        first.primary = true;
    }
}

/// Lets ties to accounts be ties to another one. Of two ties with the same part there and some day in common the first stays, and is primary when either was.
pub fn retie(ties: &mut Vec<Tie>, account_ids: &[Uuid], into: Uuid) {
    if !ties.iter().any(|tie| account_ids.contains(&tie.account_id)) {
        return;
    }
    let mut kept: Vec<Tie> = Vec::with_capacity(ties.len());
    for mut tie in ties.drain(..) {
        if account_ids.contains(&tie.account_id) {
            tie.account_id = into;
        }
        let same = kept.iter_mut().find(|known| {
            (known.account_id, &known.role) == (tie.account_id, &tie.role) && known.overlaps(&tie)
        });
        match same {
            Some(known) => known.primary |= tie.primary,
            None => kept.push(tie),
        }
    }
    *ties = kept;
}

/// Reads e-mail addresses. One that stands twice, also in other letter case, is refused.
pub fn read_emails(field: &str, wire: Vec<ContactEmail>, check: &mut Checker<'_>) -> Vec<Point> {
    let points = wire.into_iter().enumerate().map(|(index, email)| {
        let place = format!("{field}[{index}].address");
        let value = required(&place, &email.address, check, Checker::email);
        Point { value, kind: Choice(email.kind()), primary: email.primary, verified: email.verified }
    });
    let points = points.collect();
    settled(field, points, check)
}

/// Reads telephone numbers. One that stands twice, however it is spelled, is refused.
pub fn read_phones(field: &str, wire: Vec<ContactPhone>, check: &mut Checker<'_>) -> Vec<Point> {
    let points = wire.into_iter().enumerate().map(|(index, phone)| {
        let place = format!("{field}[{index}].number");
        let value = required(&place, &phone.number, check, Checker::phone);
        Point { value, kind: Choice(phone.kind()), primary: phone.primary, verified: phone.verified }
    });
    let points = points.collect();
    settled(field, points, check)
}

/// Reads ties. An account may stand several times, for other parts and other days; a tie with the part and some day of another is refused.
pub fn read_ties(field: &str, wire: Vec<ContactAccount>, check: &mut Checker<'_>) -> Vec<Tie> {
    let mut ties: Vec<Tie> = Vec::with_capacity(wire.len());
    for (index, wire) in wire.into_iter().enumerate() {
        let place = format!("{field}[{index}]");
        let tie = read_tie(&place, wire, check);
        let repeats = |other: &Tie| {
            (other.account_id, &other.role) == (tie.account_id, &tie.role) && other.overlaps(&tie)
        };
        if !tie.account_id.is_nil() && ties.iter().any(repeats) {
            check.refuse(&place, "REPEATED", "repeats the account and the role of another for the same days");
        }
        ties.push(tie);
    }
    settle_primary(field, ties.iter_mut().map(|tie| &mut tie.primary).collect(), check);
    ties
}

/// An e-mail address on the wire.
pub fn email_to_wire(point: &Point) -> ContactEmail {
    ContactEmail {
        address: point.value.clone(),
        kind: point.kind.number(),
        primary: point.primary,
        verified: point.verified,
    }
}

/// A telephone number on the wire.
pub fn phone_to_wire(point: &Point) -> ContactPhone {
    ContactPhone {
        number: point.value.clone(),
        kind: point.kind.number(),
        primary: point.primary,
        verified: point.verified,
    }
}

impl Tie {
    /// The tie on the wire.
    pub fn to_wire(&self) -> ContactAccount {
        ContactAccount {
            account_id: self.account_id.to_string(),
            role: self.role.clone(),
            from_date: self.from_date.map(time::date),
            to_date: self.to_date.map(time::date),
            primary: self.primary,
        }
    }

    /// Whether both hold on some day.
    fn overlaps(&self, other: &Self) -> bool {
        let begins = |tie: &Self| tie.from_date.unwrap_or(NaiveDate::MIN);
        let ends = |tie: &Self| tie.to_date.unwrap_or(NaiveDate::MAX);
        begins(self) <= ends(other) && begins(other) <= ends(self)
    }
}

fn read_tie(place: &str, wire: ContactAccount, check: &mut Checker<'_>) -> Tie {
    let id_place = format!("{place}.account_id");
    if wire.account_id.is_empty() {
        check.refuse(&id_place, "REQUIRED", "is required");
    }
    let account_id = check.reference(&id_place, &wire.account_id).unwrap_or_default();
    let mut day = |name: &str, date: Option<crm_proto::google::r#type::Date>| {
        let path = check.at(&format!("{place}.{name}"));
        date.and_then(|date| time::naive_date(&path, &date, check.violations()))
    };
    let (from_date, to_date) = (day("from_date", wire.from_date), day("to_date", wire.to_date));
    if from_date.zip(to_date).is_some_and(|(from, to)| to < from) {
        check.refuse(&format!("{place}.to_date"), "DATE_ORDER", "lies before from_date");
    }
    let role = check.line(&format!("{place}.role"), wire.role, 100);
    Tie { account_id, role, from_date, to_date, primary: wire.primary }
}

fn required<'c>(
    place: &str,
    text: &str,
    check: &mut Checker<'c>,
    read: fn(&mut Checker<'c>, &str, &str) -> String,
) -> String {
    if text.is_empty() {
        check.refuse(place, "REQUIRED", "is required");
    }
    read(check, place, text)
}

/// The points with one primary, each refused that stands twice.
fn settled(field: &str, mut points: Vec<Point>, check: &mut Checker<'_>) -> Vec<Point> {
    let mut seen = BTreeSet::new();
    for (index, point) in points.iter().enumerate() {
        if !point.value.is_empty() && !seen.insert(point.value.to_lowercase()) {
            check.refuse(&format!("{field}[{index}]"), "REPEATED", "stands twice");
        }
    }
    settle_primary(field, points.iter_mut().map(|point| &mut point.primary).collect(), check);
    points
}

/// Refuses every primary one after the first, and makes the first of all primary when none is.
fn settle_primary(field: &str, flags: Vec<&mut bool>, check: &mut Checker<'_>) {
    let given = flags.iter().enumerate().filter(|(_, flag)| ***flag).map(|(index, _)| index);
    let given: Vec<usize> = given.collect();
    for index in given.iter().skip(1) {
        let message = "another one is primary; at most one may be";
        check.refuse(&format!("{field}[{index}].primary"), "PRIMARY_REPEATED", message);
    }
    if let (true, Some(first)) = (given.is_empty(), flags.into_iter().next()) {
        *first = true;
    }
}

#[cfg(test)]
mod tests {
    use crm_proto::google::r#type::Date;

    use super::*;

    const ACCOUNTS: [&str; 2] =
        ["0190a000-0000-7000-8000-000000000001", "0190a000-0000-7000-8000-000000000002"];

    fn violations(check: Checker<'_>) -> Vec<(String, String)> {
        let list = check.into_violations().into_result(()).err();
        let list = list.map(|error| error.violations().to_vec()).unwrap_or_default();
        list.into_iter().map(|violation| (violation.field.clone(), violation.code.to_string())).collect()
    }

    fn email(address: &str, primary: bool) -> ContactEmail {
        ContactEmail { address: address.to_owned(), primary, ..ContactEmail::default() }
    }

    fn tie(account: usize, role: &str, days: [Option<i32>; 2]) -> ContactAccount {
        let day = |year: Option<i32>| year.map(|year| Date { year, month: 1, day: 1 });
        ContactAccount {
            account_id: ACCOUNTS[account].to_owned(),
            role: role.to_owned(),
            from_date: day(days[0]),
            to_date: day(days[1]),
            primary: false,
        }
    }

    #[test]
    fn exactly_one_point_is_primary() {
        type Case<'a> = (&'a [(&'a str, bool)], &'a [bool], &'a [(&'a str, &'a str)]);
        let table: [Case<'_>; 6] = [
            (&[], &[], &[]),
            (&[("a@x.cn", false), ("b@x.cn", false)], &[true, false], &[]),
            (&[("a@x.cn", false), ("b@x.cn", true)], &[false, true], &[]),
            (
                &[("a@x.cn", true), ("b@x.cn", false), ("c@x.cn", true)],
                &[true, false, true],
                &[("contact.emails[2].primary", "PRIMARY_REPEATED")],
            ),
            (&[("a@x.cn", false), ("A@X.cn", false)], &[true, false], &[("contact.emails[1]", "REPEATED")]),
            (
                &[("", false), ("nobody", false)],
                &[true, false],
                &[("contact.emails[0].address", "REQUIRED"), ("contact.emails[1].address", "EMAIL_NO_AT")],
            ),
        ];
        for (given, flags, wanted) in table {
            let mut check = Checker::new("contact", "CN");
            let wire = given.iter().map(|(address, primary)| email(address, *primary)).collect();
            let points = read_emails("emails", wire, &mut check);
            assert_eq!(points.iter().map(|point| point.primary).collect::<Vec<_>>(), flags);
            let wanted: Vec<_> =
                wanted.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect();
            assert_eq!(violations(check), wanted);
        }
    }

    #[test]
    fn a_number_is_one_however_it_is_spelled() {
        let mut check = Checker::new("contact", "CN");
        let phone = |number: &str| ContactPhone { number: number.to_owned(), ..ContactPhone::default() };
        let wire = vec![phone("138 0013 8000"), phone("+86-13800138000"), phone("+1 415 555 2671")];
        let points = read_phones("phones", wire, &mut check);
        assert_eq!(points[0].value, "+8613800138000");
        assert_eq!(violations(check), [("contact.phones[1]".to_owned(), "REPEATED".to_owned())]);
    }

    #[test]
    fn ties_end_after_they_begin_and_do_not_repeat_each_other() {
        let (all, early) = ([None, None], [None, Some(2015)]);
        let (middle, late) = ([Some(2015), Some(2020)], [Some(2021), None]);
        let table = [
            (vec![tie(0, "", all), tie(1, "", all)], None),
            (vec![tie(0, "buyer", all), tie(0, "user", all)], None),
            (vec![tie(0, "", middle), tie(0, "", late)], None),
            (vec![tie(0, "", early), tie(0, "", middle)], Some(("contact.accounts[1]", "REPEATED"))),
            (vec![tie(0, "", late), tie(0, "", all)], Some(("contact.accounts[1]", "REPEATED"))),
            (vec![tie(0, "", [Some(2020), Some(2020)])], None),
            (
                vec![tie(0, "", all), tie(1, "", [Some(2021), Some(2020)])],
                Some(("contact.accounts[1].to_date", "DATE_ORDER")),
            ),
            (vec![tie(0, "", [Some(0), None])], Some(("contact.accounts[0].from_date", "DATE_INVALID"))),
            (vec![ContactAccount::default()], Some(("contact.accounts[0].account_id", "REQUIRED"))),
        ];
        for (wire, wanted) in table {
            let mut check = Checker::new("contact", "CN");
            let ties = read_ties("accounts", wire.clone(), &mut check);
            assert!(ties[0].primary, "the first is primary when none says so");
            let wanted: Vec<_> =
                wanted.into_iter().map(|(field, code)| (field.to_owned(), code.to_owned())).collect();
            assert_eq!(violations(check), wanted, "{wire:?}");
        }
    }
}

//! Recycle rules as filters: which records a rule takes back at an instant, and since when it might have.
//!
//! A rule never matches by a date that is missing: the last follow-up is the latest of last activity, claim and creation, of which creation is always
//! there. So a record that was claimed today is not late, whatever was done before its owner had it.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use crm_kit_api::{
    Call, Result,
    error::Violations,
    filter::{Filter, Schema},
};

use super::{
    model::{HeldFrom, Pool, RecycleRule},
    place::Times,
};

/// The records that a rule takes back now. `in_work` is what the kind of record says of those that somebody works on.
pub fn filter(
    rule: &RecycleRule,
    pool: &Pool,
    (schema, in_work): (&Schema, &str),
    now: DateTime<Utc>,
) -> Result<Filter> {
    Ok(Filter::parse(&text(rule, pool, in_work, now), schema)?)
}

fn text(rule: &RecycleRule, pool: &Pool, in_work: &str, now: DateTime<Utc>) -> String {
    let before = |days: i32| {
        let instant = now - TimeDelta::days(days.into());
        format!("timestamp(\"{}\")", instant.to_rfc3339_opts(SecondsFormat::Secs, true))
    };
    let mut parts = vec![in_work.to_owned()];
    if !rule.condition.trim().is_empty() {
        parts.push(format!("({})", rule.condition));
    }
    if rule.not_followed_days > 0 {
        let late = before(rule.not_followed_days);
        parts.push(format!(
            "create_time <= {late} && (!has(claim_time) || claim_time <= {late}) && \
             (!has(last_activity_time) || last_activity_time <= {late})"
        ));
    }
    if rule.held_days > 0 {
        let late = before(rule.held_days);
        parts.push(match rule.held_from {
            HeldFrom::Created => format!("create_time <= {late}"),
            HeldFrom::Claimed => format!("claim_time <= {late}"),
            HeldFrom::ClaimedOrCreated => {
                format!("create_time <= {late} && (!has(claim_time) || claim_time <= {late})")
            }
        });
    }
    if pool.protection_days > 0 {
        parts.push(format!("(!has(claim_time) || claim_time <= {})", before(pool.protection_days)));
    }
    parts.join(" && ")
}

/// The day since which a rule holds for a record, as far as its days tell; a rule without days holds since the record came to its owner.
pub fn due_date(rule: &RecycleRule, times: Times) -> NaiveDate {
    let later = |days: i32, from: DateTime<Utc>| from + TimeDelta::days(days.into());
    let got = times.claimed.unwrap_or(times.created);
    let followed = times.last_activity.map_or(got, |activity| activity.max(got));
    let held = if rule.held_from == HeldFrom::Created { times.created } else { got };
    let mut due = got;
    if rule.not_followed_days > 0 {
        due = due.max(later(rule.not_followed_days, followed));
    }
    if rule.held_days > 0 {
        due = due.max(later(rule.held_days, held));
    }
    due.date_naive()
}

/// Checks the expressions of a pool, and that each rule says something.
pub fn check(call: &Call, pool: &Pool, kind: (&Schema, &str), violations: &mut Violations) {
    let mut parse = |field: String, text: &str| {
        if let Err(error) = Filter::parse(text, kind.0) {
            violations.add(field, "FILTER_INVALID", error.to_string());
            return false;
        }
        true
    };
    parse("pool.holding_exempt".to_owned(), &pool.holding_exempt);
    let rules = pool.recycle_rules.iter().enumerate();
    let sound: Vec<bool> = rules
        .map(|(index, rule)| parse(format!("pool.recycle_rules[{index}].condition"), &rule.condition))
        .collect();
    let mut keys = BTreeSet::new();
    for ((index, rule), sound) in pool.recycle_rules.iter().enumerate().zip(sound) {
        let place = format!("pool.recycle_rules[{index}]");
        if !keys.insert(&rule.key) {
            violations.add(format!("{place}.key"), "REPEATED", "stands twice in the pool");
        }
        let says = !rule.condition.trim().is_empty() || rule.not_followed_days > 0 || rule.held_days > 0;
        if !says {
            violations.add(&place, "RULE_EMPTY", "takes back every record: state a condition or days");
        }
        // With what the rule adds, the whole must keep to the limits of expressions too.
        if sound && filter(rule, pool, kind, call.now).is_err() {
            violations.add(format!("{place}.condition"), "FILTER_INVALID", "is too long or too deep");
        }
    }
}

#[cfg(test)]
mod tests {
    use crm_kit_api::filter::{Field, Kind, Value};

    use super::*;

    static FIELDS: &[Field] = &[
        Field::new("owner_id", Kind::Uuid, "owner_id").nullable(),
        Field::new("region", Kind::Text, "region"),
        Field::new("create_time", Kind::Timestamp, "create_time"),
        Field::new("claim_time", Kind::Timestamp, "claim_time").nullable(),
        Field::new("last_activity_time", Kind::Timestamp, "last_activity_time").nullable(),
    ];

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::days(day)
    }

    fn matches(rule: &RecycleRule, pool: &Pool, times: Times) -> bool {
        let filter = filter(rule, pool, (&Schema::new(FIELDS), "has(owner_id)"), day(0)).unwrap();
        let time = |time: Option<DateTime<Utc>>| time.map_or(Value::Null, Value::Timestamp);
        let lookup = move |path: &str| match path {
            "owner_id" => Value::Uuid(uuid::Uuid::from_u128(1)),
            "region" => Value::Text("South".into()),
            "create_time" => Value::Timestamp(times.created),
            "claim_time" => time(times.claimed),
            _ => time(times.last_activity),
        };
        filter.matches(&lookup, day(0))
    }

    fn times(created: i64, claimed: Option<i64>, last_activity: Option<i64>) -> Times {
        Times { created: day(created), claimed: claimed.map(day), last_activity: last_activity.map(day) }
    }

    #[test]
    fn a_record_is_late_by_its_last_follow_up_and_never_by_a_date_that_is_missing() {
        let rule = RecycleRule { not_followed_days: 30, ..RecycleRule::default() };
        let pool = Pool::default();
        for (times, late) in [
            (times(-31, None, None), true),
            (times(-29, None, None), false),
            (times(-100, Some(0), None), false),
            (times(-100, Some(-31), None), true),
            (times(-100, Some(-31), Some(-3)), false),
            (times(-100, Some(-31), Some(-40)), true),
            (times(-100, Some(0), Some(-90)), false),
        ] {
            assert_eq!(matches(&rule, &pool, times), late, "{times:?}");
        }
    }

    #[test]
    fn days_held_count_from_where_the_rule_says() {
        let held = |held_from| RecycleRule { held_days: 30, held_from, ..RecycleRule::default() };
        let pool = Pool::default();
        for (times, created, claimed, either) in [
            (times(-31, None, Some(-1)), true, false, true),
            (times(-31, Some(-1), None), true, false, false),
            (times(-90, Some(-31), Some(0)), true, true, true),
            (times(-1, None, None), false, false, false),
        ] {
            assert_eq!(matches(&held(HeldFrom::Created), &pool, times), created, "{times:?}");
            assert_eq!(matches(&held(HeldFrom::Claimed), &pool, times), claimed, "{times:?}");
            assert_eq!(matches(&held(HeldFrom::ClaimedOrCreated), &pool, times), either, "{times:?}");
        }
    }

    #[test]
    fn conditions_and_protection_hold_beside_the_days() {
        let rule =
            |condition: &str| RecycleRule { condition: condition.to_owned(), ..RecycleRule::default() };
        let pool = Pool::default();
        assert!(matches(&rule("region == \"South\""), &pool, times(0, None, None)));
        assert!(!matches(&rule("region == \"North\" || false"), &pool, times(0, None, None)));
        let pool = Pool { protection_days: 7, ..pool };
        assert!(!matches(&rule("region == \"South\""), &pool, times(-9, Some(-6), None)));
        assert!(matches(&rule("region == \"South\""), &pool, times(-9, Some(-8), None)));
    }

    #[test]
    fn a_rule_is_due_on_the_day_its_days_are_over() {
        let rule = RecycleRule { not_followed_days: 30, ..RecycleRule::default() };
        assert_eq!(due_date(&rule, times(-100, None, None)), day(-70).date_naive());
        assert_eq!(due_date(&rule, times(-100, Some(-50), Some(-40))), day(-10).date_naive());
        let rule = RecycleRule { held_days: 10, held_from: HeldFrom::Created, ..rule };
        assert_eq!(due_date(&rule, times(-100, Some(-50), None)), day(-20).date_naive());
        assert_eq!(due_date(&RecycleRule::default(), times(-100, Some(-50), None)), day(-50).date_naive());
    }
}

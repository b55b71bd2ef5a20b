//! Business calendars: their life, the guard of days that have begun, and working time counted by them.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::time::{date, timestamp};
use crm_proto::crm::platform::v1::{
    AddWorkingTimeRequest, BusinessCalendar, CreateBusinessCalendarRequest, DayOfWeek,
    DeleteBusinessCalendarRequest, GetBusinessCalendarRequest, ListBusinessCalendarsRequest,
    MeasureWorkingTimeRequest, MeasureWorkingTimeResponse, SetBusinessCalendarYearRequest, SpecialDay,
    TimeSpan, UpdateBusinessCalendarRequest, WeeklyHours, WeeklySpan, add_working_time_request::Amount,
    business_calendar_service_client::BusinessCalendarServiceClient, special_day::Kind,
};
use crm_testkit::{
    callers::Bearer,
    shared,
    status::{assert_error, metadata, violations},
};
use prost_types::{Duration, FieldMask};
use tonic::{Code, Status};

use crate::harness::{Wire, World, named};

fn client(world: &World, token: &str) -> BusinessCalendarServiceClient<Wire> {
    BusinessCalendarServiceClient::new(Bearer::new(token).on(&world.channel))
}

fn span(start: &str, end: &str) -> TimeSpan {
    TimeSpan { start: start.into(), end: end.into() }
}

/// Monday to Friday, with a break at noon.
fn office() -> WeeklyHours {
    let days =
        [DayOfWeek::Monday, DayOfWeek::Tuesday, DayOfWeek::Wednesday, DayOfWeek::Thursday, DayOfWeek::Friday];
    let spans = days.iter().flat_map(|day| {
        let spans = [span("09:00", "12:00"), span("13:00", "18:00")];
        spans.map(|span| WeeklySpan { day_of_week: i32::from(*day), span: Some(span) })
    });
    WeeklyHours { start_date: None, spans: spans.collect() }
}

fn offices(name: &str) -> BusinessCalendar {
    BusinessCalendar {
        display_name: name.into(),
        weekly_hours: vec![office()],
        ..BusinessCalendar::default()
    }
}

fn special(day: &str, kind: Kind) -> SpecialDay {
    let day: NaiveDate = day.parse().unwrap();
    SpecialDay { date: Some(date(day)), kind: kind.into(), ..SpecialDay::default() }
}

fn at(text: &str) -> Option<prost_types::Timestamp> {
    text.parse::<DateTime<Utc>>().ok().map(timestamp)
}

async fn create(world: &World, calendar: BusinessCalendar) -> Result<BusinessCalendar, Status> {
    let request = CreateBusinessCalendarRequest { business_calendar: Some(calendar) };
    client(world, &world.admin).create_business_calendar(request).await.map(tonic::Response::into_inner)
}

async fn update(
    world: &World,
    calendar: &BusinessCalendar,
    path: &str,
    change_past: bool,
) -> Result<BusinessCalendar, Status> {
    let request = UpdateBusinessCalendarRequest {
        business_calendar: Some(calendar.clone()),
        update_mask: Some(FieldMask { paths: vec![path.into()] }),
        change_past,
    };
    client(world, &world.admin).update_business_calendar(request).await.map(tonic::Response::into_inner)
}

async fn set_year(
    world: &World,
    id: &str,
    year: i32,
    special_days: Vec<SpecialDay>,
) -> Result<BusinessCalendar, Status> {
    let request = SetBusinessCalendarYearRequest { id: id.into(), year, special_days, ..Default::default() };
    client(world, &world.admin).set_business_calendar_year(request).await.map(tonic::Response::into_inner)
}

async fn end(world: &World, id: &str, start: &str, amount: Amount) -> Result<String, Status> {
    let request = AddWorkingTimeRequest { id: id.into(), start_time: at(start), amount: Some(amount) };
    let response = client(world, &world.admin).add_working_time(request).await?.into_inner();
    let end = response.end_time.unwrap();
    Ok(DateTime::from_timestamp(end.seconds, end.nanos.cast_unsigned()).unwrap().to_rfc3339())
}

fn hours(hours: i64) -> Amount {
    Amount::WorkingTime(Duration { seconds: hours * 3600, nanos: 0 })
}

async fn measured(
    world: &World,
    id: &str,
    start: &str,
    end: &str,
) -> Result<MeasureWorkingTimeResponse, Status> {
    let request = MeasureWorkingTimeRequest { id: id.into(), start_time: at(start), end_time: at(end) };
    client(world, &world.admin).measure_working_time(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_calendar_lives_in_versions() {
    let world = World::new().await;
    let mut calendar = create(&world, offices("Head office")).await.unwrap();
    assert_eq!((calendar.version, calendar.time_zone.as_str()), (1, "Asia/Shanghai"), "the tenant's zone");
    calendar.display_name = "Shanghai".into();
    let renamed = update(&world, &calendar, "display_name", false).await.unwrap();
    assert_eq!(
        (renamed.version, renamed.weekly_hours.clone()),
        (1, vec![office()]),
        "a name is no new version"
    );

    // The clock of the tests shows 2027-01-15, 16:00 in Shanghai.
    let holiday = SpecialDay { display_name: " 春节 ".into(), ..special("2027-02-08", Kind::Holiday) };
    let worked = special("2027-02-06", Kind::MakeUpWorkday);
    let set = set_year(&world, &calendar.id, 2027, vec![holiday, worked]).await.unwrap();
    let names: Vec<_> = set.special_days.iter().map(|day| (day.display_name.as_str(), day.like())).collect();
    assert_eq!(set.version, 2);
    assert_eq!(names, [("", DayOfWeek::Monday), ("春节", DayOfWeek::Unspecified)], "by date, and filled in");
    let same = set_year(&world, &calendar.id, 2027, set.special_days.clone()).await.unwrap();
    assert_eq!((same.version, &same.etag), (2, &set.etag), "the same again writes nothing");
    let later =
        set_year(&world, &calendar.id, 2028, vec![special("2028-01-03", Kind::Holiday)]).await.unwrap();
    assert_eq!((later.version, later.special_days.len()), (3, 3), "other years stay");

    let stale = UpdateBusinessCalendarRequest {
        business_calendar: Some(BusinessCalendar { etag: renamed.etag, ..later.clone() }),
        update_mask: Some(FieldMask { paths: vec!["display_name".into()] }),
        change_past: false,
    };
    let stale = client(&world, &world.admin).update_business_calendar(stale).await;
    assert_error(stale, Code::Aborted, "ETAG_MISMATCH");
    assert_error(create(&world, offices(" SHANGHAI ")).await, Code::AlreadyExists, "NAME_TAKEN");

    let mut api = client(&world, &world.admin);
    let delete = DeleteBusinessCalendarRequest { id: calendar.id.clone(), etag: later.etag };
    api.delete_business_calendar(delete).await.unwrap();
    let gone = api.get_business_calendar(GetBusinessCalendarRequest { id: calendar.id }).await;
    assert_error(gone, Code::NotFound, "NOT_FOUND");
    create(&world, offices("Shanghai")).await.unwrap();
    let page = ListBusinessCalendarsRequest { page_size: 1, ..Default::default() };
    let listed = api.list_business_calendars(page).await.unwrap().into_inner();
    assert_eq!((listed.business_calendars.len(), listed.next_page_token.as_str()), (1, ""));
}

#[tokio::test]
async fn days_that_have_begun_change_only_when_told_to() {
    let world = World::new().await;
    let calendar = create(&world, offices("Head office")).await.unwrap();
    let yesterday = set_year(&world, &calendar.id, 2027, vec![special("2027-01-14", Kind::Holiday)]).await;
    let refused = assert_error(yesterday, Code::FailedPrecondition, "CALENDAR_PAST");
    assert_eq!(metadata(&refused, "date"), "2027-01-14");
    let today = set_year(&world, &calendar.id, 2027, vec![special("2027-01-15", Kind::Holiday)]).await;
    assert_error(today, Code::FailedPrecondition, "CALENDAR_PAST");
    let tomorrow =
        set_year(&world, &calendar.id, 2027, vec![special("2027-01-16", Kind::MakeUpWorkday)]).await.unwrap();
    assert_eq!(tomorrow.version, 2);

    let start = date("2027-02-01".parse().unwrap());
    let mut short = office();
    short.spans.truncate(1);
    let mut changed = tomorrow.clone();
    changed.weekly_hours.push(WeeklyHours { start_date: Some(start), ..short.clone() });
    let changed = update(&world, &changed, "weekly_hours", false).await.unwrap();
    assert_eq!(changed.version, 3, "hours from a later day on");

    let rewritten = BusinessCalendar { weekly_hours: vec![short], ..changed };
    let refused = update(&world, &rewritten, "weekly_hours", false).await;
    let refused = assert_error(refused, Code::FailedPrecondition, "CALENDAR_PAST");
    assert!(metadata(&refused, "date").starts_with("1986-12-"), "all time before: {refused:?}");
    assert_eq!(update(&world, &rewritten, "weekly_hours", true).await.unwrap().version, 4);
}

#[tokio::test]
async fn a_calendar_that_is_none_is_refused_with_every_reason() {
    let world = World::new().await;
    let spans = |spans: &[(&str, &str)]| {
        let spans =
            spans.iter().map(|(start, end)| WeeklySpan { day_of_week: 1, span: Some(span(start, end)) });
        WeeklyHours { start_date: None, spans: spans.collect() }
    };
    let worked =
        SpecialDay { spans: vec![span("09:00", "10:00")], ..special("2027-02-06", Kind::MakeUpWorkday) };
    let calendar = BusinessCalendar {
        time_zone: "Europe/Atlantis".into(),
        weekly_hours: vec![spans(&[("09:00", "12:00"), ("11:59", "13:00")]), spans(&[])],
        special_days: vec![worked.clone(), worked, special("2027-02-07", Kind::SpecialHours)],
        ..BusinessCalendar::default()
    };
    let refused = assert_error(create(&world, calendar).await, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [
        ("business_calendar.display_name", "REQUIRED"),
        ("business_calendar.time_zone", "TIME_ZONE_UNKNOWN"),
        ("business_calendar.weekly_hours[0].spans", "SPANS_OVERLAP"),
        ("business_calendar.weekly_hours[1].start_date", "REQUIRED"),
        ("business_calendar.special_days[0].spans", "NOT_ALLOWED"),
        ("business_calendar.special_days[1].spans", "NOT_ALLOWED"),
        ("business_calendar.special_days[1].date", "DUPLICATE"),
        ("business_calendar.special_days[2].spans", "REQUIRED"),
        ("business_calendar.weekly_hours", "NO_WORKING_TIME"),
    ];
    let expected = expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()));
    assert_eq!(violations(&refused), expected);

    let long = BusinessCalendar { weekly_hours: vec![spans(&[("08:00", "7:00")])], ..offices("Long") };
    let refused = assert_error(create(&world, long).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&refused)[0].0, "business_calendar.weekly_hours[0].spans[0].span.end");
    let calendar = create(&world, offices("Head office")).await.unwrap();
    let unordered = BusinessCalendar {
        special_days: vec![special("2027-03-02", Kind::SpecialHours), special("2027-03-01", Kind::Holiday)],
        ..offices("Unordered")
    };
    let refused = assert_error(create(&world, unordered).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        violations(&refused)[0].0,
        "business_calendar.special_days[0].spans",
        "the place it was sent at"
    );
    let hours = vec![special("2027-03-01", Kind::Holiday), special("2027-03-02", Kind::SpecialHours)];
    set_year(&world, &calendar.id, 2028, vec![special("2028-01-03", Kind::Holiday)]).await.unwrap();
    let refused = set_year(&world, &calendar.id, 2027, hours).await;
    let refused = assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&refused), [("special_days[1].spans".into(), "REQUIRED".into())]);
    let elsewhere = set_year(&world, &calendar.id, 2028, vec![special("2027-02-06", Kind::Holiday)]).await;
    let elsewhere = assert_error(elsewhere, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&elsewhere), [("special_days[0].date".into(), "YEAR_DIFFERS".into())]);
}

#[tokio::test]
async fn years_set_one_by_one_have_a_bound_together() {
    let world = World::new().await;
    let id = create(&world, offices("Head office")).await.unwrap().id;
    let year = |year: i32| {
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let days = first.iter_days().take(365);
        days.map(|day| special(&day.to_string(), Kind::Holiday)).collect::<Vec<_>>()
    };
    for number in 2028..2033 {
        set_year(&world, &id, number, year(number)).await.unwrap();
    }
    let refused = set_year(&world, &id, 2033, year(2033)).await;
    let refused = assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&refused), [("business_calendar.special_days".into(), "TOO_MANY".into())]);
}

#[tokio::test]
async fn working_time_is_added_and_measured() {
    let world = World::new().await;
    let id = create(&world, offices("Head office")).await.unwrap().id;
    // Friday, 10:00 in Shanghai.
    let friday = "2026-03-06T02:00:00Z";
    assert_eq!(end(&world, &id, friday, hours(7)).await.unwrap(), "2026-03-06T10:00:00+00:00");
    assert_eq!(end(&world, &id, friday, hours(8)).await.unwrap(), "2026-03-09T02:00:00+00:00");
    assert_eq!(end(&world, &id, friday, Amount::WorkingDays(1)).await.unwrap(), "2026-03-09T10:00:00+00:00");
    let week = measured(&world, &id, friday, "2026-03-13T02:00:00Z").await.unwrap();
    let seconds = week.working_time.map(|time| time.seconds);
    assert_eq!((seconds, week.working_days, week.version), (Some(40 * 3600), 5, 1));
    let back = measured(&world, &id, "2026-03-13T02:00:00Z", friday).await;
    let back = assert_error(back, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&back), [("end_time".into(), "OUT_OF_RANGE".into())]);

    let monday = WeeklySpan { day_of_week: 1, span: Some(span("00:00", "00:01")) };
    let rare = BusinessCalendar {
        weekly_hours: vec![WeeklyHours { start_date: None, spans: vec![monday] }],
        ..offices("A minute a week")
    };
    let rare = create(&world, rare).await.unwrap().id;
    assert_error(
        end(&world, &rare, friday, hours(24 * 365)).await,
        Code::FailedPrecondition,
        "NO_WORKING_TIME",
    );
    let end_of_time = end(&world, &id, "9999-12-31T10:00:00Z", hours(800)).await;
    assert_error(end_of_time, Code::FailedPrecondition, "NO_WORKING_TIME");
    let nowhere = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_error(end(&world, nowhere, friday, hours(1)).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn everybody_reads_and_few_change() {
    let world = World::new().await;
    let calendar = create(&world, offices("Head office")).await.unwrap();
    let support = world.built_in("support").await;
    let person = world.person(named("li", &[&support])).await;
    let mut api = client(&world, &person.token);
    let id = calendar.id.clone();
    assert_eq!(
        api.get_business_calendar(GetBusinessCalendarRequest { id }).await.unwrap().into_inner(),
        calendar
    );
    let delete = DeleteBusinessCalendarRequest { id: calendar.id, ..Default::default() };
    assert_error(api.delete_business_calendar(delete).await, Code::PermissionDenied, "PERMISSION_MISSING");
}

#[tokio::test]
async fn announced_holidays_of_chinese_years_go_in_whole() {
    let Some(folder) = shared::data("holidays-cn") else { return };
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
    };
    let world = World::new().await;
    let id = create(&world, offices("全国")).await.unwrap().id;
    let expected = read("expected.json");
    for (year, days) in expected["working_days_in_year"].as_object().unwrap() {
        let file = read(&format!("{year}.json"));
        let special_days = file["days"].as_array().unwrap().iter().map(|day| {
            let kind = if day["isOffDay"].as_bool().unwrap() { Kind::Holiday } else { Kind::MakeUpWorkday };
            SpecialDay {
                display_name: day["name"].as_str().unwrap().into(),
                ..special(day["date"].as_str().unwrap(), kind)
            }
        });
        let year: i32 = year.parse().unwrap();
        let request = SetBusinessCalendarYearRequest {
            id: id.clone(),
            year,
            special_days: special_days.collect(),
            change_past: true,
            ..Default::default()
        };
        client(&world, &world.admin).set_business_calendar_year(request).await.unwrap();
        let (start, end) = (format!("{}-12-31T16:00:00Z", year - 1), format!("{year}-12-31T16:00:00Z"));
        let working = measured(&world, &id, &start, &end).await.unwrap();
        let days = days.as_i64().unwrap();
        assert_eq!(i64::from(working.working_days), days, "{year}");
        assert_eq!(working.working_time.unwrap().seconds, days * 8 * 3600, "{year}");
    }
}

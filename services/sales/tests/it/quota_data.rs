//! The quotas of a published sample company (163 rows) come in by streaming upsert, and their sums come out exactly.

use std::{collections::BTreeMap, path::Path};

use crm_proto::{
    crm::{
        record::v1::{ExternalId, row_result::Outcome},
        sales::v1::{
            BulkUpsertQuotasRequest, ListQuotaSumsRequest, ListQuotasRequest, PeriodKind, Quota, QuotaSum,
        },
    },
    google::r#type::{Date, Money},
};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{quota::Quotas, rig::Rig};

/// One row: person, first day of the quarter, dollars.
type Line = (String, (i32, i32), i64);

/// The rows. Each names the last month of a quarter of a fiscal year that begins in June.
fn lines(folder: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(folder.join("SalesPersonQuotaHistory.csv")).unwrap();
    let lines = text.trim_start_matches('\u{feff}').lines().map(|line| {
        let parts: Vec<&str> = line.split('\t').collect();
        let (year, month): (i32, i32) = (parts[1][..4].parse().unwrap(), parts[1][5..7].parse().unwrap());
        let start = if month <= 2 { (year - 1, month + 10) } else { (year, month - 2) };
        (parts[0].to_owned(), start, parts[2].strip_suffix(".0000").unwrap().parse().unwrap())
    });
    lines.collect()
}

async fn sums(quotas: &mut Quotas, kind: PeriodKind) -> Vec<QuotaSum> {
    let request = ListQuotaSumsRequest { period_kind: kind.into(), ..Default::default() };
    quotas.0.list_quota_sums(request).await.unwrap().into_inner().sums
}

fn units(money: Option<&Money>) -> i64 {
    let money = money.unwrap();
    assert_eq!((money.currency_code.as_str(), money.nanos), ("USD", 0));
    money.units
}

#[tokio::test]
async fn the_sums_of_a_sample_company_are_exact() {
    let Some(folder) = crm_testkit::shared::data("adventureworks") else { return };
    let rig = Rig::new().await;
    let me = rig.administrator();
    let lines = lines(&folder);
    let people: BTreeMap<&str, Uuid> = lines.iter().map(|line| (line.0.as_str(), Uuid::new_v4())).collect();
    let ids: Vec<Uuid> = people.values().copied().collect();
    rig.database.knows(me.tenant_id, &ids).await;
    let mut quotas = Quotas::new(&rig, &me);
    quotas.fiscal_year_from(6).await;
    let rows = lines.iter().map(|(person, (year, month), dollars)| BulkUpsertQuotasRequest {
        key: Some(ExternalId { system: "sample".into(), value: format!("{person}-{year}-{month}") }),
        quota: Some(Quota {
            owner_id: people[person.as_str()].to_string(),
            period_kind: PeriodKind::Quarter.into(),
            start_date: Some(Date { year: *year, month: *month, day: 1 }),
            amount: Some(Money { currency_code: "USD".into(), units: *dollars, nanos: 0 }),
            ..Quota::default()
        }),
        update_mask: None,
    });
    let rows: Vec<_> = rows.collect();
    let mut answers = quotas.0.bulk_upsert_quotas(futures::stream::iter(rows)).await.unwrap().into_inner();
    let mut created = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        for result in &answer.results {
            assert_eq!(result.outcome(), Outcome::Created, "{result:?}");
            created += 1;
        }
    }
    assert_eq!(created, 163);
    assert!(sums(&mut quotas, PeriodKind::Unspecified).await.is_empty(), "drafts do not count");
    let request = ListQuotasRequest { page_size: 1000, ..Default::default() };
    let stored = quotas.0.list_quotas(request).await.unwrap().into_inner().quotas;
    let ids: Vec<&str> = stored.iter().map(|quota| quota.id.as_str()).collect();
    assert_eq!(quotas.publish(&ids).await.unwrap().len(), 163);

    let expected: Json =
        serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
    let expected = &expected["SalesPersonQuotaHistory"];
    let by_person: BTreeMap<&str, String> = people
        .iter()
        .map(|(name, id)| {
            let text = expected["by_person"][name].as_str().unwrap();
            (*name, format!("{id} {}", text.strip_suffix(".0000").unwrap()))
        })
        .collect();
    let told = sums(&mut quotas, PeriodKind::Unspecified).await;
    let total: i64 = told.iter().map(|sum| units(sum.amount.as_ref())).sum();
    assert_eq!(total, 95_714_000);
    let mut told: Vec<String> =
        told.iter().map(|sum| format!("{} {}", sum.owner_id, units(sum.amount.as_ref()))).collect();
    let mut wanted: Vec<String> = by_person.into_values().collect();
    told.sort();
    wanted.sort();
    assert_eq!(told, wanted);
    for (kind, year) in [(PeriodKind::Quarter, false), (PeriodKind::Year, true)] {
        let mut wanted: BTreeMap<(String, i32, i32), i64> = BTreeMap::new();
        for (person, (from_year, from_month), dollars) in &lines {
            let start = match (year, *from_month >= 6) {
                (false, _) => (*from_year, *from_month),
                (true, true) => (*from_year, 6),
                (true, false) => (*from_year - 1, 6),
            };
            *wanted.entry((people[person.as_str()].to_string(), start.0, start.1)).or_default() += dollars;
        }
        let told: BTreeMap<(String, i32, i32), i64> = sums(&mut quotas, kind)
            .await
            .into_iter()
            .map(|sum| {
                let start = sum.start_date.unwrap();
                ((sum.owner_id.clone(), start.year, start.month), units(sum.amount.as_ref()))
            })
            .collect();
        assert_eq!(told, wanted, "{kind:?}");
    }
}

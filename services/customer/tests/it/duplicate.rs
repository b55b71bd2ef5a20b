//! Duplicates: what blocks, what a search tells, and the rules behind both.

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::{
    customer::v1::{
        Account, BatchCreateAccountsRequest, BatchUpdateAccountsRequest, BulkUpsertAccountsRequest, Contact,
        ContactEmail, ContactPhone, CreateAccountRequest, CreateDuplicateRuleRequest, DeleteAccountRequest,
        DeleteDuplicateRuleRequest, DuplicateHit, DuplicateRule, GetDuplicateRuleRequest,
        ListDuplicateRulesRequest, MatchKey, SearchDuplicatesRequest, UndeleteAccountRequest,
        UpdateAccountRequest, UpdateDuplicateRuleRequest,
        duplicate_hit::{Action, State},
        duplicate_rule::Outcome,
        duplicate_rule_service_client::DuplicateRuleServiceClient,
        duplicate_service_client::DuplicateServiceClient,
        search_duplicates_request::Draft,
    },
    record::v1::{ExternalId, RowResult, row_result},
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Request, Status};

use crate::rig::{Rig, Wired, filter, named};

const CODE: &str = "91110000600037341L";
const OTHER_CODE: &str = "91310000607200000G";
const OVERRIDE: &str = "customer.duplicates.override";

fn coded(name: &str, code: &str) -> Account {
    Account { unified_social_credit_code: code.into(), ..named(name) }
}

fn person(family: &str, given: &str, email: &str, phone: &str) -> Contact {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Contact {
        family_name: family.into(),
        given_name: given.into(),
        emails: some(email)
            .map(|address| ContactEmail { address, ..ContactEmail::default() })
            .into_iter()
            .collect(),
        phones: some(phone)
            .map(|number| ContactPhone { number, ..ContactPhone::default() })
            .into_iter()
            .collect(),
        ..Contact::default()
    }
}

fn rules(rig: &Rig, caller: &Caller) -> DuplicateRuleServiceClient<Wired> {
    DuplicateRuleServiceClient::new(caller.on(&rig.channel))
}

async fn add_rule(rig: &Rig, caller: &Caller, rule: DuplicateRule) -> Result<DuplicateRule, Status> {
    let request = CreateDuplicateRuleRequest { duplicate_rule: Some(rule) };
    rules(rig, caller).create_duplicate_rule(request).await.map(tonic::Response::into_inner)
}

fn rule(collection: &str, keys: &[MatchKey], outcome: Outcome) -> DuplicateRule {
    DuplicateRule {
        display_name: "mine".into(),
        collection: collection.into(),
        keys: keys.iter().map(|key| (*key).into()).collect(),
        outcome: outcome.into(),
        ..DuplicateRule::default()
    }
}

async fn search(rig: &Rig, caller: &Caller, draft: Draft) -> Vec<DuplicateHit> {
    let request = SearchDuplicatesRequest { draft: Some(draft), max_results: 0 };
    let mut duplicates = DuplicateServiceClient::new(caller.on(&rig.channel));
    duplicates.search_duplicates(request).await.unwrap().into_inner().hits
}

async fn delete(rig: &Rig, caller: &Caller, id: &str) {
    let request = DeleteAccountRequest { id: id.to_owned(), ..DeleteAccountRequest::default() };
    rig.accounts(caller).delete_account(request).await.unwrap();
}

#[tokio::test]
async fn a_second_company_with_the_credit_code_is_refused_and_told_why() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let first = rig.create(&me, coded("北京宏图科技有限公司", CODE)).await.unwrap();
    let refused = rig.create(&me, coded("Hongtu", CODE)).await;
    let status = assert_error(refused, Code::AlreadyExists, "DUPLICATE_BLOCKED");
    assert_eq!(
        violations(&status),
        [("account.unified_social_credit_code".to_owned(), "DUPLICATE".to_owned())]
    );
    assert_eq!((metadata(&status, "rule"), metadata(&status, "key")), ("identity".into(), "IDENTITY".into()));
    assert_eq!((metadata(&status, "id"), metadata(&status, "owner_id")), (first.id.clone(), first.owner_id));
    assert!(metadata(&status, "display_name").contains('*'), "{}", metadata(&status, "display_name"));
    let third = rig.create(&me, coded("third", OTHER_CODE)).await.unwrap();
    let changed = Account { id: third.id, unified_social_credit_code: CODE.into(), ..Account::default() };
    let refused = rig.update(&me, changed, &["unified_social_credit_code"]).await;
    assert_error(refused, Code::AlreadyExists, "DUPLICATE_BLOCKED");
    assert_eq!(rig.names(&me, filter("")).await.len(), 2);
    let stranger = rig.administrator();
    rig.create(&stranger, coded("another tenant", CODE)).await.unwrap();
}

#[tokio::test]
async fn of_companies_created_at_once_one_wins() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let rounds = (0..6).map(|index| rig.create(&me, coded(&format!("racer {index}"), CODE)));
    let outcomes = futures::future::join_all(rounds).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1, "{lost:?}");
    for outcome in lost {
        assert_error(outcome, Code::AlreadyExists, "DUPLICATE_BLOCKED");
    }
    assert_eq!(rig.names(&me, filter("")).await.len(), 1);
}

#[tokio::test]
async fn a_batch_and_a_stream_are_held_to_the_rules_within_themselves() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let create = |name: &str, code: &str| CreateAccountRequest { account: Some(coded(name, code)) };
    let twice = BatchCreateAccountsRequest { requests: vec![create("a", CODE), create("b", CODE)] };
    assert_error(
        rig.accounts(&me).batch_create_accounts(twice).await,
        Code::AlreadyExists,
        "DUPLICATE_BLOCKED",
    );
    assert!(rig.names(&me, filter("")).await.is_empty(), "a batch is written whole or not at all");
    let row = |value: &str, code: &str| BulkUpsertAccountsRequest {
        key: Some(ExternalId { system: "erp".into(), value: value.into() }),
        account: Some(coded(value, code)),
        update_mask: None,
    };
    let rows = vec![row("1", CODE), row("2", CODE), row("3", OTHER_CODE)];
    let mut answers =
        rig.accounts(&me).bulk_upsert_accounts(futures::stream::iter(rows)).await.unwrap().into_inner();
    let mut results = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        results.extend(answer.results);
    }
    let outcomes: Vec<_> = results.iter().map(RowResult::outcome).collect();
    assert_eq!(
        outcomes,
        [row_result::Outcome::Created, row_result::Outcome::Failed, row_result::Outcome::Created]
    );
    assert!(results[1].status.as_ref().unwrap().message.contains("unified_social_credit_code"));
    let second = BatchCreateAccountsRequest { requests: vec![create("c", ""), create("d", CODE)] };
    let refused = rig.accounts(&me).batch_create_accounts(second).await;
    let status = assert_error(refused, Code::AlreadyExists, "DUPLICATE_BLOCKED");
    assert_eq!(violations(&status)[0].0, "requests[1].account.unified_social_credit_code");
}

#[tokio::test]
async fn two_records_exchange_their_codes_in_one_batch() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let one = rig.create(&me, coded("one", CODE)).await.unwrap();
    let two = rig.create(&me, coded("two", OTHER_CODE)).await.unwrap();
    let update = |id: &str, code: &str| UpdateAccountRequest {
        account: Some(Account {
            id: id.into(),
            unified_social_credit_code: code.into(),
            ..Account::default()
        }),
        update_mask: crate::rig::field_mask(&["unified_social_credit_code"]),
    };
    let requests = vec![update(&one.id, OTHER_CODE), update(&two.id, CODE)];
    rig.accounts(&me).batch_update_accounts(BatchUpdateAccountsRequest { requests }).await.unwrap();
    let refused = rig.create(&me, coded("three", CODE)).await;
    let status = assert_error(refused, Code::AlreadyExists, "DUPLICATE_BLOCKED");
    assert_eq!(metadata(&status, "id"), two.id);
}

#[tokio::test]
async fn a_deleted_record_frees_its_keys_and_cannot_come_back_beside_another() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let first = rig.create(&me, coded("first", CODE)).await.unwrap();
    delete(&rig, &me, &first.id).await;
    let second = rig.create(&me, coded("second", CODE)).await.unwrap();
    let undelete = || UndeleteAccountRequest { id: first.id.clone(), ..UndeleteAccountRequest::default() };
    let refused = rig.accounts(&me).undelete_account(undelete()).await;
    assert_error(refused, Code::AlreadyExists, "DUPLICATE_BLOCKED");
    delete(&rig, &me, &second.id).await;
    rig.accounts(&me).undelete_account(undelete()).await.unwrap();
    assert_error(rig.create(&me, coded("third", CODE)).await, Code::AlreadyExists, "DUPLICATE_BLOCKED");
}

#[tokio::test]
async fn a_rule_is_set_aside_by_those_who_may_and_the_audit_log_tells() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let first = rig.create(&me, coded("first", CODE)).await.unwrap();
    let overriding = |account: Account| {
        let mut request = Request::new(CreateAccountRequest { account: Some(account) });
        request.metadata_mut().insert("crm-override", OVERRIDE.parse().unwrap());
        request
    };
    let clerk = rig.callers.add(&Rights::all(me.tenant_id).with_permissions(&["customer.accounts.create"]));
    let refused = rig.accounts(&clerk).create_account(overriding(coded("second", CODE))).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    let second =
        rig.accounts(&me).create_account(overriding(coded("second", CODE))).await.unwrap().into_inner();
    let mut look = rig.database.look().await;
    let action: String = sqlx::query_scalar("SELECT action FROM audit_log WHERE record_id = $1::uuid")
        .bind(&second.id)
        .fetch_one(&mut look)
        .await
        .unwrap();
    assert_eq!(action, format!("create overriding {OVERRIDE}"));
    let renamed = Account { id: second.id.clone(), display_name: "renamed".into(), ..Account::default() };
    rig.update(&me, renamed, &["display_name"]).await.unwrap();
    // The first gives its hold up; the second still stands in the way.
    delete(&rig, &me, &first.id).await;
    assert_error(rig.create(&me, coded("third", CODE)).await, Code::AlreadyExists, "DUPLICATE_BLOCKED");
}

#[tokio::test]
async fn a_search_looks_beyond_the_scope_and_shows_no_more_than_it_may() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let mine = rig.create(&boss, named("上海宏图信息科技有限公司")).await.unwrap();
    rig.create(&boss, named("北京宏图信息科技有限公司")).await.unwrap();
    let draft = || Draft::Account(named("上海 宏图信息科技 有限责任公司"));
    let hits = search(&rig, &boss, draft()).await;
    assert_eq!(
        hits.iter().map(|hit| hit.id.as_str()).collect::<Vec<_>>(),
        [mine.id.as_str()],
        "another town is another company"
    );
    assert_eq!((hits[0].outcome(), hits[0].rule.as_str()), (Outcome::Warn, "company_name"));
    assert_eq!((hits[0].visible, hits[0].state(), hits[0].action()), (true, State::Owned, Action::Open));
    assert!(!hits[0].evidence.is_empty() && hits[0].shared_keys.contains(&MatchKey::CompanyName.into()));
    let clerk = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    let hits = search(&rig, &clerk, draft()).await;
    assert_eq!((hits[0].visible, hits[0].action()), (false, Action::AskOwner));
    assert!(hits[0].evidence.is_empty() && hits[0].probability == 0.0, "{:?}", hits[0]);
    assert!(hits[0].shared_keys.contains(&MatchKey::CompanyName.into()));
    assert_eq!(hits[0].owner_id, boss.id.to_string());
    assert!(
        hits[0].display_name.contains('*') && !hits[0].display_name.contains("宏图"),
        "{}",
        hits[0].display_name
    );
    let itself = Account { id: mine.id, ..named("上海宏图信息科技有限公司") };
    assert!(search(&rig, &boss, Draft::Account(itself)).await.is_empty());
    assert!(search(&rig, &rig.administrator(), draft()).await.is_empty(), "another tenant");
}

#[tokio::test]
async fn nobody_tries_out_values_that_are_masked_for_them() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    rig.create_contact(&boss, person("Okafor", "Ada", "ada@okafor.example", "+8613800138000")).await.unwrap();
    let seen_by = |class| rig.callers.add(&Rights::all(boss.tenant_id).masking(class, Mask::Partial));
    let (no_phone, no_email) = (seen_by(Sensitivity::Phone), seen_by(Sensitivity::Email));
    let by_phone = || Draft::Contact(person("Okafor", "Ada", "", "+8613800138000"));
    let by_email = || Draft::Contact(person("", "", "ada@okafor.example", ""));
    for (caller, draft, key, is_met) in [
        (&boss, by_phone(), MatchKey::Phone, true),
        (&boss, by_email(), MatchKey::Email, true),
        (&no_phone, by_phone(), MatchKey::Phone, false),
        (&no_phone, by_email(), MatchKey::Email, true),
        (&no_email, by_phone(), MatchKey::Phone, true),
        (&no_email, by_email(), MatchKey::Email, false),
    ] {
        let hits = search(&rig, caller, draft).await;
        let met = hits.iter().any(|hit| hit.shared_keys.contains(&key.into()));
        assert_eq!(met, is_met, "{key:?} {hits:?}");
    }
    let mut whole = person("Okafor", "Ada", "ada@okafor.example", "+8613800138000");
    whole.display_name = "Ada Okafor".into();
    let hits = search(&rig, &no_phone, Draft::Contact(whole)).await;
    assert!(!hits[0].shared_keys.contains(&MatchKey::Phone.into()));
    assert!(hits[0].evidence.iter().all(|part| part.field != "phone"), "{:?}", hits[0].evidence);
}

#[tokio::test]
async fn people_are_found_by_mailbox_name_and_telephone_in_any_spelling() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let known = rig
        .create_contact(&me, person("Müller", "Anna", "Anna+crm@Example.com", "13800138000"))
        .await
        .unwrap();
    let hits = |draft: Contact| {
        let (rig, me) = (&rig, &me);
        async move { search(rig, me, Draft::Contact(draft)).await }
    };
    let by_email = hits(person("", "", "anna@example.com", "")).await;
    assert_eq!((by_email[0].id.as_str(), by_email[0].rule.as_str()), (known.id.as_str(), "email"));
    let by_name = hits(person("Mueller", "Anna", "", "+86 138 0013 8000")).await;
    assert_eq!(by_name[0].rule, "name_and_phone");
    assert!(by_name[0].probability > 0.9, "{}", by_name[0].probability);
    assert!(hits(person("Schmidt", "Boris", "", "13900139000")).await.is_empty());
    assert!(hits(Contact::default()).await.is_empty());
}

#[tokio::test]
async fn a_key_of_more_than_twenty_records_is_no_evidence() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for index in 0..21 {
        rig.create_contact(&me, person(&format!("Family{index}"), "Given", "info@example.com", ""))
            .await
            .unwrap();
        let hits = search(&rig, &me, Draft::Contact(person("", "", "info@example.com", ""))).await;
        assert_eq!(hits.is_empty(), index == 20, "{index}");
    }
}

#[tokio::test]
async fn own_rules_take_the_place_of_the_built_in_ones() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let list = || async {
        let request = ListDuplicateRulesRequest { collection: "contacts".into() };
        rules(&rig, &me).list_duplicate_rules(request).await.unwrap().into_inner().duplicate_rules
    };
    assert!(list().await.iter().all(|rule| rule.built_in && rule.id.is_empty()) && list().await.len() == 4);
    let mut block = rule("contacts", &[MatchKey::Email], Outcome::Block);
    block.ignored_values = vec!["INFO@example.com".into()];
    let made = add_rule(&rig, &me, block).await.unwrap();
    assert_eq!(list().await, std::slice::from_ref(&made));
    let create = |email: &'static str| rig.create_contact(&me, person("Li", "Lei", email, ""));
    create("lei@example.com").await.unwrap();
    let status = assert_error(create("lei+x@example.com").await, Code::AlreadyExists, "DUPLICATE_BLOCKED");
    assert_eq!(
        (metadata(&status, "rule"), metadata(&status, "field")),
        ("mine".into(), "contact.emails".into())
    );
    create("info@example.com").await.unwrap();
    create("info@example.com").await.unwrap();
    let disabled = DuplicateRule { disabled: true, ..made.clone() };
    let request = UpdateDuplicateRuleRequest { duplicate_rule: Some(disabled), update_mask: None };
    let updated = rules(&rig, &me).update_duplicate_rule(request.clone()).await.unwrap().into_inner();
    assert_error(rules(&rig, &me).update_duplicate_rule(request).await, Code::Aborted, "ETAG_MISMATCH");
    create("lei@example.com").await.unwrap();
    let request = GetDuplicateRuleRequest { id: made.id.clone() };
    assert_eq!(rules(&rig, &me).get_duplicate_rule(request.clone()).await.unwrap().into_inner(), updated);
    rules(&rig, &me)
        .delete_duplicate_rule(DeleteDuplicateRuleRequest { id: made.id, etag: updated.etag })
        .await
        .unwrap();
    assert_error(rules(&rig, &me).get_duplicate_rule(request).await, Code::NotFound, "NOT_FOUND");
    assert!(list().await.iter().all(|rule| rule.built_in));
}

#[tokio::test]
async fn rules_that_cannot_hold_are_refused() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let table = [
        (rule("accounts", &[], Outcome::Warn), "RULE_EMPTY"),
        (rule("accounts", &[MatchKey::CompanyCore], Outcome::Block), "RULE_BLOCKS_BY_WEAK_KEY"),
        (
            rule("accounts", &[MatchKey::Phone, MatchKey::Email], Outcome::Block),
            "RULE_BLOCKS_BY_SEVERAL_KEYS",
        ),
        (
            DuplicateRule { threshold: 0.5, ..rule("accounts", &[MatchKey::Phone], Outcome::Block) },
            "RULE_BLOCKS_BY_LIKENESS",
        ),
        (rule("orders", &[MatchKey::Phone], Outcome::Warn), "COLLECTION_UNKNOWN"),
        (rule("accounts", &[MatchKey::Phone], Outcome::Unspecified), "REQUIRED"),
    ];
    for (rule, code) in table {
        let status =
            assert_error(add_rule(&rig, &me, rule.clone()).await, Code::InvalidArgument, "FIELD_INVALID");
        assert!(violations(&status).iter().any(|(_, found)| found == code), "{rule:?} {status:?}");
    }
    let sound = rule("accounts", &[MatchKey::Phone], Outcome::Warn);
    add_rule(&rig, &me, sound.clone()).await.unwrap();
    assert_error(add_rule(&rig, &me, sound.clone()).await, Code::AlreadyExists, "RULE_NAME_TAKEN");
    let clerk =
        rig.callers.add(&Rights::all(me.tenant_id).with_permissions(&["customer.duplicateRules.read"]));
    assert_error(add_rule(&rig, &clerk, sound).await, Code::PermissionDenied, "PERMISSION_MISSING");
}

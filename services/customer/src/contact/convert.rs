//! Contacts between the wire and the table. Reading collects every violation; what it returns is what will be stored.

use crm_kit_api::{Call, Result, etag, time};
use crm_proto::{
    crm::customer::v1::{Contact as Wire, LifeCycleStage},
    google::r#type::Date,
};
use sqlx::types::Json;

use super::{
    model::{BirthDate, Contact},
    part::{self, Tie},
};
use crm_kit_record::{
    Choice, address::Address, custom_field::Fields, external_id::ExternalId, field::Checker, field::id_text,
    life::purge_time,
};
use crm_kit_value::text::is_blank;

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] =
    &["id", "create_time", "update_time", "delete_time", "purge_time", "etag", "last_activity_time"];

/// Reads a contact. `base` keeps what the server sets: the stored contact of an update, a fresh one of a creation.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Contact) -> Result<Contact> {
    let mut check = Checker::new("contact", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let mut contact = standard(wire, base, &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| contact.filter_value(path), moment, &mut check);
    contact.custom = Json(custom);
    check.into_violations().into_result(contact)
}

fn standard(wire: Wire, base: Contact, check: &mut Checker<'_>) -> Contact {
    let stage = wire.life_cycle_stage();
    let follows = is_blank(&wire.display_name)
        || (wire.display_name == base.display_name && base.display_name == base.composed_name());
    let owner_id = check.reference("owner_id", &wire.owner_id).or(base.owner_id);
    let mut contact = Contact {
        family_name: check.line("family_name", wire.family_name, 100),
        given_name: check.line("given_name", wire.given_name, 100),
        middle_name: check.line("middle_name", wire.middle_name, 100),
        salutation: check.line("salutation", wire.salutation, 40),
        job_title: check.line("job_title", wire.job_title, 200),
        department: check.line("department", wire.department, 200),
        reports_to_id: check.reference("reports_to_id", &wire.reports_to_id),
        emails: Json(part::read_emails("emails", wire.emails, check)),
        phones: Json(part::read_phones("phones", wire.phones, check)),
        accounts: Json(part::read_ties("accounts", wire.accounts, check)),
        mailing_address: Address::read_optional("mailing_address", wire.mailing_address, check).map(Json),
        birth_date: wire.birth_date.and_then(|date| birth_date(date, check)).map(Json),
        language_code: language("language_code", wire.language_code, check),
        source: check.line("source", wire.source, 100),
        owner_id,
        life_cycle_stage: Choice(if stage == LifeCycleStage::Unspecified {
            LifeCycleStage::Lead
        } else {
            stage
        }),
        tags: check.tags("tags", wire.tags),
        description: check.lines("description", wire.description, 20_000),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    };
    let composed = contact.composed_name();
    let display_name = if follows && !is_blank(&composed) { composed } else { wire.display_name };
    if is_blank(&display_name) {
        check.refuse("display_name", "REQUIRED", "is required when there is no name part");
    }
    contact.display_name = check.line("display_name", display_name, 200);
    contact
}

/// A fresh contact of the caller, before anything is read into it.
pub fn fresh(call: &Call) -> Contact {
    Contact {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        delete_time: None,
        revision: 1,
        owner_id: Some(call.caller_id()),
        ..Contact::default()
    }
}

/// The contact on the wire, unmasked.
pub fn to_wire(contact: &Contact, fields: &Fields) -> Wire {
    Wire {
        id: contact.id.to_string(),
        create_time: Some(time::timestamp(contact.create_time)),
        update_time: Some(time::timestamp(contact.update_time)),
        delete_time: contact.delete_time.map(time::timestamp),
        purge_time: purge_time(contact.delete_time),
        etag: etag::of(contact.revision),
        display_name: contact.display_name.clone(),
        family_name: contact.family_name.clone(),
        given_name: contact.given_name.clone(),
        middle_name: contact.middle_name.clone(),
        salutation: contact.salutation.clone(),
        job_title: contact.job_title.clone(),
        department: contact.department.clone(),
        reports_to_id: id_text(contact.reports_to_id),
        emails: contact.emails.iter().map(part::email_to_wire).collect(),
        phones: contact.phones.iter().map(part::phone_to_wire).collect(),
        accounts: contact.accounts.iter().map(Tie::to_wire).collect(),
        mailing_address: contact.mailing_address.as_ref().map(|address| address.to_wire()),
        birth_date: contact.birth_date.map(|date| {
            let (year, month, day) = date.parts();
            Date { year, month: month.cast_signed(), day: day.cast_signed() }
        }),
        language_code: contact.language_code.clone(),
        source: contact.source.clone(),
        owner_id: id_text(contact.owner_id),
        life_cycle_stage: contact.life_cycle_stage.number(),
        last_activity_time: contact.last_activity_time.map(time::timestamp),
        tags: contact.tags.clone(),
        description: contact.description.clone(),
        external_ids: contact.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&contact.custom),
    }
}

fn birth_date(date: Date, check: &mut Checker<'_>) -> Option<BirthDate> {
    let birth_date = BirthDate::new(date.year, date.month.cast_unsigned(), date.day.cast_unsigned());
    if birth_date.is_none() {
        let message = "is not a calendar day of the years 1 to 9999, or of the year 0 for an unknown one";
        check.refuse("birth_date", "DATE_INVALID", message);
    }
    birth_date
}

/// A language tag as far as its form goes: words of up to eight letters and digits, the first of letters only.
fn language(field: &str, text: String, check: &mut Checker<'_>) -> String {
    let mut words = text.split('-');
    let first = words.next().unwrap_or_default();
    let is_tag = (2..=8).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && words.all(|word| {
            (1..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    if !text.is_empty() && !is_tag {
        check.refuse(field, "LANGUAGE_INVALID", "is not a language tag such as zh-CN (BCP 47)");
    }
    check.line(field, text, 35)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use crm_kit_api::{
        call::{Access, Permissions, Scope, Statistics, TenantSettings},
        sensitivity::Masks,
    };
    use crm_proto::{
        crm::{
            customer::v1::{ContactAccount, ContactEmail, ContactPhone},
            record::v1::ExternalId as WireId,
        },
        google::r#type::PostalAddress,
    };
    use proptest::{collection::vec, option, prelude::*};
    use uuid::Uuid;

    use super::*;

    fn call() -> Call {
        Call {
            access: Arc::new(Access {
                tenant_id: Uuid::from_u128(1),
                caller_id: Uuid::from_u128(2),
                service: None,
                permissions: Permissions::default(),
                scope: Scope::All,
                masks: Masks::default(),
                tenant: TenantSettings {
                    region_code: "CN".to_owned(),
                    time_zone: "Asia/Shanghai".to_owned(),
                    currency_code: "CNY".to_owned(),
                    language_code: "zh-CN".to_owned(),
                },
                groups: Arc::default(),
                password_change_required: false,
            }),
            now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            deadline: None,
            request_id: "test".into(),
            method: "/test".into(),
            idempotency: None,
            overrides: Arc::default(),
            statistics: Arc::new(Statistics::default()),
        }
    }

    fn read_with(wire: Wire, base: Contact) -> Result<Contact> {
        read(&call(), &Fields::default(), wire, base)
    }

    fn named(display: &str, [family, middle, given]: [&str; 3]) -> Wire {
        Wire {
            display_name: display.to_owned(),
            family_name: family.to_owned(),
            middle_name: middle.to_owned(),
            given_name: given.to_owned(),
            ..Wire::default()
        }
    }

    /// What the server sets of a contact, and nothing that a caller does.
    fn head(contact: &Contact) -> Contact {
        Contact {
            tenant_id: contact.tenant_id,
            id: contact.id,
            create_time: contact.create_time,
            update_time: contact.update_time,
            revision: contact.revision,
            ..Contact::default()
        }
    }

    #[test]
    fn the_full_name_is_made_of_the_parts_unless_it_is_written_by_hand() {
        let table = [
            (named("", ["张", "", "安怡"]), "张安怡"),
            (named(" ", ["Adams", "Quincy", "John"]), "John Quincy Adams"),
            (named("", ["", "", "Madonna"]), "Madonna"),
            (named("Mr. X", ["", "", ""]), "Mr. X"),
            (named("小怡", ["张", "", "安怡"]), "小怡"),
        ];
        for (wire, wanted) in table {
            assert_eq!(read_with(wire, fresh(&call())).unwrap().display_name, wanted);
        }
        let error = read_with(named("", [" ", "", ""]), fresh(&call())).unwrap_err();
        assert_eq!(error.violations()[0].field, "contact.display_name");
    }

    #[test]
    fn a_full_name_made_of_the_parts_follows_them() {
        let table = [
            (named("", ["张", "", "三"]), named("张三", ["张", "", "四"]), "张四"),
            (named("", ["张", "", "三"]), named("三哥", ["张", "", "四"]), "三哥"),
            (named("三哥", ["张", "", "三"]), named("三哥", ["张", "", "四"]), "三哥"),
            (named("", ["张", "", "三"]), named("张三", ["", "", ""]), "张三"),
            (named("三哥", ["张", "", "三"]), named("", ["张", "", "三"]), "张三"),
        ];
        for (before, after, wanted) in table {
            let base = read_with(before, fresh(&call())).unwrap();
            assert_eq!(read_with(after, base).unwrap().display_name, wanted);
        }
    }

    #[test]
    fn every_violation_is_told_by_its_place() {
        let wire = Wire {
            display_name: "a\nb".to_owned(),
            reports_to_id: "nobody".to_owned(),
            language_code: "zh_CN".to_owned(),
            birth_date: Some(Date { year: 1999, month: 2, day: 29 }),
            phones: vec![ContactPhone { number: "12".to_owned(), ..ContactPhone::default() }],
            ..Wire::default()
        };
        let error = read_with(wire, fresh(&call())).unwrap_err();
        let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        for field in ["display_name", "reports_to_id", "language_code", "birth_date", "phones[0].number"] {
            assert!(fields.contains(&format!("contact.{field}").as_str()), "{field} in {fields:?}");
        }
        assert_eq!(fields.len(), 5);
    }

    #[test]
    fn language_tags_have_their_form() {
        for (tag, is_tag) in [
            ("", true),
            ("zh", true),
            ("zh-Hans-CN", true),
            ("en-GB-oxendict", true),
            ("z", false),
            ("zh-", false),
            ("中文", false),
            ("english-language", true),
            ("en-toolongword", false),
        ] {
            let mut check = Checker::new("contact", "");
            language("language_code", tag.to_owned(), &mut check);
            assert_eq!(check.into_violations().is_empty(), is_tag, "{tag}");
        }
    }

    prop_compose! {
        fn points()(
            emails in vec((0..6_i32, any::<bool>()), 0..4),
            phones in vec((0..6_i32, any::<bool>()), 0..4),
            primary in 0..5_usize,
        ) -> (Vec<ContactEmail>, Vec<ContactPhone>) {
            let emails = emails.into_iter().enumerate().map(|(index, (kind, verified))| ContactEmail {
                address: format!("N{index}@Example.com"), kind, verified, primary: index == primary,
            });
            let phones = phones.into_iter().enumerate().map(|(index, (kind, verified))| ContactPhone {
                number: format!("1380013800{index}"), kind, verified, primary: index == primary,
            });
            (emails.collect(), phones.collect())
        }
    }

    prop_compose! {
        fn tie(account: u128)(
            role in "[a-z]{0,5}",
            from_year in option::of(1990..2000_i32),
            to_year in option::of(2000..2010_i32),
        ) -> ContactAccount {
            let day = |year: i32| Date { year, month: 2, day: 3 };
            ContactAccount {
                account_id: Uuid::from_u128(account).to_string(),
                role,
                from_date: from_year.map(day),
                to_date: to_year.map(day),
                primary: account == 8,
            }
        }
    }

    prop_compose! {
        fn contact()(
            names in ["[张王李]?", "[安怡 a-z]{0,5}", "[a-zA-Z]{0,5}", "[A-Z][a-z 三]{1,8}"],
            texts in ["[ -~一-龥é]{0,20}", "[a-z]{0,9}", "[a-z]{0,9}", "[a-z]{0,9}", "(zh-CN|en)?", "[a-z\\n]{0,9}"],
            (emails, phones) in points(),
            accounts in (tie(7), tie(8), tie(9)),
            count in 0..4_usize,
            references in [option::of(any::<u128>()), option::of(any::<u128>())],
            locality in option::of("[a-z]{1,9}"),
            birth_date in option::of((prop_oneof![Just(0), 1900..2020], 1..13_i32, 1..29_i32)),
            life_cycle_stage in 0..11_i32,
            tags in vec("[a-c]", 0..5),
            external_id in option::of("[a-z0-9]{1,9}"),
        ) -> Wire {
            let [family_name, given_name, middle_name, display_name] = names;
            let [salutation, job_title, department, source, language_code, description] = texts;
            let [reports_to_id, owner_id] = references.map(|id| id_text(id.map(Uuid::from_u128)));
            Wire {
                display_name,
                family_name,
                given_name,
                middle_name,
                salutation,
                job_title,
                department,
                reports_to_id,
                emails,
                phones,
                accounts: [accounts.0, accounts.1, accounts.2].into_iter().take(count).collect(),
                mailing_address: locality.map(|locality| PostalAddress { locality, ..PostalAddress::default() }),
                birth_date: birth_date.map(|(year, month, day)| Date { year, month, day }),
                language_code,
                source,
                owner_id,
                life_cycle_stage,
                tags,
                description,
                external_ids: external_id.into_iter().map(|value| WireId { system: "erp".to_owned(), value }).collect(),
                ..Wire::default()
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_out_reads_back_the_same(wire in contact()) {
            let stored = read_with(wire, fresh(&call())).unwrap();
            let again = read_with(to_wire(&stored, &Fields::default()), head(&stored)).unwrap();
            prop_assert_eq!(&again, &stored);
            // And read over itself, as an update that changes nothing is.
            prop_assert_eq!(&read_with(to_wire(&stored, &Fields::default()), stored.clone()).unwrap(), &stored);
        }
    }
}

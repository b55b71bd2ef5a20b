//! The fields of the records that people import, and what other systems call them.
//!
//! Seen in the exports and import templates of Salesforce, `HubSpot`, Zoho, Odoo, `SuiteCRM`, Dynamics, Google Contacts, Outlook,
//! `LinkedIn` and Chinese spreadsheets. Names are written as people read them; [`crm_kit_table::mapping::fold`] takes care of style.

mod account;
mod person;
pub mod words;

use crm_kit_table::mapping::Schema;

/// Kinds of records that other systems refer to from these.
const OTHERS: &[&str] = &["campaign", "pricebook", "territory"];

/// Accounts: customers, suppliers and other companies.
pub const ACCOUNT: Schema<'static> = Schema {
    own_words: &[
        "account",
        "company",
        "customer",
        "client",
        "organization",
        "organisation",
        "客户",
        "公司",
        "企业",
        "单位",
    ],
    other_words: OTHERS,
    targets: &[account::FIELDS],
};

/// Contacts: people.
pub const CONTACT: Schema<'static> = Schema {
    own_words: &["contact", "person", "联系人"],
    other_words: OTHERS,
    targets: &[person::FIELDS, person::CONTACT_FIELDS],
};

/// Leads: people at companies that are not qualified yet.
pub const LEAD: Schema<'static> = Schema {
    own_words: &["lead", "prospect", "线索", "潜在客户"],
    other_words: OTHERS,
    targets: &[person::FIELDS, person::LEAD_FIELDS],
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crm_kit_record::{
        Kind, Record as _,
        column::{self, Columns, words::Choices, write::Language},
        custom_field::Fields,
    };
    use crm_kit_table::{
        Cell, Row,
        mapping::{fold, suggest},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{account::Account, contact::Contact, lead::Lead};

    fn mapped<'a>(headers: &[&str], schema: &Schema<'a>) -> Vec<Option<&'a str>> {
        let headers: Vec<_> = headers.iter().map(ToString::to_string).collect();
        suggest(&headers, schema).into_iter().map(|suggestion| suggestion.target).collect()
    }

    #[test]
    fn a_name_is_known_in_every_style() {
        for header in [
            "BILLINGSTREET",
            "Billing Street",
            "billing_street",
            "BillingStreet",
            "Billing_Street__c",
            "ns__BillingStreet__c",
            "ＢＩＬＬＩＮＧ　Ｓｔｒｅｅｔ",
        ] {
            assert_eq!(mapped(&[header], &ACCOUNT), [Some("billing_address.street")], "{header}");
        }
        for (header, path) in [
            ("公司名称", "display_name"),
            ("*客户名称（必填）", "display_name"),
            ("客户电话", "phone"),
            ("Annual Revenue (USD)", "annual_revenue"),
            ("Customer Phone", "phone"),
            ("Indsutry", "industry"),
            ("SAP ID", "external_ids"),
            ("accountId", "external_ids"),
        ] {
            assert_eq!(mapped(&[header], &ACCOUNT), [Some(path)], "{header}");
        }
    }

    #[test]
    fn a_single_value_takes_one_column_the_surest() {
        assert_eq!(mapped(&["Phone (old)", "Phone", "Phone"], &ACCOUNT), [None, Some("phone"), None]);
        assert_eq!(mapped(&["Email", "Email 2"], &CONTACT), [Some("emails"), Some("emails")]);
        assert_eq!(
            mapped(&["Contact1 Mobile Phone", "Contact2 Mobile Phone"], &CONTACT),
            [Some("phones.mobile"), None],
            "telephones of two people are not one person's"
        );
    }

    #[test]
    fn what_has_no_field_is_left_out() {
        let headers = [
            "",
            "   ",
            "MASTERRECORDID",
            "CREATEDBYID",
            "Campaign ID",
            "SIC Code",
            "Is Deleted",
            "备用字段1",
        ];
        assert_eq!(mapped(&headers, &ACCOUNT), [None; 8]);
    }

    #[test]
    fn no_name_belongs_to_two_fields() {
        for schema in [ACCOUNT, CONTACT, LEAD] {
            let mut seen = BTreeMap::new();
            for target in schema.targets.concat() {
                for name in target.labels_en.iter().chain(target.labels_zh).chain(target.synonyms) {
                    let owner = *seen.entry(fold(name)).or_insert(target.path);
                    assert_eq!(owner, target.path, "{name}");
                }
            }
        }
    }

    fn suggested(kind: &Kind, header: &[&str], row: &[&str]) -> Vec<String> {
        let columns = Columns::new(kind, &Fields::default());
        let header: Vec<String> = header.iter().map(ToString::to_string).collect();
        let cells = row.iter().map(|text| Cell::text(*text)).collect();
        let sample = [Row { line: 2, cells, warning: None }];
        let found = column::suggest::suggest(&columns, &kind.files, &header, &BTreeMap::new(), &sample);
        found.into_iter().map(|path| path.unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn names_of_other_systems_find_our_fields() {
        let names = [
            "Account Name",
            "Account Number",
            "Billing City",
            "客户电话",
            "Owner",
            "Parent Account",
            "Created Date",
        ];
        let found = suggested(Account::KIND, &names, &["", "", "", "", "Lisa"]);
        assert_eq!(found, ["display_name", "number", "billing_address.locality", "phone", "", "", ""]);
        let names = ["SAP ID", "Parent Account ID", "Owner", "省", "开户行"];
        let owner = Uuid::from_u128(1).to_string();
        let found = suggested(Account::KIND, &names, &["", "", &owner]);
        assert_eq!(
            found,
            ["external_id", "parent_external_id", "owner_id", "billing_address.administrative_area", ""]
        );
        let names = ["姓名", "手机", "Email", "Email 2", "Birthday", "Account ID"];
        let found = suggested(Contact::KIND, &names, &[]);
        assert_eq!(
            found,
            ["display_name", "phones.mobile", "emails", "emails", "birth_date", "account_external_id"]
        );
        let names = ["姓名", "手机", "Email", "公司名称", "来源", "城市", "Lead Status", "热度"];
        let found = suggested(Lead::KIND, &names, &[]);
        assert_eq!(
            found,
            ["display_name", "phone", "email", "company_name", "source", "address.locality", "", "rating"]
        );
    }

    #[test]
    fn what_an_export_writes_is_found_again_in_every_language() {
        for kind in [Account::KIND, Contact::KIND, Lead::KIND] {
            let columns = Columns::new(kind, &Fields::default());
            let exported: Vec<_> = columns.all().iter().filter(|column| column.exported).collect();
            for language in [Language::Path, Language::English, Language::Chinese] {
                let header: Vec<&str> = exported.iter().map(|column| column.title(language)).collect();
                let found = suggested(kind, &header, &[]);
                for (column, found) in exported.iter().zip(found).filter(|(column, _)| column.settable) {
                    assert_eq!(column.path, found, "{language:?}");
                }
            }
        }
    }

    fn choices(name: &str) -> Choices {
        let values = crm_proto::pool().get_enum_by_name(name).unwrap();
        Choices { values, words: Account::KIND.files.words_of(name) }
    }

    #[test]
    fn values_are_known_by_name_label_and_common_word() {
        let kind = choices("crm.customer.v1.Account.Kind");
        let stage = choices("crm.customer.v1.LifeCycleStage");
        for (values, text, expected) in [
            (&kind, "KIND_PARTNER", Some(2)),
            (&kind, "partner", Some(2)),
            (&kind, " Customer ", Some(1)),
            (&kind, "供应商", Some(4)),
            (&kind, "Vendor", Some(4)),
            (&kind, "friend", None),
            (&stage, "Sales Qualified Lead", Some(5)),
            (&stage, "marketing_qualified", Some(4)),
            (&stage, "LIFE_CYCLE_STAGE_LOST", Some(10)),
            (&stage, "流失客户", Some(10)),
        ] {
            assert_eq!(values.number(text), expected, "{text}");
        }
    }

    #[test]
    fn every_value_comes_back_from_what_is_written_for_it() {
        for name in [
            "crm.customer.v1.Account.Kind",
            "crm.customer.v1.Account.Level",
            "crm.customer.v1.Account.CreditStatus",
            "crm.customer.v1.LifeCycleStage",
        ] {
            let choices = choices(name);
            for value in choices.values.values().filter(|value| value.number() != 0) {
                for language in [0, 1] {
                    let label = choices.label(value.number(), language);
                    assert_eq!(choices.number(&label), Some(value.number()), "{label}");
                    assert_ne!(label, value.name());
                }
            }
        }
    }
}

//! The cards of many programs in `shared/data/vcards`.
//!
//! The folder has no expected answers but the jCard twin of the RFC 6350 example; the others here were read off the files.

use std::fs::File;
use std::io::BufReader;

use crate::common;
use crm_kit_table::vcard::{Address, Card, Cards, Labelled};
use serde_json::Value;

fn cards(name: &str) -> Option<Vec<Card>> {
    let folder = common::shared_data("vcards")?;
    Some(Cards::new(BufReader::new(File::open(folder.join(name)).unwrap())).map(Result::unwrap).collect())
}

fn values(list: &[Labelled<String>]) -> Vec<(&str, String)> {
    list.iter().map(|entry| (entry.value.as_str(), entry.types.join("+"))).collect()
}

fn pairs<'a>(list: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    list.iter().map(|(value, types)| (*value, (*types).to_owned())).collect()
}

/// File, cards in it, then of the first card with a name: formatted name, family, given, first company, first title, phones, mail addresses,
/// postal addresses, birthday.
type Facts = (
    &'static str,
    usize,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    usize,
    usize,
    usize,
    &'static str,
);

const FACTS: [Facts; 16] = [
    ("John_Doe_ANDROID.vcf", 6, "Ñ Ñ Ñ Ñ Ñ", "Ñ Ñ Ñ Ñ", "", "", "", 1, 0, 0, ""),
    ("John_Doe_BLACK_BERRY.vcf", 1, "John Doe", "Doe", "john", "Acme Solutions", "", 1, 0, 0, ""),
    (
        "John_Doe_EVOLUTION.vcf",
        1,
        "Mr. John Richter, James Doe Sr.",
        "Doe",
        "John",
        "IBM",
        "Money Counter",
        2,
        1,
        1,
        "1980-03-22",
    ),
    (
        "John_Doe_GMAIL.vcf",
        1,
        "Mr. John Richter, James Doe Sr.",
        "Doe",
        "John",
        "IBM",
        "Money Counter",
        2,
        1,
        1,
        "1980-03-22",
    ),
    (
        "John_Doe_IPHONE.vcf",
        1,
        "Mr. John Richter James Doe Sr.",
        "Doe",
        "John",
        "IBM",
        "Money Counter",
        7,
        1,
        2,
        "2012-06-06",
    ),
    (
        "John_Doe_LOTUS_NOTES.vcf",
        1,
        "Mr. Doe John I Johny",
        "Doe",
        "John",
        "IBM",
        "Generic Accountant",
        2,
        2,
        1,
        "1980-05-21",
    ),
    (
        "John_Doe_MAC_ADDRESS_BOOK.vcf",
        1,
        "Mr. John Richter,James Doe Sr.",
        "Doe",
        "John",
        "IBM",
        "Money Counter",
        7,
        1,
        2,
        "2012-06-06",
    ),
    (
        "John_Doe_MS_OUTLOOK.vcf",
        1,
        "Mr. John Richter James Doe Sr.",
        "Doe",
        "John",
        "IBM",
        "Money Counter",
        2,
        1,
        2,
        "19800322",
    ),
    (
        "fullcontact.vcf",
        1,
        "Prefix FirstName MiddleName LastName Suffix",
        "LastName",
        "FirstName",
        "Organization1",
        "Title1",
        9,
        5,
        4,
        "20160801",
    ),
    ("gmail-list.vcf", 3, "Arnold Smith", "Smith", "Arnold", "", "", 0, 1, 0, ""),
    (
        "gmail-single.vcf",
        1,
        "Greg Dartmouth",
        "Dartmouth",
        "Greg",
        "TheCompany",
        "TheJobTitle",
        2,
        1,
        2,
        "1960-09-10",
    ),
    (
        "gmail-single2.vcf",
        1,
        "VCard Test",
        "Test",
        "VCard",
        "TheCompany",
        "TheJobTitle",
        11,
        5,
        5,
        "1912-06-23",
    ),
    ("issue114.vcf", 1, "Dummy, Dummy", "Dummy", "Dummy", "Dummy GmbH", "", 2, 1, 1, ""),
    (
        "outlook-2003.vcf",
        1,
        "John Doe III",
        "Doe",
        "John",
        "Company, The",
        "The Job Title",
        4,
        1,
        1,
        "19800321",
    ),
    (
        "outlook-2007.vcf",
        1,
        "Mr. Michael Angstadt Jr.",
        "Angstadt",
        "Michael",
        "TheCompany",
        "TheJobTitle",
        4,
        1,
        1,
        "19220310",
    ),
    (
        "thunderbird-MoreFunctionsForAddressBook-extension.vcf",
        1,
        "John Doe",
        "Doe",
        "John",
        "TheOrganization",
        "TheTitle",
        5,
        5,
        2,
        "1970-09-21",
    ),
];

#[test]
fn every_card_is_read() {
    let Some(folder) = common::shared_data("vcards") else { return };
    let mut all = 0;
    for path in common::files(&folder, &["vcf"]) {
        let read = cards(&common::name(&path)).unwrap();
        assert!(read.iter().all(|card| !card.version.is_empty()), "{path:?}");
        all += read.len();
        println!("{}: {} cards", common::name(&path), read.len());
    }
    println!("{all} cards, peak memory {} MiB", common::peak_memory());
    for (file, count, formatted, family, given, company, title, phones, emails, addresses, birthday) in FACTS
    {
        let read = cards(file).unwrap();
        assert_eq!(read.len(), count, "{file}");
        let card = read.iter().find(|card| !card.formatted_name.is_empty()).unwrap();
        let first_company =
            card.organizations.first().and_then(|parts| parts.first()).map_or("", String::as_str);
        let first_title = card.titles.first().map_or("", String::as_str);
        assert_eq!(
            (
                card.formatted_name.as_str(),
                card.name.family.as_str(),
                card.name.given.as_str(),
                first_company,
                first_title,
                card.birthday.as_str()
            ),
            (formatted, family, given, company, title, birthday),
            "{file}"
        );
        assert_eq!(
            (card.phones.len(), card.emails.len(), card.addresses.len()),
            (phones, emails, addresses),
            "{file}"
        );
    }
}

#[test]
fn the_example_of_rfc_6350_agrees_with_its_jcard() {
    let Some(folder) = common::shared_data("vcards") else { return };
    let twin: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("jcard-example.json")).unwrap()).unwrap();
    let wanted = |name: &str| -> Vec<Value> {
        twin[1]
            .as_array()
            .unwrap()
            .iter()
            .filter(|property| property[0] == name)
            .map(|property| property[3].clone())
            .collect()
    };
    let card = cards("rfc6350-example.vcf").unwrap().remove(0);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert_eq!(card.formatted_name, text(&wanted("fn")[0]));
    assert_eq!([&card.name.family, &card.name.given], [&text(&wanted("n")[0][0]), &text(&wanted("n")[0][1])]);
    assert_eq!(card.name.suffix, "ing. jr M.Sc.");
    assert_eq!(card.organizations, [[text(&wanted("org")[0])]]);
    assert_eq!(card.emails[0].value, text(&wanted("email")[0]));
    assert_eq!(card.urls[0].value, text(&wanted("url")[0]));
    let phones: Vec<_> = wanted("tel").iter().map(|value| text(value).replacen("tel:", "", 1)).collect();
    assert_eq!(card.phones.iter().map(|phone| phone.value.clone()).collect::<Vec<_>>(), phones);
    let Address { post_box, extended, street, city, region, postal_code, country } =
        card.addresses[0].value.clone();
    assert_eq!(
        serde_json::json!([post_box, extended, street, city, region, postal_code, country]),
        wanted("adr")[0]
    );
    assert_eq!((card.phones[0].preference, card.phones[1].preference), (Some(1), None));
    assert_eq!(card.birthday, "--0203");
}

#[test]
fn types_preferences_and_labels_are_kept() {
    let Some(read) = cards("John_Doe_IPHONE.vcf") else { return };
    let card = &read[0];
    assert_eq!(
        values(&card.phones),
        pairs(&[
            ("905-555-1234", "cell"),
            ("905-666-1234", "home"),
            ("905-777-1234", "work"),
            ("905-888-1234", "home+fax"),
            ("905-999-1234", "work+fax"),
            ("905-111-1234", "pager"),
            ("905-222-1234", "")
        ])
    );
    assert_eq!(card.phones[0].preference, Some(1));
    assert_eq!(card.phones[6].label, "AssistantPhone");
    assert_eq!(card.addresses[1].value.street, "Street4\nBuilding 6\nFloor 8");
    assert_eq!(
        (card.urls[0].value.as_str(), card.urls[0].label.as_str()),
        ("http://www.ibm.com", "HomePage")
    );
    let card = &cards("issue114.vcf").unwrap()[0];
    assert_eq!(
        (card.addresses[0].value.street.as_str(), card.addresses[0].value.country.as_str()),
        ("Dummy-Dummy-Strasse 1", "Germany")
    );
}

#[test]
fn quoted_printable_notes_keep_their_lines() {
    let Some(read) = cards("outlook-2007.vcf") else { return };
    assert_eq!(
        read[0].notes,
        [
            "This is the NOTE field\t\nI assume it encodes this text inside a NOTE vCard type.\nBut I'm not sure because there's text formatting going on here.\nIt does not preserve the formatting"
        ]
    );
    assert_eq!(read[0].emails[0].value, "mike.angstadt@gmail.com", "after the key and its blank line");
    assert!(read[0].extensions.contains(&("X-MS-MANAGER".to_owned(), "TheManagerName".to_owned())));
    let android = cards("John_Doe_ANDROID.vcf").unwrap();
    assert_eq!(values(&android[0].emails), pairs(&[("john.doe@company.com", "")]));
    assert_eq!(
        values(&android[4].phones),
        pairs(&[("123456", "cell"), ("123456", "work"), ("123456", "work+fax")])
    );
    let rfc = cards("rfc2426-example.vcf").unwrap();
    assert_eq!((rfc.len(), rfc[1].addresses[0].value.postal_code.as_str()), (2, "94043"));
}

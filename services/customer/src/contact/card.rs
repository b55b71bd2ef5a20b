//! A card of a vCard file to a contact on the wire.

use crm_proto::{
    crm::customer::v1::{Contact, ContactEmail, ContactPhone, ContactPointKind},
    google::r#type::{Date, PostalAddress},
};

use crm_kit_record::column::{read::Reading, words};
use crm_kit_table::vcard::{Address, Card, Labelled, most_preferred};

/// The contact a card describes, and the fields it states. Its key is the card's UID.
pub fn contact(card: &Card) -> Reading<Contact> {
    let name = &card.name;
    let address = preferred(&card.addresses).map(|address| postal(&address.value));
    let company = card.organizations.first();
    let wire = Contact {
        display_name: card.formatted_name.clone(),
        family_name: name.family.clone(),
        given_name: name.given.clone(),
        middle_name: name.additional.clone(),
        salutation: name.prefix.clone(),
        job_title: card.titles.first().cloned().unwrap_or_default(),
        department: company
            .map(|units| units.iter().skip(1).cloned().collect::<Vec<_>>().join(" / "))
            .unwrap_or_default(),
        emails: emails(&card.emails),
        phones: phones(&card.phones),
        mailing_address: address.map(|address| PostalAddress {
            organization: company.and_then(|units| units.first()).cloned().unwrap_or_default(),
            ..address
        }),
        birth_date: birthday(&card.birthday),
        tags: card.categories.clone(),
        description: card.notes.join("\n\n"),
        ..Contact::default()
    };
    Reading { key: card.uid.clone(), paths: stated(&wire), wire, links: Vec::new() }
}

fn stated(wire: &Contact) -> Vec<String> {
    let texts = [
        ("display_name", &wire.display_name),
        ("family_name", &wire.family_name),
        ("given_name", &wire.given_name),
        ("middle_name", &wire.middle_name),
        ("salutation", &wire.salutation),
        ("job_title", &wire.job_title),
        ("department", &wire.department),
        ("description", &wire.description),
    ];
    let others = [
        ("emails", !wire.emails.is_empty()),
        ("phones", !wire.phones.is_empty()),
        ("mailing_address", wire.mailing_address.is_some()),
        ("birth_date", wire.birth_date.is_some()),
        ("tags", !wire.tags.is_empty()),
    ];
    let texts = texts.into_iter().map(|(path, text)| (path, !text.is_empty()));
    texts.chain(others).filter(|(_, is_stated)| *is_stated).map(|(path, _)| path.to_owned()).collect()
}

/// A card may prefer several values; the best of them becomes the primary one.
fn emails(values: &[Labelled<String>]) -> Vec<ContactEmail> {
    let primary = most_preferred(values);
    let email = |(index, email): (usize, &Labelled<String>)| ContactEmail {
        address: email.value.clone(),
        kind: kind(&email.types).into(),
        primary: primary == Some(index),
        verified: false,
    };
    values.iter().enumerate().map(email).collect()
}

fn phones(values: &[Labelled<String>]) -> Vec<ContactPhone> {
    let primary = most_preferred(values);
    let phone = |(index, phone): (usize, &Labelled<String>)| ContactPhone {
        number: phone.value.clone(),
        kind: kind(&phone.types).into(),
        primary: primary == Some(index),
        verified: false,
    };
    values.iter().enumerate().map(phone).collect()
}

/// What a number is for; a fax at work is a fax, a mobile telephone at work a mobile one.
fn kind(types: &[String]) -> ContactPointKind {
    let has = |name: &str| types.iter().any(|kind| kind == name);
    if has("fax") || has("facsimile") {
        ContactPointKind::Fax
    } else if has("cell") || has("mobile") || has("iphone") {
        ContactPointKind::Mobile
    } else if has("work") {
        ContactPointKind::Work
    } else if has("home") {
        ContactPointKind::Home
    } else if types.is_empty() {
        ContactPointKind::Unspecified
    } else {
        ContactPointKind::Other
    }
}

fn preferred<T>(values: &[Labelled<T>]) -> Option<&Labelled<T>> {
    most_preferred(values).and_then(|index| values.get(index)).or_else(|| values.first())
}

fn postal(address: &Address) -> PostalAddress {
    let lines = [&address.street, &address.extended, &address.post_box];
    let country = words::country(&address.country);
    let is_code = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    PostalAddress {
        // A country that has no code here stays in the address as a line of its own.
        address_lines: lines
            .into_iter()
            .chain(Some(&country).filter(|country| !is_code && !country.is_empty()))
            .flat_map(|line| line.lines())
            .filter(|line| !line.trim().is_empty())
            .map(str::to_owned)
            .collect(),
        locality: address.city.clone(),
        administrative_area: address.region.clone(),
        postal_code: address.postal_code.clone(),
        region_code: if is_code { country } else { String::new() },
        ..PostalAddress::default()
    }
}

/// `1985-04-12`, `19850412`, either with a time behind it, or `--0412` and `--04-12` without a year.
fn birthday(text: &str) -> Option<Date> {
    let (text, has_year) = text.strip_prefix("--").map_or((text, true), |rest| (rest, false));
    let digits: String =
        text.chars().take_while(|letter| *letter != 'T').filter(|letter| *letter != '-').collect();
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i32>().ok();
    let (year, rest) = if has_year { (number(0..4)?, 4) } else { (0, 0) };
    let (month, day) = (number(rest..rest + 2)?, number(rest + 2..rest + 4)?);
    let is_day = digits.len() == rest + 4 && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_day.then_some(Date { year, month, day })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm_kit_table::vcard::Cards;

    #[test]
    fn a_card_becomes_a_contact() {
        let text = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u-1\r\nN:张;三;;先生;\r\nFN:张三\r\nORG:某某公司;销售部\r\nTITLE:经理\r\n\
            TEL;TYPE=CELL,PREF:+86 138 0013 8000\r\nTEL;TYPE=WORK,FAX:010-1\r\nEMAIL;TYPE=INTERNET:a@example.com\r\n\
            ADR;TYPE=WORK:;;中关村大街1号;北京;北京市;100080;中国\r\nBDAY:--0412\r\nCATEGORIES:vip,north\r\nEND:VCARD\r\n";
        let card = Cards::new(text.as_bytes()).next().unwrap().unwrap();
        let Reading { key, wire, paths, .. } = contact(&card);
        assert_eq!(key, "u-1");
        assert_eq!(
            (wire.family_name.as_str(), wire.given_name.as_str(), wire.salutation.as_str()),
            ("张", "三", "先生")
        );
        assert_eq!((wire.job_title.as_str(), wire.department.as_str()), ("经理", "销售部"));
        let phones: Vec<_> = wire.phones.iter().map(|phone| (phone.kind(), phone.primary)).collect();
        assert_eq!(phones, [(ContactPointKind::Mobile, true), (ContactPointKind::Fax, false)]);
        let address = wire.mailing_address.clone().unwrap();
        assert_eq!((address.region_code.as_str(), address.locality.as_str()), ("CN", "北京"));
        assert_eq!(address.organization, "某某公司");
        assert_eq!(wire.birth_date, Some(Date { year: 0, month: 4, day: 12 }));
        assert_eq!(wire.tags, ["vip", "north"]);
        assert!(paths.contains(&"emails".to_owned()) && !paths.contains(&"description".to_owned()));
    }

    #[test]
    fn of_several_preferred_values_the_lowest_and_then_the_first_is_primary() {
        for (parameters, expected) in [
            (["PREF=1", "PREF=1", "PREF=1"], 0),
            (["PREF=50", "PREF=2", "PREF=2"], 1),
            (["TYPE=home", "TYPE=home,pref", "PREF=1"], 1),
            (["TYPE=home", "PREF=100", "PREF=99"], 2),
            (["PREF=0", "PREF=101", "PREF=7"], 2),
        ] {
            let lines = parameters
                .map(|parameter| format!("EMAIL;{parameter}:a@example.com\r\nTEL;{parameter}:1\r\n"));
            let text = format!("BEGIN:VCARD\r\nVERSION:4.0\r\n{}END:VCARD\r\n", lines.concat());
            let card = Cards::new(text.as_bytes()).next().unwrap().unwrap();
            let Reading { wire, .. } = contact(&card);
            let emails: Vec<bool> = wire.emails.iter().map(|email| email.primary).collect();
            let phones: Vec<bool> = wire.phones.iter().map(|phone| phone.primary).collect();
            assert_eq!(emails, [0, 1, 2].map(|index| index == expected), "{parameters:?}");
            assert_eq!(phones, emails, "{parameters:?}");
        }
    }

    #[test]
    fn birthdays_are_read_in_every_form_of_the_standard() {
        let date = |year, month, day| Some(Date { year, month, day });
        for (text, expected) in [
            ("1985-04-12", date(1985, 4, 12)),
            ("19850412T000000Z", date(1985, 4, 12)),
            ("--04-12", date(0, 4, 12)),
            ("1985", None),
            ("circa 1800", None),
            ("1985-13-01", None),
            ("", None),
        ] {
            assert_eq!(birthday(text), expected, "{text}");
        }
    }
}

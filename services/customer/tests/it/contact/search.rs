//! Finding contacts by search and by filter.

use crm_proto::crm::customer::v1::{Contact, ContactPhone};
use crm_testkit::status::assert_error;
use tonic::Code;

use super::{day, email, filter, full, full_ascii, named, names, of_parts, phone, search, tie};
use crate::rig::{Rig, named as account};

#[tokio::test]
async fn a_contact_is_found_by_name_pinyin_initials_digits_and_mail() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    rig.create_contact(&me, full_ascii()).await.unwrap();
    rig.create_contact(&me, of_parts("Müller", "", "Jürgen")).await.unwrap();
    let found =
        ["张安怡", "安怡", "张", "zhang", "zhanganyi", "zhang an yi", "zay", "ZAY", "1234 1234", "6552-9988"];
    for q in found.into_iter().chain(["san.zhang@ex", "zhang@example.cn", "8613812341234", "張"]) {
        assert_eq!(names(&rig, &me, search(q)).await, ["张安怡"], "{q}");
    }
    for q in ["müller", "muller", "Jürgen Müller", "Müller Jürgen", "jurg"] {
        assert_eq!(names(&rig, &me, search(q)).await, ["Jürgen Müller"], "{q}");
    }
    for q in ["zzz", "13999", "nobody@"] {
        assert!(names(&rig, &me, search(q)).await.is_empty(), "{q}");
    }
}

#[tokio::test]
async fn filters_look_at_the_primary_points_and_the_day_of_birth() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let acme = rig.create(&me, account("Acme")).await.unwrap();
    let beta = rig.create(&me, account("Beta")).await.unwrap();
    let a = Contact {
        emails: vec![email("a@x.cn"), email("second@x.cn")],
        phones: vec![phone("13800138000"), ContactPhone { primary: true, ..phone("13800138001") }],
        accounts: vec![tie(&acme.id), tie(&beta.id)],
        birth_date: Some(day(1990, 5, 17)),
        ..named("a")
    };
    let b = Contact {
        accounts: vec![tie(&beta.id)],
        birth_date: Some(day(0, 5, 20)),
        mailing_address: full().mailing_address,
        ..named("b")
    };
    for contact in [a, b, named("c")] {
        rig.create_contact(&me, contact).await.unwrap();
    }
    let (acme, beta) = (acme.id, beta.id);
    for (text, expected) in [
        ("email == \"a@x.cn\"".to_owned(), "a"),
        ("email == \"second@x.cn\"".to_owned(), ""),
        ("email == \"\"".to_owned(), "bc"),
        ("email.endsWith(\"@x.cn\")".to_owned(), "a"),
        ("phone == \"+8613800138001\"".to_owned(), "a"),
        ("phone == \"+8613800138000\"".to_owned(), ""),
        (format!("account_id == \"{acme}\""), "a"),
        (format!("account_id in [\"{acme}\", \"{beta}\"]"), "ab"),
        ("!has(account_id)".to_owned(), "c"),
        ("birth_date == date(\"1990-05-17\")".to_owned(), "a"),
        ("birth_date < date(\"1990-05-18\")".to_owned(), "a"),
        ("has(birth_date)".to_owned(), "a"),
        ("birth_date.month == 5".to_owned(), "ab"),
        ("birth_date.month == 5 && birth_date.day > 17".to_owned(), "b"),
        ("birth_date.year == 1990".to_owned(), "a"),
        ("mailing_address.locality == \"北京市\"".to_owned(), "b"),
        ("life_cycle_stage == \"LIFE_CYCLE_STAGE_LEAD\"".to_owned(), "abc"),
    ] {
        assert_eq!(names(&rig, &me, filter(&text)).await.concat(), expected, "{text}");
    }
    let status = rig.list_contacts(&me, filter("emails.address == \"a@x.cn\"")).await;
    assert_error(status, Code::InvalidArgument, "FILTER_INVALID");
}

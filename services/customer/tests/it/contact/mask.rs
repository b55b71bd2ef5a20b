//! Masked telephone numbers, addresses and names.

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::customer::v1::{
    Contact, ContactCreated, ContactEmail, ContactPhone, ContactUpdated, ListContactsRequest,
};
use crm_testkit::{
    Rights,
    status::{assert_error, violations},
};
use prost::Message as _;
use tonic::Code;

use super::{events, filter, full_ascii, names, phone, search};
use crate::rig::Rig;

#[tokio::test]
async fn masked_points_are_masked_in_answers_lists_and_events() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id);
    let partial = rights.clone().masking(Sensitivity::Phone, Mask::Partial);
    let partial = partial.masking(Sensitivity::Email, Mask::Partial);
    let partial = rig.callers.add(&partial.masking(Sensitivity::PersonName, Mask::Partial));
    let hidden = rights.masking(Sensitivity::Phone, Mask::Hidden).masking(Sensitivity::Email, Mask::Hidden);
    let hidden = rig.callers.add(&hidden.masking(Sensitivity::PersonalDate, Mask::Hidden));
    let created = rig.create_contact(&boss, full_ascii()).await.unwrap();
    let change = Contact { id: created.id.clone(), phones: vec![phone("13912345678")], ..Contact::default() };
    let updated = rig.update_contact(&boss, change, &["phones"]).await.unwrap();

    let masked = |contact: &Contact| Contact {
        display_name: "张**".into(),
        family_name: "*".into(),
        given_name: "安*".into(),
        emails: vec![
            ContactEmail { address: "s***@example.com".into(), ..contact.emails[0].clone() },
            ContactEmail { address: "z***@example.cn".into(), ..contact.emails[1].clone() },
        ],
        phones: contact
            .phones
            .iter()
            .map(|phone| {
                let number = match phone.number.as_str() {
                    "+8613812341234" => "+86138****1234",
                    "+8613912345678" => "+86139****5678",
                    _ => "+86106****988",
                };
                ContactPhone { number: number.into(), ..phone.clone() }
            })
            .collect(),
        ..contact.clone()
    };
    let seen = rig.get_contact(&partial, &created.id).await.unwrap();
    assert_eq!(seen, masked(&updated));
    let listed = rig.list_contacts(&partial, ListContactsRequest::default()).await.unwrap();
    assert_eq!(listed.contacts, [masked(&updated)]);
    let told = events(&rig, &partial, 2).await;
    let first = ContactCreated::decode(told[0].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(first.contact, Some(masked(&created)));
    let second = ContactUpdated::decode(told[1].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(second.contact, Some(masked(&updated)));
    assert_eq!(second.previous.unwrap().phones, masked(&created).phones);
    assert_eq!(told[1].changed_fields.as_ref().unwrap().paths, ["phones"]);

    let seen = rig.get_contact(&hidden, &created.id).await.unwrap();
    assert!(seen.emails.iter().all(|email| email.address.is_empty()) && seen.emails.len() == 2);
    assert!(seen.phones[0].number.is_empty() && seen.phones[0].primary && seen.birth_date.is_none());
    let told = events(&rig, &hidden, 1).await;
    let first = ContactCreated::decode(told[0].payload.as_ref().unwrap().value.as_slice()).unwrap();
    let text = format!("{first:?}");
    assert!(
        !text.contains("13812341234") && !text.contains("example.com") && !text.contains("1990"),
        "{text}"
    );

    for caller in [&partial, &hidden] {
        for text in ["phone == \"+8613912345678\"", "email.startsWith(\"san\")"] {
            let status = rig.list_contacts(caller, filter(text)).await;
            assert_error(status, Code::PermissionDenied, "FIELD_MASKED");
        }
        for q in ["13912345678", "san.zhang"] {
            assert!(names(&rig, caller, search(q)).await.is_empty(), "{q}");
        }
    }
    let status = rig.list_contacts(&hidden, filter("birth_date.month == 5")).await;
    assert_error(status, Code::PermissionDenied, "FIELD_MASKED");
    let by_name = ListContactsRequest { order_by: "family_name".into(), ..ListContactsRequest::default() };
    assert_error(rig.list_contacts(&partial, by_name).await, Code::PermissionDenied, "FIELD_MASKED");
    assert!(names(&rig, &partial, search("安怡")).await.is_empty());
    assert_eq!(names(&rig, &hidden, search("安怡")).await, ["张安怡"]);
}

#[tokio::test]
async fn masked_and_hidden_values_written_back_keep_the_real_ones() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let classes = [
        Sensitivity::Phone,
        Sensitivity::Email,
        Sensitivity::PersonName,
        Sensitivity::PersonalDate,
        Sensitivity::Address,
        Sensitivity::Note,
    ];
    let created = rig.create_contact(&boss, full_ascii()).await.unwrap();
    for mask in [Mask::Partial, Mask::Hidden] {
        let rights = Rights::all(boss.tenant_id);
        let clerk =
            rig.callers.add(&classes.iter().fold(rights, |rights, class| rights.masking(*class, mask)));
        let seen = rig.get_contact(&clerk, &created.id).await.unwrap();
        let back = Contact { job_title: format!("{mask:?}"), ..seen.clone() };
        let answer = rig.update_contact(&clerk, back.clone(), &["*"]).await.unwrap();
        assert_eq!(Contact { etag: back.etag.clone(), update_time: back.update_time, ..answer }, back);
        let real = rig.get_contact(&boss, &created.id).await.unwrap();
        let expected = Contact {
            job_title: back.job_title,
            etag: real.etag.clone(),
            update_time: real.update_time,
            ..created.clone()
        };
        assert_eq!(real, expected, "{mask:?}");

        // A new number beside one that is seen masked, in another order.
        let mut phones = seen.phones.clone();
        phones.reverse();
        phones.push(phone("+8613700000000"));
        let change = Contact { id: created.id.clone(), phones, ..Contact::default() };
        rig.update_contact(&clerk, change, &["phones"]).await.unwrap();
        let real = rig.get_contact(&boss, &created.id).await.unwrap();
        let numbers: Vec<&str> = real.phones.iter().map(|phone| phone.number.as_str()).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["+861065529988", "+8613700000000", "+8613812341234"], "{mask:?}");
        if mask == Mask::Partial {
            assert_eq!(numbers, ["+861065529988", "+8613812341234", "+8613700000000"]);
            assert!(real.phones[1].primary && real.phones[1].verified);
        }
        let restored =
            Contact { id: created.id.clone(), phones: created.phones.clone(), ..Contact::default() };
        rig.update_contact(&boss, restored, &["phones"]).await.unwrap();

        let other =
            Contact { id: created.id.clone(), phones: vec![phone("+86139****9999")], ..Contact::default() };
        let status = rig.update_contact(&clerk, other, &["phones"]).await;
        let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(violations(&status)[0].0, "contact.phones[0].number");
    }
}

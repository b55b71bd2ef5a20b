//! The fields that the demonstration company added to accounts and contacts.

use std::collections::BTreeSet;

use crm_proto::crm::record::v1::{
    CreateCustomFieldRequest, CustomField, ListCustomFieldsRequest,
    custom_field::{Option as Choice, Type},
    custom_field_service_client::CustomFieldServiceClient,
};

use crate::{client::Authorised, failure::Result};

/// Makes the fields that are missing.
pub async fn ensure(api: Authorised) -> Result<()> {
    let mut client = CustomFieldServiceClient::new(api);
    let request = ListCustomFieldsRequest {
        service: String::new(),
        page_size: 1000,
        ..ListCustomFieldsRequest::default()
    };
    let found = client.list_custom_fields(request).await?.into_inner().custom_fields;
    let known: BTreeSet<_> = found.into_iter().map(|field| (field.collection, field.key)).collect();
    for field in all() {
        if !known.contains(&(field.collection.clone(), field.key.clone())) {
            client
                .create_custom_field(CreateCustomFieldRequest {
                    service: String::new(),
                    custom_field: Some(field),
                })
                .await?;
        }
    }
    Ok(())
}

fn all() -> Vec<CustomField> {
    let ratings = [("aaa", "AAA", "AAA 级"), ("aa", "AA", "AA 级"), ("a", "A", "A 级"), ("b", "B", "B 级")];
    let channels = [
        ("wechat", "WeChat", "微信"),
        ("phone", "Phone", "电话"),
        ("email", "E-mail", "邮件"),
        ("visit", "Visit", "拜访"),
    ];
    vec![
        CustomField {
            options: choices(&ratings),
            ..field("accounts", "credit_rating", ["Credit rating", "信用评级"], Type::Select)
        },
        field("accounts", "strategic", ["Strategic", "战略客户"], Type::Boolean),
        CustomField {
            options: choices(&channels),
            ..field("accounts", "channels", ["Channels", "沟通渠道"], Type::MultiSelect)
        },
        field("accounts", "contract_end", ["Contract ends", "合同到期日"], Type::Date),
        field("contacts", "wechat", ["WeChat", "微信号"], Type::Text),
        field("contacts", "newsletter", ["Newsletter", "订阅简报"], Type::Boolean),
    ]
}

fn field(collection: &str, key: &str, [english, chinese]: [&str; 2], kind: Type) -> CustomField {
    CustomField {
        collection: collection.to_owned(),
        key: key.to_owned(),
        display_name: english.to_owned(),
        display_name_zh: chinese.to_owned(),
        r#type: kind.into(),
        filterable: true,
        ..CustomField::default()
    }
}

fn choices(choices: &[(&str, &str, &str)]) -> Vec<Choice> {
    let choice = |(key, english, chinese): &(&str, &str, &str)| Choice {
        key: (*key).to_owned(),
        display_name: (*english).to_owned(),
        display_name_zh: (*chinese).to_owned(),
        retired: false,
    };
    choices.iter().map(choice).collect()
}

//! Interactions in files.

use crm_kit_record::{
    column::words::Words,
    files::{Files, Link},
};
use crm_kit_table::mapping::{Schema, Target};

use crate::{account, contact};

/// What files need to know of interactions.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["interaction", "activity", "互动", "跟进记录"],
        other_words: &["campaign", "pricebook", "territory"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[
        ("crm.customer.v1.Interaction.Kind", KIND),
        ("crm.customer.v1.Interaction.Direction", DIRECTION),
    ],
    links: &[
        Link {
            path: "account_external_id",
            labels: ["Account external id", "客户外部编号"],
            collection: account::COLLECTION,
            field: "account_id",
            member: None,
        },
        Link {
            path: "contact_external_id",
            labels: ["Contact external id", "联系人外部编号"],
            collection: contact::COLLECTION,
            field: "contact_id",
            member: None,
        },
    ],
    import: "customer.interactions.import",
    export: "customer.interactions.export",
    reads_cards: false,
};

const KIND: Words = &[
    (1, &["Call", "Phone", "Phone call", "Telephone"], &["电话", "通话"]),
    (2, &["Mail", "Email", "E-mail", "Letter"], &["邮件", "电子邮件"]),
    (3, &["Meeting", "Appointment"], &["会议", "会面"]),
    (4, &["Visit", "Site visit"], &["拜访", "上门拜访"]),
    (5, &["Chat", "Message", "WeChat"], &["聊天", "微信"]),
];
const DIRECTION: Words =
    &[(1, &["Inbound", "Incoming"], &["呼入", "来访"]), (2, &["Outbound", "Outgoing"], &["呼出", "外出"])];

const NAMES: &[Target<'static>] = &[
    Target::external_ids(
        "external_ids",
        &["External id"],
        &["外部编号"],
        &["Activity ID", "Interaction ID", "Call ID"],
    ),
    Target::one(
        "display_name",
        &["Subject"],
        &["主题"],
        &["Title", "Name", "Activity name", "Topic", "标题", "名称"],
    ),
    Target::one("kind", &["Kind"], &["互动方式"], &["Type", "Activity type", "Channel", "类型", "跟进方式"]),
    Target::one("direction", &["Direction"], &["方向"], &["Call type", "呼叫类型"]),
    Target::one(
        "start_time",
        &["Start"],
        &["开始时间"],
        &["Date", "Start time", "Activity date", "Call start time", "日期", "跟进时间"],
    ),
    Target::one(
        "duration_seconds",
        &["Duration (s)"],
        &["时长（秒）"],
        &["Duration in seconds", "Call duration"],
    ),
    Target::one("outcome", &["Outcome"], &["结果"], &["Result", "Call result", "Disposition", "跟进结果"]),
    Target::one(
        "description",
        &["Content"],
        &["内容"],
        &["Description", "Notes", "Comments", "Body", "备注", "跟进内容"],
    ),
];

//! Tasks in files.

use crm_kit_record::{
    column::words::Words,
    files::{Files, Link},
};
use crm_kit_table::mapping::{Schema, Target};

use crate::{account, contact};

/// What files need to know of tasks.
pub const FILES: Files = Files {
    names: Schema {
        own_words: &["task", "todo", "任务", "待办"],
        other_words: &["campaign", "pricebook", "territory"],
        targets: &[NAMES],
    },
    translated: &[],
    words: &[
        ("crm.customer.v1.Task.State", STATE),
        ("crm.customer.v1.Task.Priority", PRIORITY),
        ("crm.customer.v1.Task.Escalation", ESCALATION),
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
    import: "customer.tasks.import",
    export: "customer.tasks.export",
    reads_cards: false,
};

const STATE: Words = &[
    (1, &["Not started", "Open", "To do", "New"], &["未开始", "待办"]),
    (2, &["In progress", "Started", "Doing"], &["进行中"]),
    (3, &["Blocked", "Waiting", "Waiting on someone else"], &["受阻"]),
    (4, &["Deferred", "On hold", "Postponed"], &["推迟", "已推迟"]),
    (5, &["Completed", "Done", "Closed", "Finished"], &["已完成", "完成"]),
    (6, &["Cancelled", "Canceled"], &["已取消", "取消"]),
];
const PRIORITY: Words = &[
    (1, &["Low"], &["低"]),
    (2, &["Medium", "Normal"], &["中", "普通"]),
    (3, &["High", "Urgent"], &["高", "紧急"]),
];
const ESCALATION: Words = &[(1, &["After delay"], &["超时升级"]), (2, &["Never"], &["不升级"])];

const NAMES: &[Target<'static>] = &[
    Target::external_ids("external_ids", &["External id"], &["外部编号"], &["Task ID", "任务ID"]),
    Target::one(
        "display_name",
        &["Task"],
        &["任务名称"],
        &["Subject", "Title", "Name", "Task name", "主题", "标题", "名称"],
    ),
    Target::one("state", &["State"], &["状态"], &["Status", "Task status", "任务状态"]),
    Target::one("state_reason", &["Reason"], &["原因"], &["Blocked reason", "Status reason"]),
    Target::one("priority", &["Priority"], &["优先级"], &["Importance", "重要程度"]),
    Target::one("due_time", &["Due"], &["截止时间"], &["Due date", "Deadline", "截止日期", "到期日"]),
    Target::one(
        "completion_criterion",
        &["Done when"],
        &["完成标准"],
        &["Acceptance criteria", "Definition of done"],
    ),
    Target::one("description", &["Description"], &["备注"], &["Notes", "Comments", "Body", "描述", "说明"]),
];

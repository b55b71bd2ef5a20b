//! Words that people write for the values of our enums.

use crm_kit_record::column::words::Words;

/// Kinds of accounts.
pub const KIND: Words = &[
    (
        1,
        &["Customer", "Client", "Prospect", "Customer - Direct", "Customer - Channel"],
        &["客户", "最终客户"],
    ),
    (
        2,
        &["Partner", "Channel partner", "Reseller", "Distributor", "Dealer"],
        &["合作伙伴", "伙伴", "渠道", "渠道商", "代理商", "经销商"],
    ),
    (3, &["Competitor"], &["竞争对手", "竞对"]),
    (4, &["Supplier", "Vendor"], &["供应商"]),
];
/// Levels of accounts.
pub const LEVEL: Words = &[
    (1, &["A", "Key", "Key account", "High", "Hot", "VIP"], &["重点客户", "A级", "A类", "高", "重要"]),
    (2, &["B", "Ordinary", "Normal", "Medium", "Warm"], &["普通客户", "B级", "B类", "中", "一般"]),
    (3, &["C", "Small", "Low", "Cold"], &["小客户", "C级", "C类", "低"]),
];
/// Life-cycle stages.
pub const STAGE: Words = &[
    (1, &["Visitor"], &["访客"]),
    (2, &["Subscriber"], &["订阅者"]),
    (3, &["Lead", "New", "Open"], &["线索", "潜在客户", "新线索"]),
    (4, &["Marketing qualified", "Marketing qualified lead", "MQL"], &["市场认可线索", "营销合格线索"]),
    (5, &["Sales qualified", "Sales qualified lead", "SQL", "Qualified"], &["销售认可线索", "意向客户"]),
    (6, &["Opportunity"], &["商机", "商机客户"]),
    (7, &["Customer", "Won"], &["成交客户", "客户", "已成交"]),
    (8, &["Repeat", "Repeat customer", "Evangelist"], &["复购客户", "老客户"]),
    (9, &["Dormant", "Inactive"], &["沉睡客户", "休眠客户"]),
    (10, &["Lost", "Churned", "Closed lost"], &["流失客户", "已流失", "无效"]),
];
/// Credit statuses of accounts.
pub const CREDIT: Words = &[
    (1, &["Good", "OK"], &["良好", "正常"]),
    (2, &["Watch", "On watch"], &["观察", "关注"]),
    (3, &["Blocked", "On hold"], &["冻结", "停止赊销"]),
];
/// Ratings of leads.
pub const RATING: Words = &[
    (1, &["Cold", "Low", "C"], &["冷", "低"]),
    (2, &["Warm", "Medium", "B"], &["温", "中"]),
    (3, &["Hot", "High", "A"], &["热", "高"]),
];
/// Statuses of leads.
pub const STATUS: Words = &[
    (1, &["New", "Open"], &["新线索", "未分配"]),
    (2, &["Assigned"], &["已分配"]),
    (3, &["Working", "Contacted"], &["跟进中"]),
    (4, &["Qualified"], &["已确认"]),
    (5, &["Converted"], &["已转化"]),
    (6, &["Recycled"], &["已退回"]),
    (7, &["Disqualified", "Unqualified"], &["无效"]),
    (8, &["Duplicate"], &["重复"]),
];

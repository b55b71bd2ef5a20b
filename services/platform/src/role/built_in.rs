//! The roles that come with the suite. Their permissions and masks stand here and not in the database, so that a new release gives them to
//! every tenant at once.

use crm_kit_api::{
    call::Permissions,
    sensitivity::{Mask, Masks, Sensitivity},
};

use super::{
    model::{RecordScope, Rights},
    permission,
};

/// Key of the role that may do everything.
pub const ADMINISTRATOR: &str = "administrator";
/// Stands for every permission to read.
const EVERY_READ: &str = "*.read";

/// Rights to see colleagues, departments, roles, exchange rates, calendars and the tenant, which every role has.
const DIRECTORY: [&str; 6] = [
    "platform.users.read",
    "platform.departments.read",
    "platform.roles.read",
    "platform.tenants.read",
    "platform.exchangeRates.read",
    "platform.businessCalendars.read",
];

/// A role that comes with the suite.
#[derive(Debug)]
pub struct BuiltIn {
    /// Key in the contract.
    pub key: &'static str,
    /// Name in English and Chinese.
    pub names: [&'static str; 2],
    /// Whose records it shows.
    pub scope: RecordScope,
    permissions: &'static [&'static str],
    masks: &'static [(Sensitivity, Mask)],
}

/// All of them, in the order they are created.
pub const ALL: [BuiltIn; 8] = [
    BuiltIn {
        key: ADMINISTRATOR,
        names: ["Administrator", "管理员"],
        scope: RecordScope::All,
        permissions: &["*"],
        masks: &[],
    },
    BuiltIn {
        key: "manager",
        names: ["Manager", "经理"],
        scope: RecordScope::DepartmentTree,
        permissions: &[
            "customer.*",
            "sales.*",
            "marketing.*",
            "service.*",
            "analytics.*",
            "record.*",
            "event.events.read",
            "platform.approvals.*",
            "platform.approvalFlows.read",
        ],
        masks: &[],
    },
    BuiltIn {
        key: "sales",
        names: ["Sales", "销售"],
        scope: RecordScope::Own,
        permissions: &[
            "customer.accounts.read",
            "customer.accounts.create",
            "customer.accounts.update",
            "customer.accountRelations.read",
            "customer.accountRelations.create",
            "customer.accountRelations.update",
            "customer.contacts.read",
            "customer.contacts.create",
            "customer.contacts.update",
            "customer.interactions.read",
            "customer.interactions.create",
            "customer.interactions.update",
            "customer.tasks.read",
            "customer.tasks.create",
            "customer.tasks.update",
            "customer.duplicates.read",
            "customer.duplicateRules.read",
            "customer.duplicateScans.read",
            "customer.duplicateSets.read",
            "customer.duplicateSets.manage",
            "customer.leads.read",
            "customer.leads.create",
            "customer.leads.update",
            "customer.leads.convert",
            "customer.pools.read",
            "customer.pools.claim",
            "customer.pools.return",
            "record.customFields.read",
            "record.importJobs.read",
            "platform.approvals.read",
            "platform.approvals.submit",
            "sales.pipelines.read",
            "sales.opportunities.read",
            "sales.opportunities.create",
            "sales.opportunities.update",
            "sales.products.read",
            "sales.prices.read",
            "sales.paymentPlans.read",
            "sales.paymentPlans.create",
            "sales.paymentPlans.update",
            "sales.receipts.read",
            "sales.receipts.create",
            "sales.receipts.update",
            "sales.receivables.read",
            "sales.quotas.read",
            "sales.fiscalCalendar.read",
            "sales.forecasts.read",
            "sales.forecasts.adjust",
            "sales.forecasts.submit",
            "sales.quotes.read",
            "sales.quotes.create",
            "sales.quotes.update",
            "sales.orders.read",
            "sales.orders.create",
            "sales.orders.update",
            "sales.orders.fulfil",
            "sales.contracts.read",
            "sales.contracts.create",
            "sales.contracts.update",
        ],
        masks: &[],
    },
    BuiltIn {
        key: "marketing",
        names: ["Marketing", "市场"],
        scope: RecordScope::All,
        permissions: &[
            "customer.accounts.read",
            "customer.accountRelations.read",
            "customer.contacts.read",
            "customer.leads.read",
            "customer.leads.create",
            "customer.leads.update",
            "customer.leads.import",
            "customer.interactions.read",
            "customer.tasks.read",
            "record.customFields.read",
            "marketing.*",
            "analytics.reports.read",
            "platform.approvals.read",
            "platform.approvals.submit",
        ],
        masks: &[
            (Sensitivity::Phone, Mask::Partial),
            (Sensitivity::IdentityNumber, Mask::Hidden),
            (Sensitivity::Financial, Mask::Hidden),
            (Sensitivity::PersonalDate, Mask::Hidden),
        ],
    },
    BuiltIn {
        key: "support",
        names: ["Support", "客服"],
        scope: RecordScope::All,
        permissions: &[
            "customer.accounts.read",
            "customer.accounts.update",
            "customer.accountRelations.read",
            "customer.contacts.read",
            "customer.contacts.create",
            "customer.contacts.update",
            "customer.interactions.read",
            "customer.interactions.create",
            "customer.interactions.update",
            "customer.tasks.read",
            "customer.tasks.create",
            "customer.tasks.update",
            "customer.duplicates.read",
            "customer.duplicateRules.read",
            "customer.duplicateScans.read",
            "customer.duplicateSets.read",
            "customer.duplicateSets.manage",
            "record.customFields.read",
            "platform.approvals.read",
            "platform.approvals.submit",
            "service.*",
        ],
        masks: &[(Sensitivity::IdentityNumber, Mask::Partial), (Sensitivity::Financial, Mask::Hidden)],
    },
    BuiltIn {
        key: "analyst",
        names: ["Analyst", "分析员"],
        scope: RecordScope::All,
        permissions: &[EVERY_READ, "analytics.*"],
        masks: &[
            (Sensitivity::Phone, Mask::Partial),
            (Sensitivity::Email, Mask::Partial),
            (Sensitivity::PersonName, Mask::Partial),
            (Sensitivity::IdentityNumber, Mask::Hidden),
            (Sensitivity::Address, Mask::Partial),
            (Sensitivity::Note, Mask::Hidden),
            (Sensitivity::PersonalDate, Mask::Hidden),
        ],
    },
    BuiltIn {
        key: "read-only",
        names: ["Read only", "只读"],
        scope: RecordScope::Own,
        permissions: &[EVERY_READ],
        masks: &[],
    },
    BuiltIn {
        key: "finance",
        names: ["Finance", "财务"],
        scope: RecordScope::All,
        permissions: &[
            "customer.accounts.read",
            "sales.paymentPlans.*",
            "sales.receipts.*",
            "sales.receivables.read",
            "record.customFields.read",
            "record.importJobs.read",
            "record.importJobs.manage",
            "record.exportJobs.manage",
            "platform.approvals.read",
            "platform.approvals.submit",
        ],
        masks: &[],
    },
];

/// The built-in role of a key.
pub fn find(key: &str) -> Option<&'static BuiltIn> {
    const { &ALL }.iter().find(|role| role.key == key)
}

impl BuiltIn {
    /// Name for a tenant of this language (BCP 47).
    pub fn name(&self, language_code: &str) -> &'static str {
        self.names[usize::from(language_code.starts_with("zh"))]
    }

    /// What the role grants.
    pub fn rights(&self) -> Rights {
        let reads = permission::catalogue().keys().filter(|known| permission::is_read(known));
        let reads = reads.filter(|_| self.permissions.contains(&EVERY_READ)).cloned();
        let own = self.permissions.iter().filter(|own| **own != EVERY_READ).chain(&DIRECTORY);
        Rights {
            permissions: Permissions::new(own.map(|own| (*own).to_owned()).chain(reads)),
            scope: self.scope,
            masks: self.masks.iter().fold(Masks::default(), |masks, (class, mask)| masks.with(*class, *mask)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_administrator_may_change_who_may_do_what() {
        for role in &ALL {
            let permissions = role.rights().permissions;
            let powers = [
                "platform.users.create",
                "platform.roles.update",
                "platform.apiKeys.create",
                "platform.users.resetPassword",
            ];
            assert_eq!(
                powers.iter().any(|power| permissions.allows(power)),
                role.key == ADMINISTRATOR,
                "{}",
                role.key
            );
            assert!(permissions.allows("platform.users.read"), "{}", role.key);
        }
    }

    #[test]
    fn who_sells_registers_money_and_finance_says_that_it_is_there() {
        let may = |role: &str, permission: &str| find(role).unwrap().rights().permissions.allows(permission);
        assert!(may("sales", "sales.receipts.create") && may("finance", "sales.receipts.create"));
        for permission in ["sales.receipts.confirm", "sales.receipts.reverse", "sales.receipts.allocate"] {
            assert!(may("finance", permission) && !may("sales", permission), "{permission}");
        }
        assert!(!may("finance", "sales.opportunities.update"));
    }

    #[test]
    fn a_reader_reads_everything_and_changes_nothing() {
        let permissions = find("read-only").unwrap().rights().permissions;
        assert!(permissions.allows("customer.accounts.read") && permissions.allows("event.events.read"));
        assert!(permissions.names().all(permission::is_read));
    }

    #[test]
    fn every_concrete_permission_of_a_service_that_exists_is_in_the_contract() {
        let concrete = ALL.iter().flat_map(|role| role.permissions).filter(|name| !name.contains('*'));
        let exists =
            |name: &&&str| ["customer.", "platform.", "sales."].iter().any(|known| name.starts_with(known));
        for name in concrete.filter(exists) {
            assert!(permission::is_known(name), "{name}");
        }
    }
}

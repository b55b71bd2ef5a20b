//! The composition root: everything the service is made of, put together in one place.

use std::sync::Arc;

use crm_kit_api::Result;
use crm_kit_pg::outbox::Told;
use crm_kit_record::{
    collection::Collections,
    custom_field::Catalog,
    service::{Service, Shared},
};
use crm_kit_rpc::server::Server;
use crm_kit_value::phone;
use crm_proto::crm::customer::v1::{
    account_overview_service_server::AccountOverviewServiceServer,
    account_relation_service_server::AccountRelationServiceServer,
    account_service_server::AccountServiceServer,
    assignment_rule_service_server::AssignmentRuleServiceServer,
    contact_service_server::ContactServiceServer, duplicate_rule_service_server::DuplicateRuleServiceServer,
    duplicate_scan_service_server::DuplicateScanServiceServer,
    duplicate_service_server::DuplicateServiceServer, interaction_service_server::InteractionServiceServer,
    lead_service_server::LeadServiceServer, merge_service_server::MergeServiceServer,
    pool_service_server::PoolServiceServer, task_service_server::TaskServiceServer,
};
use tonic::service::Routes;

use crate::{
    MIGRATIONS,
    account::{self, Accounts},
    account_relation::{self, AccountRelations},
    assignment_rule::{self, AssignmentRules},
    contact::{self, Contacts},
    conversion::{Conversions, deal},
    duplicate::search::Duplicates,
    duplicate_rule::{self, DuplicateRules},
    duplicate_scan::{self, DuplicateScans},
    interaction::{self, Interactions},
    kinds,
    lead::{self, Leads},
    merge::{self, Merges},
    overview::Overviews,
    pool::{self, Pools},
    task::{self, Tasks},
};

pub use crm_kit_record::service::Parts;

/// Name of the service in addresses, log lines and the gateway.
pub const NAME: &str = "customer";

/// What tells the service from others. Sales makes the opportunities of conversions and is asked for what overviews show of it.
pub static SERVICE: Service = Service {
    name: NAME,
    port: 7002,
    peers: &[(deal::SALES, "http://localhost:7003")],
    migrations: &MIGRATIONS,
    collections: COLLECTIONS,
};

/// Collections of its own whose changes the service tells.
pub const COLLECTIONS: &[Told] = &[
    Told { collection: account::COLLECTION, permission: "customer.accounts.read" },
    Told { collection: contact::COLLECTION, permission: "customer.contacts.read" },
    Told { collection: duplicate_rule::COLLECTION, permission: "customer.duplicateRules.read" },
    Told { collection: duplicate_scan::COLLECTION, permission: "customer.duplicateScans.read" },
    Told { collection: duplicate_scan::SETS, permission: "customer.duplicateSets.read" },
    Told { collection: lead::COLLECTION, permission: "customer.leads.read" },
    Told { collection: assignment_rule::COLLECTION, permission: "customer.assignmentRules.read" },
    Told { collection: pool::COLLECTION, permission: "customer.pools.manage" },
    Told { collection: interaction::COLLECTION, permission: "customer.interactions.read" },
    Told { collection: task::COLLECTION, permission: "customer.tasks.read" },
    Told { collection: account_relation::COLLECTION, permission: "customer.accountRelations.read" },
    Told { collection: merge::COLLECTION, permission: "customer.merges.read" },
];

/// The service, ready to be served.
pub async fn build(parts: Parts) -> Result<Server> {
    // Numbering plans take 60 ms to read; no request should wait for that.
    phone::load();
    let records = parts.records(Catalog::new(parts.db.clone(), kinds::all()))?;
    let Parts { db, clock, peers, tasks, shutdown, .. } = &parts;
    let accounts: Accounts = records.slice();
    let contacts: Contacts = records.slice();
    let leads: Leads = records.slice();
    let interactions: Interactions = records.slice();
    let to_do = Tasks(records.slice());
    to_do.spawn(clock.clone(), tasks, shutdown.clone());
    let (duplicates, duplicate_rules) = (Duplicates { db: db.clone() }, DuplicateRules { db: db.clone() });
    let scans = DuplicateScans { db: db.clone(), clock: clock.clone(), shutdown: shutdown.clone() };
    scans.spawn(tasks);
    let pools =
        Pools { db: db.clone(), clock: clock.clone(), accounts: accounts.clone(), leads: leads.clone() };
    let assignment_rules = AssignmentRules { db: db.clone(), leads: leads.clone() };
    let overviews = Overviews {
        accounts: accounts.clone(),
        contacts: contacts.clone(),
        interactions: interactions.clone(),
        tasks: to_do.clone(),
        peers: peers.clone(),
    };
    let conversions = Conversions {
        leads: leads.clone(),
        accounts: accounts.clone(),
        contacts: contacts.clone(),
        peers: peers.clone(),
        clock: clock.clone(),
    };
    conversions.spawn(tasks, shutdown);
    // Kinds whose records refer to accounts, contacts or leads.
    let movers: [Arc<dyn merge::children::Mover>; 5] = [
        Arc::new(accounts.clone()),
        Arc::new(contacts.clone()),
        Arc::new(leads.clone()),
        Arc::new(interactions.clone()),
        Arc::new(to_do.0.clone()),
    ];
    let merges = Merges {
        db: db.clone(),
        accounts: accounts.clone(),
        contacts: contacts.clone(),
        leads: leads.clone(),
        movers: Arc::new(movers),
    };
    pools.spawn(tasks, shutdown);
    let collections = Collections::new([
        Arc::new(accounts.clone()) as _,
        Arc::new(contacts.clone()) as _,
        Arc::new(leads.clone()) as _,
        Arc::new(interactions.clone()) as _,
        Arc::new(to_do.0.clone()) as _,
    ]);
    let shared = Shared::new(&parts, &records, collections);
    let routes = Routes::new(AccountServiceServer::new(account::rpc::Handlers(accounts)))
        .add_service(ContactServiceServer::new(contact::rpc::Handlers(contacts)))
        .add_service(InteractionServiceServer::new(interaction::rpc::Handlers(interactions)))
        .add_service(TaskServiceServer::new(task::rpc::Handlers(to_do)))
        .add_service(DuplicateServiceServer::new(duplicates))
        .add_service(DuplicateRuleServiceServer::new(duplicate_rules))
        .add_service(DuplicateScanServiceServer::new(scans))
        .add_service(LeadServiceServer::new(lead::rpc::Handlers { leads, conversions }))
        .add_service(PoolServiceServer::new(pools))
        .add_service(AssignmentRuleServiceServer::new(assignment_rules))
        .add_service(AccountRelationServiceServer::new(AccountRelations { db: db.clone() }))
        .add_service(AccountOverviewServiceServer::new(overviews))
        .add_service(MergeServiceServer::new(merges));
    parts.serve(&SERVICE, shared, routes).await
}

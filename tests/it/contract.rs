//! Walks over the contract: what holds for one method holds for every method.

use std::collections::BTreeSet;

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind,
    MessageDescriptor, MethodDescriptor, Value,
};

/// The contract with its comments.
fn pool() -> DescriptorPool {
    DescriptorPool::decode(crm_proto::DOCUMENTED_DESCRIPTORS).unwrap()
}

fn methods(pool: &DescriptorPool) -> Vec<MethodDescriptor> {
    let ours = pool.services().filter(|service| service.full_name().starts_with("crm."));
    ours.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

fn extension(pool: &DescriptorPool, name: &str) -> ExtensionDescriptor {
    pool.get_extension_by_name(name).unwrap_or_else(|| panic!("{name}"))
}

/// The comment before an element.
fn comment(file: &prost_reflect::FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
    let location = info.location.iter().find(|location| location.path == path);
    location.map(|location| location.leading_comments().to_owned()).unwrap_or_default()
}

fn method_comment(method: &MethodDescriptor) -> String {
    comment(&method.parent_service().parent_file(), method.path())
}

/// Fails with every complaint at once.
fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_method_states_a_permission_an_http_rule_and_how_it_fails() {
    let pool = pool();
    let (permission, http) =
        (extension(&pool, "crm.options.v1.permission"), extension(&pool, "google.api.http"));
    let mut complaints = Vec::new();
    for method in methods(&pool) {
        let (name, options) = (method.full_name().to_owned(), method.options());
        let granted = options.get_extension(&permission).as_str().unwrap_or_default().to_owned();
        let parts = granted.split('.').count();
        if !matches!(granted.as_str(), "public" | "authenticated") && parts != 3 {
            complaints.push(format!("{name}: permission {granted:?} is not service.collection.verb"));
        }
        if !options.has_extension(&http) {
            complaints.push(format!("{name}: no HTTP rule"));
        }
        if !method_comment(&method).contains("Fails with") {
            complaints.push(format!("{name}: its comment does not say how it fails"));
        }
    }
    assert_none(complaints);
}

#[test]
fn methods_that_read_say_so_and_methods_that_change_are_audited() {
    let pool = pool();
    let audit = extension(&pool, "crm.options.v1.audit");
    let mut complaints = Vec::new();
    for method in methods(&pool) {
        let verb = method.name();
        let reads = ["Get", "List", "BatchGet", "Watch", "Describe", "Download", "Stream"];
        let declared = method.method_descriptor_proto().options.as_ref().unwrap().idempotency_level() as i32;
        let is_read = reads.iter().any(|read| verb.starts_with(read));
        if is_read && declared != 1 {
            complaints.push(format!("{}: reads but is not NO_SIDE_EFFECTS", method.full_name()));
        }
        let changes = [
            "Create",
            "Update",
            "Delete",
            "Undelete",
            "BatchCreate",
            "BatchUpdate",
            "BatchDelete",
            "BulkUpsert",
        ];
        let is_change = changes.iter().any(|change| verb.starts_with(change));
        if is_change && !method.options().has_extension(&audit) {
            complaints.push(format!("{}: changes but states no audit class", method.full_name()));
        }
        if declared == 1 && is_change {
            complaints.push(format!("{}: changes but is NO_SIDE_EFFECTS", method.full_name()));
        }
    }
    assert_none(complaints);
}

#[test]
fn every_request_field_states_its_behaviour_and_its_bound() {
    let pool = pool();
    let (behaviour, rules) =
        (extension(&pool, "google.api.field_behavior"), extension(&pool, "buf.validate.field"));
    let mut complaints = Vec::new();
    for message in requests(&pool) {
        for field in message.fields() {
            let options = field.options();
            let behaviours = options.get_extension(&behaviour);
            let behaviours: Vec<i32> =
                behaviours.as_list().unwrap_or_default().iter().filter_map(Value::as_enum_number).collect();
            if behaviours.is_empty() && field.containing_oneof().is_none() {
                complaints.push(format!("{}: no field_behavior", field.full_name()));
            }
            let output_only = behaviours.contains(&3);
            if needs_bound(&field) && !output_only && !options.has_extension(&rules) {
                complaints.push(format!("{}: no bound", field.full_name()));
            }
        }
    }
    assert_none(complaints);
}

/// Messages a caller sends: requests and all they contain.
fn requests(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut open: Vec<MessageDescriptor> = methods(pool).iter().map(MethodDescriptor::input).collect();
    while let Some(message) = open.pop() {
        if !message.full_name().starts_with("crm.") || !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        let sent = message.fields().filter(|field| !is_output_only(pool, field));
        open.extend(sent.filter_map(|field| field.kind().as_message().cloned()));
        if !message.is_map_entry() {
            found.push(message);
        }
    }
    found
}

fn is_output_only(pool: &DescriptorPool, field: &FieldDescriptor) -> bool {
    let behaviour = extension(pool, "google.api.field_behavior");
    let options = field.options();
    let behaviours = options.get_extension(&behaviour);
    behaviours.as_list().unwrap_or_default().contains(&Value::EnumNumber(3))
}

/// Whether a caller could send too much, or a value outside the contract.
fn needs_bound(field: &FieldDescriptor) -> bool {
    let scalar = matches!(
        field.kind(),
        Kind::String | Kind::Bytes | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Enum(_)
    );
    scalar || field.is_list() || field.is_map()
}

#[test]
fn every_error_reason_a_comment_names_exists_and_is_documented() {
    let pool = pool();
    let reasons: BTreeSet<String> = reason_enums(&pool)
        .flat_map(|reasons| {
            reasons.values().map(|value| value.name().replacen("ERROR_REASON_", "", 1)).collect::<Vec<_>>()
        })
        .collect();
    let mut complaints = Vec::new();
    for method in methods(&pool) {
        for line in method_comment(&method).lines().filter(|line| line.trim().starts_with("- ")) {
            let Some((code, rest)) = line.trim().trim_start_matches("- ").split_once(" / ") else {
                complaints.push(format!("{}: {line:?} is not CODE / REASON: when", method.full_name()));
                continue;
            };
            let reason = rest.split(':').next().unwrap_or_default();
            if !code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
                || !reasons.contains(reason)
            {
                complaints.push(format!("{}: {code} / {reason} is unknown", method.full_name()));
            }
        }
    }
    for reasons in reason_enums(&pool) {
        for value in reasons.values() {
            if comment(&reasons.parent_file(), value.path()).trim().is_empty() {
                complaints.push(format!("{} has no comment", value.full_name()));
            }
        }
    }
    assert_none(complaints);
}

fn reason_enums(pool: &DescriptorPool) -> impl Iterator<Item = EnumDescriptor> {
    pool.all_enums().filter(|known| known.full_name().starts_with("crm.") && known.name() == "ErrorReason")
}

#[test]
fn fields_of_records_have_labels_in_both_languages() {
    let pool = pool();
    let label = extension(&pool, "crm.options.v1.label");
    let unlabelled: BTreeSet<&str> = ["id", "etag", "delete_time", "purge_time"].into();
    let mut complaints = Vec::new();
    let names = [
        "crm.customer.v1.Account",
        "crm.customer.v1.Contact",
        "crm.customer.v1.AssignmentRule",
        "crm.customer.v1.Interaction",
        "crm.customer.v1.Lead",
        "crm.customer.v1.Pool",
        "crm.customer.v1.RecycleRule",
        "crm.customer.v1.Task",
        "crm.sales.v1.Pipeline",
        "crm.sales.v1.Stage",
        "crm.sales.v1.Opportunity",
        "crm.sales.v1.Product",
        "crm.sales.v1.PriceBook",
        "crm.sales.v1.PriceEntry",
        "crm.sales.v1.PaymentPlan",
        "crm.sales.v1.Receipt",
        "crm.sales.v1.Quota",
        "crm.sales.v1.FiscalCalendar",
        "crm.sales.v1.ForecastAdjustment",
        "crm.sales.v1.ForecastSubmission",
    ];
    for name in names {
        for field in pool.get_message_by_name(name).unwrap().fields() {
            let options = field.options();
            let texts = options.get_extension(&label);
            let text = |part: &str| {
                let message: &DynamicMessage = texts.as_message().unwrap();
                message.get_field_by_name(part).unwrap().as_str().unwrap().to_owned()
            };
            if !unlabelled.contains(field.name()) && (text("en").is_empty() || text("zh").is_empty()) {
                complaints.push(format!("{}: a label is missing", field.full_name()));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn http_rules_do_not_collide() {
    let pool = pool();
    let http = extension(&pool, "google.api.http");
    let mut seen = BTreeSet::new();
    let mut complaints = Vec::new();
    for method in methods(&pool) {
        let options = method.options();
        let rule = options.get_extension(&http);
        for (verb, path) in rule.as_message().unwrap().fields() {
            let Some(path) = path.as_str().filter(|_| verb.name() != "body") else { continue };
            // Two paths that differ in the names of their variables only are the same path.
            let shape: String = path
                .split('/')
                .map(|part| match part.find('}') {
                    Some(end) if part.starts_with('{') => format!("/*{}", &part[end + 1..]),
                    _ => format!("/{part}"),
                })
                .collect();
            if !seen.insert((verb.name().to_owned(), shape)) {
                complaints.push(format!("{}: {} {path} is taken", method.full_name(), verb.name()));
            }
        }
    }
    assert_none(complaints);
}

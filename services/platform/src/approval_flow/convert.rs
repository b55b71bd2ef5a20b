//! Approval flows on the wire.

use crm_kit_api::{Result, error::Violations, etag, id, time::timestamp};
use crm_proto::crm::platform::v1::{
    self as wire,
    approval_node::{Mode as WireMode, WhenNobody as WireNobody, WhenSubmitter as WireSubmitter},
    approval_variable::Type,
    approver::Approver as Named,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    condition,
    model::{Approver, Definition, Flow, Mode, Node, Variable, VariableKind, WhenNobody, WhenSubmitter},
};
use crate::text;

impl Flow {
    /// The flow on the wire.
    pub fn to_wire(&self) -> wire::ApprovalFlow {
        let Definition { condition, variables, nodes } = &self.definition.0;
        wire::ApprovalFlow {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            update_time: Some(timestamp(self.update_time)),
            etag: etag::of(self.revision),
            display_name: self.display_name.clone(),
            object_type: self.object_type.clone(),
            condition: condition.clone(),
            variables: variables.iter().map(variable_to_wire).collect(),
            priority: self.priority,
            disabled: self.disabled,
            nodes: nodes.iter().map(node_to_wire).collect(),
            version: self.version,
        }
    }

    /// The same flow with the values of `wire` that callers set; every violation is collected. Another definition is another version.
    pub fn with_wire(&self, wire: &wire::ApprovalFlow) -> Result<Self> {
        let mut violations = Violations::default();
        let display_name =
            text::required_line("approval_flow.display_name", &wire.display_name, 100, &mut violations);
        if self.object_type.is_empty() {
            violations.add("approval_flow.object_type", "REQUIRED", "must not be empty");
        }
        if wire.nodes.is_empty() {
            violations.add("approval_flow.nodes", "REQUIRED", "must not be empty");
        }
        let mut nodes = Vec::with_capacity(wire.nodes.len());
        for (index, node) in wire.nodes.iter().enumerate() {
            nodes.push(read_node(&format!("approval_flow.nodes[{index}]"), node, &mut violations)?);
        }
        let definition = Definition {
            condition: wire.condition.trim().to_owned(),
            variables: wire.variables.iter().map(read_variable).collect(),
            nodes,
        };
        check_variables(&definition, &mut violations);
        if let Err(error) = condition::compile(&definition) {
            violations.add("approval_flow.condition", "CONDITION_INVALID", error.to_string());
        }
        let version =
            self.version + i32::from(!self.definition.nodes.is_empty() && self.definition.0 != definition);
        violations.into_result(Self {
            display_name,
            priority: wire.priority,
            disabled: wire.disabled,
            version,
            definition: Json(definition),
            ..self.clone()
        })
    }
}

fn check_variables(definition: &Definition, violations: &mut Violations) {
    for (index, variable) in definition.variables.iter().enumerate() {
        if definition.variables[..index].iter().any(|other| other.path == variable.path) {
            let field = format!("approval_flow.variables[{index}].path");
            violations.add(field, "DUPLICATE", "stands in the list before");
        }
    }
}

fn read_variable(wire: &wire::ApprovalVariable) -> Variable {
    let kind = match wire.r#type() {
        Type::Unspecified | Type::Text => VariableKind::Text,
        Type::Number => VariableKind::Number,
        Type::Boolean => VariableKind::Boolean,
        Type::Date => VariableKind::Date,
    };
    Variable { path: wire.path.clone(), kind }
}

fn variable_to_wire(variable: &Variable) -> wire::ApprovalVariable {
    let kind = match variable.kind {
        VariableKind::Text => Type::Text,
        VariableKind::Number => Type::Number,
        VariableKind::Boolean => Type::Boolean,
        VariableKind::Date => Type::Date,
    };
    wire::ApprovalVariable { path: variable.path.clone(), r#type: kind.into() }
}

fn read_node(field: &str, wire: &wire::ApprovalNode, violations: &mut Violations) -> Result<Node> {
    let mut approvers = Vec::with_capacity(wire.approvers.len());
    for (index, approver) in wire.approvers.iter().enumerate() {
        approvers.extend(read_approver(&format!("{field}.approvers[{index}]"), approver)?);
    }
    let substitute = id::parse_optional(&format!("{field}.substitute_id"), &wire.substitute_id)?;
    let when_nobody = match (wire.when_nobody(), substitute) {
        (WireNobody::User, Some(id)) => WhenNobody::User(id),
        (WireNobody::Pass, None) => WhenNobody::Pass,
        (WireNobody::Unspecified | WireNobody::Administrator, None) => WhenNobody::Administrator,
        (WireNobody::User, None) => {
            violations.add(format!("{field}.substitute_id"), "REQUIRED", "must name who decides");
            WhenNobody::Administrator
        }
        (_, Some(_)) => {
            let message = "is only for WHEN_NOBODY_USER";
            violations.add(format!("{field}.substitute_id"), "NOT_ALLOWED", message);
            WhenNobody::Administrator
        }
    };
    Ok(Node {
        display_name: text::required_line(
            &format!("{field}.display_name"),
            &wire.display_name,
            100,
            violations,
        ),
        approvers,
        mode: match wire.mode() {
            WireMode::All => Mode::All,
            WireMode::Unspecified | WireMode::Any => Mode::Any,
            WireMode::InSequence => Mode::InSequence,
        },
        when_nobody,
        when_submitter: match wire.when_submitter() {
            WireSubmitter::Skip => WhenSubmitter::Skip,
            WireSubmitter::Allow => WhenSubmitter::Allow,
            WireSubmitter::Unspecified | WireSubmitter::Superior => WhenSubmitter::Superior,
        },
    })
}

fn read_approver(field: &str, wire: &wire::Approver) -> Result<Option<Approver>> {
    Ok(match &wire.approver {
        Some(Named::UserId(id)) => Some(Approver::User(id::parse(&format!("{field}.user_id"), id)?)),
        Some(Named::RoleId(id)) => Some(Approver::Role(id::parse(&format!("{field}.role_id"), id)?)),
        Some(Named::SuperiorLevel(level)) => Some(Approver::Superior(usize::try_from(*level).unwrap_or(1))),
        None => None,
    })
}

fn node_to_wire(node: &Node) -> wire::ApprovalNode {
    let (when_nobody, substitute) = match node.when_nobody {
        WhenNobody::Pass => (WireNobody::Pass, None),
        WhenNobody::Administrator => (WireNobody::Administrator, None),
        WhenNobody::User(id) => (WireNobody::User, Some(id)),
    };
    let when_submitter = match node.when_submitter {
        WhenSubmitter::Skip => WireSubmitter::Skip,
        WhenSubmitter::Allow => WireSubmitter::Allow,
        WhenSubmitter::Superior => WireSubmitter::Superior,
    };
    wire::ApprovalNode {
        display_name: node.display_name.clone(),
        approvers: node.approvers.iter().map(approver_to_wire).collect(),
        mode: i32::from(i16::from(node.mode)),
        when_nobody: when_nobody.into(),
        substitute_id: substitute.as_ref().map(Uuid::to_string).unwrap_or_default(),
        when_submitter: when_submitter.into(),
    }
}

fn approver_to_wire(approver: &Approver) -> wire::Approver {
    let named = match approver {
        Approver::User(id) => Named::UserId(id.to_string()),
        Approver::Role(id) => Named::RoleId(id.to_string()),
        Approver::Superior(level) => Named::SuperiorLevel(i32::try_from(*level).unwrap_or(i32::MAX)),
    };
    wire::Approver { approver: Some(named) }
}

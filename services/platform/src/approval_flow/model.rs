//! What an approval flow is.

use chrono::{DateTime, Utc};
use crm_kit_api::Call;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

/// Who has to agree to what.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub object_type: String,
    pub priority: i32,
    pub disabled: bool,
    pub version: i32,
    pub definition: Json<Definition>,
}

/// What a version of a flow says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    pub condition: String,
    pub variables: Vec<Variable>,
    pub nodes: Vec<Node>,
}

/// A value the condition may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    pub path: String,
    pub kind: VariableKind,
}

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VariableKind {
    Text,
    Number,
    Boolean,
    Date,
}

/// One step of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub display_name: String,
    pub approvers: Vec<Approver>,
    pub mode: Mode,
    pub when_nobody: WhenNobody,
    pub when_submitter: WhenSubmitter,
}

/// Names approvers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Approver {
    User(Uuid),
    Role(Uuid),
    /// 1 is the direct superior.
    Superior(usize),
}

/// How many approvers have to agree. Numbers as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i16", into = "i16")]
#[repr(i16)]
pub enum Mode {
    All = 1,
    Any = 2,
    InSequence = 3,
}

/// What happens when nobody matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhenNobody {
    Pass,
    Administrator,
    User(Uuid),
}

/// What happens when the submitter is an approver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhenSubmitter {
    Skip,
    Allow,
    Superior,
}

impl Flow {
    /// A flow of a kind of object, without name and nodes.
    pub fn new(call: &Call, object_type: &str) -> Self {
        Self {
            id: call.new_id(),
            create_time: call.now,
            update_time: call.now,
            delete_time: None,
            revision: 1,
            display_name: String::new(),
            object_type: object_type.to_owned(),
            priority: 0,
            disabled: false,
            version: 1,
            definition: Json::default(),
        }
    }
}

impl Definition {
    /// Users and roles that the nodes name.
    pub fn named(&self) -> (Vec<Uuid>, Vec<Uuid>) {
        let (mut users, mut roles) = (Vec::new(), Vec::new());
        for node in &self.nodes {
            for approver in &node.approvers {
                match approver {
                    Approver::User(id) => users.push(*id),
                    Approver::Role(id) => roles.push(*id),
                    Approver::Superior(_) => {}
                }
            }
            if let WhenNobody::User(id) = node.when_nobody {
                users.push(id);
            }
        }
        (users, roles)
    }
}

impl TryFrom<i16> for Mode {
    type Error = String;

    fn try_from(number: i16) -> Result<Self, String> {
        match number {
            1 => Ok(Self::All),
            2 => Ok(Self::Any),
            3 => Ok(Self::InSequence),
            _ => Err(format!("{number} is no mode")),
        }
    }
}

impl From<Mode> for i16 {
    fn from(mode: Mode) -> Self {
        mode as Self
    }
}

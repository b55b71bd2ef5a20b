//! Roles on the wire.

use crm_kit_api::{
    Result,
    error::Violations,
    etag,
    sensitivity::{Mask, Masks, Sensitivity},
    time::timestamp,
};
use crm_proto::crm::platform::v1::{self as wire, ClassMask, MaskLevel, role::RecordScope as WireScope};
use sqlx::types::Json;

use super::{
    model::{ClassMasks, RecordScope, Rights, Role, classes},
    permission,
};
use crate::text;

impl Role {
    /// The role on the wire, with what it grants even when that stands in the code.
    pub fn to_wire(&self) -> wire::Role {
        let Rights { permissions, scope, masks } = self.rights();
        wire::Role {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            update_time: Some(timestamp(self.update_time)),
            etag: etag::of(self.revision),
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            permissions: permissions.names().map(str::to_owned).collect(),
            record_scope: scope.to_wire().into(),
            masks: masks_to_wire(&masks),
            built_in: self.built_in.clone().unwrap_or_default(),
        }
    }

    /// The same role with the values of `wire` that callers set; every violation is collected.
    pub fn with_wire(&self, wire: &wire::Role) -> Result<Self> {
        let mut violations = Violations::default();
        let role = Self {
            display_name: text::required_line("role.display_name", &wire.display_name, 100, &mut violations),
            description: wire.description.trim().to_owned(),
            permissions: permissions("role.permissions", &wire.permissions, &mut violations),
            record_scope: RecordScope::from_wire(wire.record_scope()),
            masks: Json(ClassMasks::new(&masks_from_wire(&wire.masks, &mut violations))),
            ..self.clone()
        };
        violations.into_result(role)
    }
}

impl RecordScope {
    /// The scope on the wire.
    pub fn to_wire(self) -> WireScope {
        match self {
            Self::Own => WireScope::Self_,
            Self::Subordinates => WireScope::SelfAndSubordinates,
            Self::DepartmentTree => WireScope::DepartmentTree,
            Self::All => WireScope::All,
        }
    }

    fn from_wire(wire: WireScope) -> Self {
        match wire {
            WireScope::Unspecified | WireScope::Self_ => Self::Own,
            WireScope::SelfAndSubordinates => Self::Subordinates,
            WireScope::DepartmentTree => Self::DepartmentTree,
            WireScope::All => Self::All,
        }
    }
}

/// Reads permission names: known ones, sorted, each once.
pub fn permissions(field: &str, names: &[String], violations: &mut Violations) -> Vec<String> {
    for (index, name) in names.iter().enumerate().filter(|(_, name)| !permission::is_known(name)) {
        violations.add(
            format!("{field}[{index}]"),
            "PERMISSION_UNKNOWN",
            format!("{name} is not a permission"),
        );
    }
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names
}

/// Masks on the wire; classes that are shown are left out.
pub fn masks_to_wire(masks: &Masks) -> Vec<ClassMask> {
    let level = |mask| match mask {
        Mask::None => MaskLevel::None,
        Mask::Partial => MaskLevel::Partial,
        Mask::Hidden => MaskLevel::Hidden,
    };
    let masked = classes().filter(|class| masks.of(*class) != Mask::None);
    masked
        .map(|class| ClassMask { sensitivity: class.into(), level: level(masks.of(class)).into() })
        .collect()
}

fn masks_from_wire(wire: &[ClassMask], violations: &mut Violations) -> Masks {
    let mut seen = Vec::new();
    wire.iter().enumerate().fold(Masks::default(), |masks, (index, entry)| {
        let class = Sensitivity::try_from(entry.sensitivity).unwrap_or_default();
        if class == Sensitivity::Unspecified || MaskLevel::try_from(entry.level).is_err() {
            violations.add(format!("role.masks[{index}]"), "MASK_INVALID", "needs a known class and level");
        } else if seen.contains(&class) {
            violations.add(
                format!("role.masks[{index}]"),
                "CLASS_REPEATED",
                "names a class that stands before",
            );
        }
        seen.push(class);
        let mask = match entry.level() {
            MaskLevel::Unspecified | MaskLevel::None => Mask::None,
            MaskLevel::Partial => Mask::Partial,
            MaskLevel::Hidden => Mask::Hidden,
        };
        masks.with(class, mask)
    })
}

//! The demonstration company itself: departments, and who works in them.

/// Short name of its tenant.
pub const TENANT: &str = "demo";
/// Its name.
pub const NAME: &str = "明河科技 Minghe Technology";

/// A department; its parent stands before it.
#[derive(Debug)]
pub struct Department {
    pub name: &'static str,
    pub parent: Option<&'static str>,
    /// User name of its manager.
    pub manager: &'static str,
}

const fn department(name: &'static str, parent: &'static str, manager: &'static str) -> Department {
    Department { name, parent: Some(parent), manager }
}

const HEADQUARTERS: &str = "明河科技";
const SALES: &str = "销售部";

pub const DEPARTMENTS: [Department; 8] = [
    Department { name: HEADQUARTERS, parent: None, manager: "li.wei" },
    department(SALES, HEADQUARTERS, "li.wei"),
    department("华东区", SALES, "zhang.min"),
    department("华北区", SALES, "zhao.lei"),
    department("华南与西部", SALES, "huang.tao"),
    department("International", SALES, "anna.schmidt"),
    department("市场部", HEADQUARTERS, "xu.yan"),
    department("客户服务部", HEADQUARTERS, "he.ping"),
];

/// Somebody who works there; the superior stands before.
#[derive(Debug)]
pub struct Colleague {
    pub username: &'static str,
    pub name: &'static str,
    pub title: &'static str,
    pub department: &'static str,
    pub superior: Option<&'static str>,
    /// Key of the built-in role.
    pub role: &'static str,
    /// Sales regions whose accounts this one may own.
    pub regions: &'static [&'static str],
}

type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const fn colleague(row: Row) -> Colleague {
    let (username, name, title, department, superior, role, regions) = row;
    let superior = if superior.is_empty() { None } else { Some(superior) };
    Colleague { username, name, title, department, superior, role, regions }
}

pub const COLLEAGUES: [Colleague; 14] = [
    colleague(("li.wei", "李伟", "销售总监", SALES, "", "manager", &[])),
    colleague(("zhang.min", "张敏", "区域经理", "华东区", "li.wei", "manager", &["华东"])),
    colleague(("wang.fang", "王芳", "客户经理", "华东区", "zhang.min", "sales", &["华东"])),
    colleague(("chen.jie", "陈杰", "客户经理", "华东区", "zhang.min", "sales", &["华东"])),
    colleague(("zhao.lei", "赵磊", "区域经理", "华北区", "li.wei", "manager", &["华北"])),
    colleague(("sun.li", "孙丽", "客户经理", "华北区", "zhao.lei", "sales", &["华北"])),
    colleague(("huang.tao", "黄涛", "区域经理", "华南与西部", "li.wei", "manager", &["华南", "西部"])),
    colleague(("lin.jing", "林静", "客户经理", "华南与西部", "huang.tao", "sales", &["华南", "西部"])),
    colleague((
        "anna.schmidt",
        "Anna Schmidt",
        "Regional manager",
        "International",
        "li.wei",
        "manager",
        &["EMEA"],
    )),
    colleague((
        "james.taylor",
        "James Taylor",
        "Account manager",
        "International",
        "anna.schmidt",
        "sales",
        &["EMEA", "AMER"],
    )),
    colleague((
        "yuki.tanaka",
        "田中由紀",
        "Account manager",
        "International",
        "anna.schmidt",
        "sales",
        &["APAC"],
    )),
    colleague(("xu.yan", "徐艳", "市场经理", "市场部", "", "marketing", &[])),
    colleague(("he.ping", "何平", "客服主管", "客户服务部", "", "support", &[])),
    colleague(("guo.ming", "郭明", "数据分析师", HEADQUARTERS, "", "analyst", &[])),
];

/// User names of those who may own an account of this region.
pub fn owners(region: &str) -> Vec<&'static str> {
    COLLEAGUES.iter().filter(|one| one.regions.contains(&region)).map(|one| one.username).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::words::{ABROAD, CHINA};

    #[test]
    fn superiors_parents_and_managers_exist_before_they_are_named() {
        for (index, one) in COLLEAGUES.iter().enumerate() {
            let known = |name| COLLEAGUES[..index].iter().any(|other| other.username == name);
            assert!(one.superior.is_none_or(known), "{}", one.username);
            assert!(DEPARTMENTS.iter().any(|department| department.name == one.department));
        }
        for (index, one) in DEPARTMENTS.iter().enumerate() {
            assert!(
                one.parent.is_none_or(|name| DEPARTMENTS[..index].iter().any(|other| other.name == name))
            );
            assert!(COLLEAGUES.iter().any(|colleague| colleague.username == one.manager));
        }
    }

    #[test]
    fn every_region_has_owners() {
        for city in CHINA.iter().chain(&ABROAD) {
            assert!(!owners(city.region).is_empty(), "{}", city.region);
        }
    }
}

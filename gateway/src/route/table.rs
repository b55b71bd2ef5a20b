//! Matches paths: a trie over segments in which a literal wins over `*`, and `*` over `**`.

use std::{collections::HashMap, sync::Arc};

use super::{
    Route,
    template::{Segment, Template, split_verb},
};

#[derive(Debug, Default)]
pub struct Table {
    root: Node,
    pub routes: Vec<Arc<Route>>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    one: Option<Box<Node>>,
    /// Routes that end here, and routes that end here in `**`.
    leaf: Leaf,
    rest: Leaf,
}

/// Routes of one pattern: by custom verb, then by HTTP method.
#[derive(Debug, Default)]
struct Leaf(Vec<(String, Vec<Arc<Route>>)>);

/// What a path means.
#[derive(Debug)]
pub enum Match {
    Found(Arc<Route>),
    /// The path exists, but not with this HTTP method.
    OtherMethods(Vec<http::Method>),
    Nothing,
}

impl Table {
    pub fn insert(&mut self, template: &Template, route: Arc<Route>) -> Result<(), String> {
        let mut node = &mut self.root;
        let mut open = false;
        for segment in &template.segments {
            match segment {
                Segment::Literal(text) => node = node.literals.entry(text.clone()).or_default(),
                Segment::One => node = node.one.get_or_insert_default(),
                Segment::Rest => open = true,
            }
        }
        let leaf = if open { &mut node.rest } else { &mut node.leaf };
        let position = leaf.0.iter().position(|(verb, _)| *verb == template.verb);
        let position = position.unwrap_or_else(|| {
            leaf.0.push((template.verb.clone(), Vec::new()));
            leaf.0.len() - 1
        });
        let same = &mut leaf.0[position].1;
        if let Some(other) = same.iter().find(|other| other.verb == route.verb) {
            return Err(format!(
                "`{} {}` is bound by {} and {}",
                route.verb, route.template, other.method.path, route.method.path
            ));
        }
        same.push(Arc::clone(&route));
        self.routes.push(route);
        Ok(())
    }

    /// Finds the route of a raw (still percent-encoded) path, which begins with `/`.
    pub fn find(&self, method: &http::Method, path: &str) -> Match {
        let path = path.strip_prefix('/').unwrap_or(path);
        let wanted = if *method == http::Method::HEAD { &http::Method::GET } else { method };
        let mut search = Search { wanted, others: Vec::new() };
        let (bare, verb) = split_verb(path);
        let with_verb = (!verb.is_empty()).then(|| search.run(&self.root, bare, verb)).flatten();
        match with_verb.or_else(|| search.run(&self.root, path, "")) {
            Some(route) => Match::Found(route),
            None if search.others.is_empty() => Match::Nothing,
            None => Match::OtherMethods(search.others),
        }
    }
}

struct Search<'a> {
    wanted: &'a http::Method,
    others: Vec<http::Method>,
}

impl Search<'_> {
    fn run(&mut self, root: &Node, path: &str, verb: &str) -> Option<Arc<Route>> {
        let segments: Vec<&str> = path.split('/').collect();
        self.walk(root, &segments, verb)
    }

    fn walk(&mut self, node: &Node, segments: &[&str], verb: &str) -> Option<Arc<Route>> {
        let Some((first, after)) = segments.split_first() else {
            return self.leaf(&node.leaf, verb).or_else(|| self.leaf(&node.rest, verb));
        };
        if let Some(next) = node.literals.get(*first)
            && let Some(found) = self.walk(next, after, verb)
        {
            return Some(found);
        }
        if let (Some(next), false) = (&node.one, first.is_empty())
            && let Some(found) = self.walk(next, after, verb)
        {
            return Some(found);
        }
        self.leaf(&node.rest, verb)
    }

    fn leaf(&mut self, leaf: &Leaf, verb: &str) -> Option<Arc<Route>> {
        let (_, routes) = leaf.0.iter().find(|(known, _)| known == verb)?;
        let found = routes.iter().find(|route| route.verb == *self.wanted);
        if found.is_none() {
            self.others.extend(routes.iter().map(|route| route.verb.clone()));
        }
        found.cloned()
    }
}

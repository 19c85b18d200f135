//! The paths that a module writes: in `use` items, types, expressions, patterns, attributes, and inside of macros.

use std::collections::BTreeSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ForeignItem, ImplItem, Item, Macro, Meta, Stmt, TraitItem, UseTree, Visibility};

use crate::testing_code::is_for_tests;

/// One name that a `use` item brings in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// As it is called here; for a glob, nothing.
    pub(crate) name: Option<String>,
    pub(crate) path: Vec<String>,
}

/// A path in the code.
pub(crate) type Reference = Vec<String>;

#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) items: BTreeSet<String>,
    pub(crate) uses: Vec<Use>,
    pub(crate) references: Vec<Reference>,
    /// What was left out because it is compiled for tests only.
    pub(crate) for_tests: Vec<Span>,
}

/// Reads the items of one module. Its inline modules are modules of their own.
pub(crate) fn read(items: &[Item]) -> Found {
    let mut reader = Reader::default();
    for item in items {
        if let Some(name) = name_of(item) {
            reader.found.items.insert(name);
        }
        match item {
            Item::Mod(module) if !is_for_tests(&module.attrs) => {}
            _ => reader.visit_item(item),
        }
    }
    reader.found
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}

#[derive(Default)]
struct Reader {
    found: Found,
}

impl Reader {
    /// Whether what carries these attributes is left out.
    fn leaves_out(&mut self, attributes: &[Attribute], whole: &impl Spanned) -> bool {
        let out = is_for_tests(attributes);
        if out {
            self.found.for_tests.push(whole.span());
        }
        out
    }

    fn add_tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        let (name, path) = match tree {
            UseTree::Path(tree) => return self.add_tree(&tree.tree, &with(&tree.ident)),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(tree, before);
                }
                return;
            }
            UseTree::Glob(_) => (None, before.to_vec()),
            UseTree::Name(tree) if tree.ident == "self" => (before.last().cloned(), before.to_vec()),
            UseTree::Name(tree) => (Some(tree.ident.to_string()), with(&tree.ident)),
            UseTree::Rename(tree) if tree.ident == "self" => (Some(tree.rename.to_string()), before.to_vec()),
            UseTree::Rename(tree) => (Some(tree.rename.to_string()), with(&tree.ident)),
        };
        self.found.uses.push(Use { name, path });
    }

    /// Every `a::b::c` among a macro's tokens, and every single name.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_path(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                }
                TokenTree::Group(group) => {
                    self.add_path(std::mem::take(&mut path));
                    self.add_tokens(group.stream());
                }
                _ => self.add_path(std::mem::take(&mut path)),
            }
            colons = 0;
        }
        self.add_path(path);
    }

    fn add_path(&mut self, path: Vec<String>) {
        if !path.is_empty() {
            self.found.references.push(path);
        }
    }

    /// The paths that attributes name in text, as `#[serde(with = "path")]` does.
    fn add_texts(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.add_texts(group.stream()),
                TokenTree::Literal(literal) => {
                    let path =
                        syn::parse_str::<syn::LitStr>(&literal.to_string()).and_then(|text| text.parse::<syn::Path>());
                    if let Ok(path) = path {
                        self.visit_path(&path);
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !self.leaves_out(attributes_of(item), item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !self.leaves_out(attributes, item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let attributes: &[Attribute] = match item {
            TraitItem::Const(item) => &item.attrs,
            TraitItem::Fn(item) => &item.attrs,
            TraitItem::Type(item) => &item.attrs,
            TraitItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !self.leaves_out(attributes, item) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_foreign_item(&mut self, item: &'ast ForeignItem) {
        visit::visit_foreign_item(self, item);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !self.leaves_out(&field.attrs, field) {
            visit::visit_field(self, field);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attributes: &[Attribute] = match statement {
            Stmt::Local(local) => &local.attrs,
            Stmt::Macro(statement) => &statement.attrs,
            _ => &[],
        };
        if !self.leaves_out(attributes, statement) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add_path(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        self.add_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta
            && !list.path.is_ident("cfg")
        {
            self.add_tokens(list.tokens.clone());
            self.add_texts(list.tokens.clone());
        }
    }
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(text: &str) -> BTreeSet<String> {
        let found = read(&syn::parse_file(text).unwrap().items);
        found.references.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn a_use_tree_gives_each_name_and_its_path() {
        let items = syn::parse_file("pub use a::{self, b as c, d::*}; use e::F;")
            .unwrap()
            .items;
        let uses: Vec<(Option<String>, String)> = read(&items)
            .uses
            .into_iter()
            .map(|found| (found.name, found.path.join("::")))
            .collect();
        assert_eq!(
            uses,
            [
                (Some("a".into()), "a".into()),
                (Some("c".into()), "a::b".into()),
                (None, "a::d".into()),
                (Some("F".into()), "e::F".into()),
            ]
        );
    }

    #[test]
    fn paths_are_seen_wherever_they_stand() {
        let found = references(
            r#"
            #[serde(with = "crate::attribute")]
            struct S { field: crate::field::T, #[cfg(test)] gone: crate::gone::T }
            impl crate::bound::Trait for S { #[cfg(test)] fn f() { crate::gone::f() } }
            fn f() -> Option<super::argument::T> {
                let crate::pattern::P { .. } = crate::call::f();
                println!("{}", crate::within::a_macro(vec![self::nested::X]));
            }
            #[cfg(test)]
            fn g() { crate::gone::g() }
            "#,
        );
        for path in [
            "crate::attribute",
            "crate::field::T",
            "crate::bound::Trait",
            "super::argument::T",
            "crate::pattern::P",
            "crate::call::f",
            "crate::within::a_macro",
            "self::nested::X",
        ] {
            assert!(found.contains(path), "{path} in {found:?}");
        }
        assert!(!found.iter().any(|path| path.contains("gone")), "{found:?}");
    }
}

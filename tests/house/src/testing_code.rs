//! What is compiled for tests only: items under `#[cfg(test)]`.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Meta};

/// Whether `#[cfg(…)]` leaves the item out unless tests are compiled.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => needs_test(list.tokens.clone()),
        _ => false,
    })
}

/// `test`, or `all(…)` with it: without tests none of these holds. `any(test, …)` and `not(test)` may hold.
fn needs_test(condition: TokenStream) -> bool {
    let mut tokens = condition.into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), None) => word == "test",
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(group))) if word == "all" => {
            split(group.stream()).into_iter().any(needs_test)
        }
        _ => false,
    }
}

fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => parts.push(TokenStream::new()),
            (_, Some(part)) => part.extend([token]),
            (_, None) => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_for_tests_is_told_from_code_for_either() {
        for (attribute, expected) in [
            ("#[cfg(test)]", true),
            ("#[cfg(all(test, unix))]", true),
            ("#[cfg(not(test))]", false),
            ("#[cfg(any(test, unix))]", false),
            ("#[cfg(unix)]", false),
            ("#[derive(Debug)]", false),
        ] {
            let item: syn::ItemStruct = syn::parse_str(&format!("{attribute} struct S;")).unwrap();
            assert_eq!(is_for_tests(&item.attrs), expected, "{attribute}");
        }
    }
}

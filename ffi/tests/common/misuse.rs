//! A C program, made from the header, that calls every function wrongly.

use std::fmt::Write as _;

use super::declarations::{Function, Parameter, functions, header, items, opaque};

/// What stands for a parameter.
#[derive(Clone, Copy, PartialEq)]
enum Kind<'a> {
    /// A pointer to an opaque type.
    Handle(&'a str),
    /// Where a new handle goes, or one to free is.
    Place(&'a str),
    Abi,
    Callback,
    /// Any other pointer.
    Pointer,
    Number,
}

fn kind<'a>(parameter: &'a Parameter, opaque: &[String]) -> Kind<'a> {
    let text = parameter.kind.trim_start_matches("const ");
    if parameter.name == "abi" {
        return Kind::Abi;
    }
    if text.ends_with("_fn") {
        return Kind::Callback;
    }
    let Some(pointed) = text.strip_suffix('*') else { return Kind::Number };
    let (pointed, place) = match pointed.trim().strip_suffix('*') {
        Some(pointed) => (pointed.trim(), true),
        None => (pointed.trim(), false),
    };
    match pointed.strip_prefix("struct ").filter(|name| opaque.iter().any(|known| known == name)) {
        Some(name) if place => Kind::Place(name),
        Some(name) => Kind::Handle(name),
        None => Kind::Pointer,
    }
}

/// An argument that is right, as far as one can be made of nothing: a zeroed struct with its size, room for a number, a short text.
fn good(parameter: &Parameter, kind: Kind<'_>) -> String {
    let pointed = parameter.kind.trim_start_matches("const ").trim_end_matches('*').trim();
    match kind {
        Kind::Abi => "SC_ABI_VERSION".into(),
        Kind::Handle(name) => format!("live_{name}"),
        Kind::Place(_) => "(void *)&slot".into(),
        Kind::Callback => "NULL".into(),
        Kind::Number => "0".into(),
        Kind::Pointer if parameter.kind.ends_with("**") => "(void *)&text".into(),
        Kind::Pointer if pointed.starts_with("struct sc_iovec") => "pieces".into(),
        Kind::Pointer if pointed.starts_with("struct ") => {
            format!("(void *)sized(sizeof({pointed}))")
        }
        Kind::Pointer if pointed == "char" => "\"x\"".into(),
        Kind::Pointer => "room".into(),
    }
}

fn call(function: &Function, arguments: &[String]) -> String {
    format!("{}({})", function.name, arguments.join(", "))
}

/// Every function with NULL and 0 for everything, with another ABI, with handles that are none or of another type, with a live handle and one
/// NULL at a time, and with a freed handle.
pub(crate) fn program() -> String {
    let header = header();
    let items = items(&header);
    let opaque = opaque(&items);
    let mut body = String::new();
    for function in functions(&items) {
        let kinds: Vec<Kind<'_>> =
            function.parameters.iter().map(|parameter| kind(parameter, &opaque)).collect();
        let right: Vec<String> =
            function.parameters.iter().zip(&kinds).map(|(one, kind)| good(one, *kind)).collect();
        let nulls: Vec<String> = kinds
            .iter()
            .map(|kind| match kind {
                Kind::Abi => "SC_ABI_VERSION".into(),
                Kind::Number => "0".into(),
                _ => "NULL".into(),
            })
            .collect();
        let status = function.result == "sc_status";
        let frees = function.name.ends_with("_free") || function.name.ends_with("_release");
        if !status {
            let _ = writeln!(body, "    (void){};", call(&function, &nulls));
            continue;
        }
        let wanted = if frees { "SC_OK" } else { "SC_ERR_NULL" };
        let _ = writeln!(body, "    GIVES({wanted}, {});", call(&function, &nulls));
        let with = |at: usize, what: &str| {
            let mut arguments = right.clone();
            if let Some(argument) = arguments.get_mut(at) {
                what.clone_into(argument);
            }
            call(&function, &arguments)
        };
        // What a call gave in spite of a NULL that it may have.
        let given = kinds.iter().find_map(|kind| match kind {
            Kind::Place(name) if !frees => Some(*name),
            _ => None,
        });
        let free = given.map_or_else(String::new, |name| {
            let end = if ["sc_buf", "sc_track"].contains(&name) { "release" } else { "free" };
            format!("    GIVES(SC_OK, {name}_{end}((void *)&slot));")
        });
        for (at, kind) in kinds.iter().enumerate() {
            match kind {
                Kind::Abi => {
                    let _ = writeln!(
                        body,
                        "    GIVES(SC_ERR_ABI, {});",
                        with(at, "SC_ABI_VERSION + 1")
                    );
                }
                Kind::Handle(name) => {
                    let other =
                        if *name == "sc_flv_writer" { "sc_flv_reader" } else { "sc_flv_writer" };
                    let (noise, other) =
                        ("(void *)noise".to_owned(), format!("(void *)live_{other}"));
                    for wrong in [noise, other, "(void *)((char *)noise + 1)".into()] {
                        let _ = writeln!(body, "    GIVES(SC_ERR_HANDLE, {});", with(at, &wrong));
                    }
                }
                Kind::Pointer | Kind::Callback => {
                    let _ = writeln!(body, "    known({});", with(at, "NULL"));
                    let _ = writeln!(body, "{free}");
                }
                Kind::Place(_) if frees => {
                    let _ = writeln!(
                        body,
                        "    wrong = (void *)noise;\n    GIVES(SC_ERR_HANDLE, {});",
                        with(at, "(void *)&wrong")
                    );
                }
                Kind::Place(_) => {
                    let _ = writeln!(body, "    known({});", with(at, "NULL"));
                }
                Kind::Number => {}
            }
        }
    }
    format!(
        "#include \"misuse.h\"\n\nstatic void misuse(void) {{\n{body}}}\n\nint main(void) {{\n    begin();\n    misuse();\n    end();\n    return 0;\n}}\n"
    )
}

//! The table in `docs/src/kinds.md` is that of the enum.

use std::path::Path;

use contract::Kind;

/// Set to write the table instead of comparing it.
const UPDATE: &str = "UPDATE_KINDS";

fn table() -> String {
    let mut table =
        "| kind | meaning | severity | a retry may help | playbook |\n|---|---|---|---|---|\n".to_owned();
    for kind in Kind::ALL {
        let retry = if kind.is_transient() { "yes" } else { "no" };
        let (severity, playbook) = (kind.severity().as_str(), kind.playbook());
        let page = playbook.split('#').next().unwrap_or_default();
        let link = format!("[{}](playbooks/{playbook})", page.trim_end_matches(".md"));
        table += &format!("| `{kind}` | {} | {severity} | {retry} | {link} |\n", kind.meaning());
    }
    table
}

#[test]
fn the_page_lists_every_kind_as_the_code_has_it() -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/kinds.md");
    let page = std::fs::read_to_string(&path)?;
    let start = page.find("| kind | meaning |").unwrap_or(page.len());
    let rest = page.get(start..).unwrap_or_default();
    let end = start + rest.find("\n\n").map_or(rest.len(), |end| end + 1);
    if std::env::var_os(UPDATE).is_some() {
        let (before, after) = (page.get(..start).unwrap_or_default(), page.get(end..).unwrap_or_default());
        return std::fs::write(path, format!("{before}{}{after}", table()));
    }
    assert_eq!(page.get(start..end), Some(table().as_str()), "run this test with {UPDATE}=1");
    Ok(())
}

//! An alert's link leads to a section that is there.

use std::path::Path;

use contract::Kind;

#[test]
fn the_playbook_of_every_kind_has_a_section_of_its_name() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/playbooks");
    for kind in Kind::ALL {
        let playbook = kind.playbook();
        let (page, section) = playbook.split_once('#').unwrap_or_default();
        let text = std::fs::read_to_string(folder.join(page))?;
        assert!(text.contains(&format!("<a id=\"{section}\"></a>")), "{page} has no section for {kind}");
    }
    Ok(())
}

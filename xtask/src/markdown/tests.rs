use super::*;

const TEXT: &str = "# A heading: `code` & [a link](other.md)\n\
                    \n\
                    Text with `cargo xtask\n  lint` and [two](a.md#x) [words](b.md \"title\") ``a ` b``.\n\
                    An <a id=\"own.anchor\"></a> and <img src=\"p.svg\">.\n\
                    \n\
                    ```sh\n\
                    cargo xtask test \\\n  --broker forky  # comment\n\
                    # no heading [no](link.md)\n\
                    ```\n\
                    ## Twice\n## Twice\n\
                    [ref]: c.md\n";

fn pieces(pieces: &[Piece]) -> Vec<(usize, &str)> {
    pieces.iter().map(|piece| (piece.line, piece.text.as_str())).collect()
}

#[test]
fn code_is_found_with_its_lines() {
    let document = read(TEXT);
    assert_eq!(pieces(&document.spans), [(1, "code"), (3, "cargo xtask lint"), (4, "a ` b")]);
    let lines = [(8, "cargo xtask test   --broker forky  # comment"), (10, "# no heading [no](link.md)")];
    assert_eq!(pieces(&document.block_lines), lines);
}

#[test]
fn links_are_found_outside_code() {
    let expected = [(1, "other.md"), (4, "a.md#x"), (4, "b.md"), (5, "p.svg"), (14, "c.md")];
    assert_eq!(pieces(&read(TEXT).links), expected);
}

#[test]
fn anchors_are_ids_and_the_slugs_of_headings() {
    let anchors = read(TEXT).anchors;
    let expected = ["a-heading-code--a-link", "own.anchor", "twice", "twice-1"];
    assert_eq!(anchors.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_backtick_without_its_pair_hides_nothing() {
    let document = read("A ` alone.\n\nThen `code`, and\n~~~\nblock\n~~~\nafter [x](y.md)\n");
    assert_eq!(pieces(&document.spans), [(3, "code")]);
    assert_eq!(pieces(&document.block_lines), [(5, "block")]);
    assert_eq!(pieces(&document.links), [(7, "y.md")]);
}

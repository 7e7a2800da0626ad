//! The report of a run: tables for the screen, and the page of the book with its plot.

use anyhow::{Context as _, Result};
use testbed::cloud::workspace;

use crate::aims::aims;
use crate::figures::{self, EMPTY, Figures};
use crate::price;
use crate::spread::{megabytes, milliseconds, thousands};
use crate::table::Table;
use crate::{plot, readme};

mod introduction;
mod page;

/// The page of the book, relative to the repository's root.
const PAGE: &str = "docs/src/performance.md";
/// The plot on that page, relative to the repository's root.
const PLOT: &str = "docs/src/pictures/performance.svg";

/// The tables for the screen.
#[must_use]
pub fn screen(figures: &Figures) -> String {
    let mut text = String::new();
    for (title, tables) in sections(figures) {
        text += &format!("\n{title}\n\n{}\n", tables.join("\n"));
    }
    let share = match &figures.machine.share {
        Ok(share) => format!("share of a core: {share}"),
        Err(why) => format!("only whole cores were measured, because no control group could be made: {why}"),
    };
    text + &share + "\n"
}

/// Writes the figures, the page, the plot and README's lines. Returns the names of the files.
///
/// # Errors
/// When a file cannot be written, or the figures are not enough for README's lines.
pub fn write(figures: &Figures) -> Result<Vec<&'static str>> {
    let mut files = generated(figures)?;
    files.push((figures::FILE, figures.to_json()?));
    for (file, text) in &files {
        let path = workspace().join(file);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        std::fs::write(&path, text).with_context(|| (*file).to_owned())?;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

/// The files that the figures give, with their texts.
fn generated(figures: &Figures) -> Result<Vec<(&'static str, String)>> {
    let readme = std::fs::read_to_string(workspace().join(readme::FILE)).context(readme::FILE)?;
    let readme = readme::with_lines(&readme, &readme::lines(figures)?)?;
    Ok(vec![(PAGE, page::page(figures)), (PLOT, plot::draw(figures)), (readme::FILE, readme)])
}

/// The tables by title.
fn sections(figures: &Figures) -> Vec<(&'static str, Vec<String>)> {
    let calls = figures.calls.tables().map(|table| table.markdown()).to_vec();
    let mut sections = vec![
        ("Aims", vec![aims_table(figures)]),
        ("Time of a rotation", vec![rotations(figures)]),
        ("Steps of a warm rotation", vec![steps(figures)]),
        ("CPU time and memory", vec![cpu_and_memory(figures)]),
        ("Price of a million rotations", vec![prices(figures)]),
        ("Cold start", vec![starts(figures)]),
        ("Calls of a rotation", calls),
        ("The other functions", vec![others(figures)]),
    ];
    sections.extend(figures.delivery.as_ref().map(|_| ("Into the cluster", vec![delivery(figures)])));
    sections.extend(figures.storm.iter().map(|storm| ("A rotation storm", vec![storm.clone()])));
    sections.extend(figures.tenants.iter().map(|tenants| ("Thousands of customers", tenants.tables())));
    sections
}

fn aims_table(figures: &Figures) -> String {
    let mut table = Table::new(&["what", "measured", "aim", ""]);
    for aim in aims(figures) {
        let verdict = if aim.met { "met" } else { "NOT met" };
        table.row([aim.what, aim.measured, format!("<= {}", aim.aim), verdict.to_owned()]);
    }
    table.markdown()
}

fn rotations(figures: &Figures) -> String {
    let mut table = Table::new(&["program", "memory", "warm", "first, start included", "the start", "runs"]);
    for one in &figures.rotations {
        let runs = one.warm.runs.min(one.first.runs).to_string();
        let memory = memory(one.memory_mb);
        table.row([
            one.program.clone(),
            memory,
            one.warm.whole(),
            one.first.whole(),
            one.start.median(),
            runs,
        ]);
    }
    table.markdown()
}

fn steps(figures: &Figures) -> String {
    let mut table =
        Table::new(&["program", "memory", "createSecret", "setSecret", "testSecret", "finishSecret"]);
    for one in &figures.rotations {
        let [create, set, test, finish] = one.steps.map(|step| step.median());
        table.row([one.program.clone(), memory(one.memory_mb), create, set, test, finish]);
    }
    table.markdown()
}

fn cpu_and_memory(figures: &Figures) -> String {
    let mut table = Table::new(&["program", "memory", "CPU, warm", "CPU, first with start", "peak memory"]);
    for one in &figures.rotations {
        table.row([
            one.program.clone(),
            memory(one.memory_mb),
            one.warm_cpu.whole(),
            one.first_cpu.whole(),
            megabytes(one.peak_kb),
        ]);
    }
    table.markdown()
}

fn prices(figures: &Figures) -> String {
    let mut table =
        Table::new(&["program", "memory", "billed, warm", "US$, warm", "billed, first", "US$, first"]);
    for one in &figures.rotations {
        let price = |ms: u64| format!("{:.2}", price::of_a_million_rotations(ms, one.memory_mb));
        table.row([
            one.program.clone(),
            memory(one.memory_mb),
            format!("{} ms", thousands(one.warm_billed_ms)),
            price(one.warm_billed_ms),
            format!("{} ms", thousands(one.first_billed_ms)),
            price(one.first_billed_ms),
        ]);
    }
    table.markdown()
}

fn starts(figures: &Figures) -> String {
    let mut starts: Vec<_> = figures.cold_starts.iter().collect();
    starts.sort_by_key(|(_, spread)| spread.median_us);
    let empty = figures.cold_starts.get(EMPTY).map(|spread| spread.median_us);
    let mut table = Table::new(&["program", "start to first poll", "more than the empty function", "runs"]);
    for (name, spread) in starts {
        let more =
            empty.map_or_else(String::new, |empty| milliseconds(spread.median_us.saturating_sub(empty)));
        table.row([name.clone(), spread.whole(), more, spread.runs.to_string()]);
    }
    table.markdown()
}

fn others(figures: &Figures) -> String {
    let mut table = Table::new(&[
        "function",
        "memory",
        "warm",
        "CPU",
        "first, start included",
        "CPU, first",
        "peak memory",
        "runs",
    ]);
    for one in &figures.others {
        table.row([
            format!("{}, {}", one.program, one.work),
            memory(one.memory_mb),
            one.warm.whole(),
            one.warm_cpu.median(),
            one.first.whole(),
            one.first_cpu.median(),
            megabytes(one.peak_kb),
            one.warm.runs.min(one.first.runs).to_string(),
        ]);
    }
    table.markdown()
}

fn delivery(figures: &Figures) -> String {
    let mut table = Table::new(&["from `RotateSecret`", "time", "runs"]);
    if let Some(delivery) = &figures.delivery {
        for (what, spread) in [
            ("to the Secret in the cluster", delivery.in_cluster),
            ("to the application's new connection", delivery.reconnected),
        ] {
            table.row([what.to_owned(), spread.whole(), spread.runs.to_string()]);
        }
    }
    table.markdown()
}

fn memory(mb: u32) -> String {
    format!("{} MB", thousands(mb.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::example;

    #[test]
    fn the_screen_has_every_section_and_says_what_was_not_measured() {
        let mut figures = example();
        let text = screen(&figures);
        for expected in
            ["NOT met", "rotation-mq", "empty function", "dlq-handler, ten failures", "Into the cluster"]
        {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        figures.tenants = Some(crate::tenants::example());
        assert!(screen(&figures).contains("Thousands of customers"));
        figures.delivery = None;
        figures.machine.share = Err("read-only".to_owned());
        let text = screen(&figures);
        assert!(!text.contains("Into the cluster") && text.contains("could be made: read-only"), "{text}");
    }

    /// Set to write the files from the committed figures instead of comparing them, after a change of their words.
    const UPDATE: &str = "UPDATE_REPORT";

    /// Nobody edits a number by hand: the page, the plot and README's lines are those of the committed figures.
    #[test]
    fn the_committed_files_are_those_of_the_committed_figures() -> Result<()> {
        let Some(figures) = Figures::read()? else {
            anyhow::bail!("{} is missing: `cargo xtask bench --report` writes it", figures::FILE);
        };
        if std::env::var_os(UPDATE).is_some() {
            write(&figures)?;
        }
        for (file, expected) in generated(&figures)? {
            let found = std::fs::read_to_string(workspace().join(file)).context(file)?;
            assert!(found == expected, "{file} is not what the figures give: run this test with {UPDATE}=1");
        }
        assert_eq!(std::fs::read_to_string(workspace().join(figures::FILE))?, figures.to_json()?);
        Ok(())
    }
}

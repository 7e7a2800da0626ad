//! The page of the book: the tables, and how they were measured.

use super::introduction::introduction;
use crate::aims::aims;
use crate::figures::{Figures, Invocations, OURS};
use crate::share::{WHOLE_CORE_MB, percent, quota_us};
use crate::spread::{milliseconds, thousands};
use crate::text::wrapped;

/// The whole page.
pub fn page(figures: &Figures) -> String {
    let mut text = String::from(
        "# Performance\n\n\
         `cargo xtask bench` measures the functions at the share of a core that Lambda gives them, beside a Python function that \
         rotates\nthe same secrets in the manner of AWS's templates (`bench/peer`), and beside a function that does nothing.\n\
         This page, its plot and the lines about speed in README are written from one run. A test compares them with its figures\n\
         (`bench/report/figures.json`), so nobody changes a number by hand.\n\n\
         ![The time of a rotation with each memory size](pictures/performance.svg)\n\n",
    );
    text += &machine(figures);
    for (title, tables) in super::sections(figures) {
        text += &format!("\n## {title}\n\n");
        let introduction = introduction(title);
        if !introduction.is_empty() {
            text += &format!("{}\n\n", wrapped(&introduction));
        }
        text += &tables.join("\n");
        if title == "Aims" {
            text += &reasons(figures);
        }
    }
    text += "\n## How it was measured\n\n";
    text += &method(figures);
    text
}

/// Why some aims are not met.
fn reasons(figures: &Figures) -> String {
    let missed = aims(figures).into_iter().filter(|aim| !aim.met);
    let reasons: Vec<_> = missed.filter_map(|aim| Some((reason(&aim.what, figures)?, aim.what))).collect();
    if reasons.is_empty() {
        return String::new();
    }
    let items = reasons.into_iter().map(|(why, what)| {
        let mut what = what;
        if let Some(first) = what.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        format!("{}\n", wrapped(&format!("- **{what}.** {why}")))
    });
    format!("\nWhy aims are not met:\n\n{}", items.collect::<String>())
}

/// What a profile and the sizes of symbols show, as of 2026-11-28.
fn reason(what: &str, figures: &Figures) -> Option<String> {
    let text = match what {
        "warm rotation on a whole core" => {
            let whole = figures.rotations_of(OURS, WHOLE_CORE_MB)?;
            let waits = whole.warm.median_us.saturating_sub(whole.warm_cpu.median_us);
            format!(
                "The function computes for {} and waits for {}: for {} answers of the emulator, {} of the management API, and the \
                 broker's part of {} logins, one after the other.",
                whole.warm_cpu.median(),
                milliseconds(waits),
                figures.calls.aws(),
                figures.calls.management(),
                figures.calls.logins()
            )
        }
        "CPU time of a warm rotation" => {
            "The profile is flat. The kernel takes 28 %, memory allocation 11 %. The rest are the AWS SDK, HTTP and TLS, \
             where no function takes 3 %. The SDK's work is that of its calls, and each call is needed."
                .to_owned()
        }
        "peak memory" => {
            "The memory of the process itself is 2.3 MB. The rest are pages of the program and of the C library, which Linux shares \
             between processes. It maps 64 KB around each page that is used."
                .to_owned()
        }
        "`RotateSecret` to the Secret in the cluster" => {
            let rotation = figures.rotations_of(OURS, WHOLE_CORE_MB)?.warm.median_us;
            let is_delivery =
                |it: &&Invocations| it.program == "secret2eks" && it.memory_mb == WHOLE_CORE_MB;
            let delivery = figures.others.iter().find(is_delivery)?.warm.median_us;
            let whole = figures.delivery.as_ref()?.in_cluster.median_us;
            format!(
                "The four steps take {}, and the delivery {}, in which External Secrets Operator reads the secret and writes it to the \
                 cluster. For the other {}, the emulator starts the rotation and each of the five invocations.",
                milliseconds(rotation),
                milliseconds(delivery),
                milliseconds(whole.saturating_sub(rotation + delivery))
            )
        }
        "zip of rotation-mq" => {
            "Of its 7.7 MB unpacked, the AWS SDK has 1.2 MB, aws-lc (TLS) 0.9 MB, the compiler's tables for unwinding 0.9 MB, relocations \
             0.6 MB, HTTP/2 0.3 MB, and the function's own code 0.4 MB. `-C force-unwind-tables=no` makes them no smaller."
                .to_owned()
        }
        other => return figures.tenants.as_ref()?.reason(other),
    };
    Some(text)
}

fn machine(figures: &Figures) -> String {
    let machine = &figures.machine;
    let share = match &machine.share {
        Ok(share) => share.clone(),
        Err(why) => format!("none, so only whole cores were measured: {why}"),
    };
    format!(
        "| the run | |\n|---|---|\n| machine | {}, {} cores |\n| kernel | Linux {} |\n| share of a core | {share} |\n\
         | broker | RabbitMQ {} |\n| other programs before the run | {:.1} busy cores |\n| date | {} |\n| commit | {} |\n| command | `{}` |\n",
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.rabbitmq,
        f64::from(machine.busy_percent) / 100.0,
        machine.date,
        machine.commit,
        machine.command
    )
}

fn method(figures: &Figures) -> String {
    let share = match &figures.machine.share {
        Ok(_) => format!(
            "- **Share of a core.** Lambda gives a function with 1,769 MB [one core](https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html), \
             and others their part of it: {:.1} % with 128 MB. \
             A CPU control group of Linux does the same: {} of 20,000 µs with 128 MB. The init phase runs on whole cores, as on Lambda. \
             The process joins the group after its first request for an event.",
            percent(128),
            thousands(quota_us(128))
        ),
        Err(_) => {
            "- **Share of a core.** This machine allows no CPU control group. All numbers are on whole cores."
                .to_owned()
        }
    };
    let items = [
        "- **Builds.** The functions are the release builds of `cargo xtask package`. The Python function runs with AWS's own runtime \
         client, creates its clients once, and keeps its connections open."
            .to_owned(),
        share,
        "- **Runtime.** The command has a Runtime API of its own for each process. It hands out the events, and takes the time from \
         the event to the answer. The environment variables are those of the deployed function."
            .to_owned(),
        "- **Rotations.** The AWS emulator starts each rotation and runs no step. The four steps are invoked one after the other, as \
         Secrets Manager does. The broker is a real RabbitMQ with TLS on the same machine."
            .to_owned(),
        "- **In turn.** Each turn measures one warm and one first rotation of each program with each memory size, so that other load \
         on the machine affects all of them. What prepares a process or creates the second user does not count."
            .to_owned(),
        "- **What it is not.** The network of AWS has longer ways, and its services answer at other speeds. Compare the numbers with \
         each other, not with those of a real account."
            .to_owned(),
        "- **CPU time** is that of the whole process between two invocations, as the kernel counts it.".to_owned(),
    ];
    items.map(|item| format!("{}\n", wrapped(&item))).concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::example;

    #[test]
    fn the_page_has_every_table_with_its_method() {
        let text = page(&example());
        for expected in [
            "# Performance\n",
            "## Aims\n",
            "| Example CPU, 2 cores |",
            "1,447 of 20,000 µs",
            "US$ 0.0000166667",
            "(pictures/performance.svg)",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        let long = text.lines().find(|line| !line.starts_with('|') && line.chars().count() > 130);
        assert_eq!(long, None);
    }

    #[test]
    fn an_aim_that_is_not_met_has_a_reason_with_its_figures() {
        let mut figures = example();
        for series in &mut figures.rotations {
            series.warm.median_us = 40_000;
        }
        let text = page(&figures);
        assert!(
            text.contains("- **Warm rotation on a whole core.** The function computes for 9.0 ms"),
            "{text}"
        );
        assert!(!text.contains("**Peak memory.**"), "{text}");
    }

    #[test]
    fn where_there_is_no_share_the_page_says_why() {
        let mut figures = example();
        figures.machine.share = Err("read-only".to_owned());
        let text = page(&figures);
        assert!(text.contains("only whole cores were measured: read-only"), "{text}");
        assert!(text.contains("allows no CPU control group"), "{text}");
    }
}

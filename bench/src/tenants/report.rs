//! The tables of a run with many secrets.

use super::cost;
use super::figures::{Phase, Safeguard, Tenants};
use super::phase::{CHANGED, CREATED, DELETED, OFFBOARDED, QUOTAS, RECONCILED};
use crate::figures::Invocations;
use crate::share::percent;
use crate::spread::{megabytes, milliseconds, thousands};
use crate::table::Table;

const PHASES: [&str; 5] = [CREATED, CHANGED, RECONCILED, DELETED, OFFBOARDED];
/// The aim for deliveries.
const DELIVERIES_A_SECOND: f64 = 100.0;

impl Tenants {
    /// The tables for the screen.
    #[must_use]
    pub fn screen(&self) -> String {
        self.tables().join("\n")
    }

    /// All tables, in Markdown.
    #[must_use]
    pub(crate) fn tables(&self) -> Vec<String> {
        vec![
            self.run(),
            self.phases(),
            self.bottlenecks(),
            self.work(),
            self.alone(),
            self.quotas(),
            self.processors(),
            self.costs(),
        ]
    }

    fn run(&self) -> String {
        let Safeguard { limit, deleted, kept, alerts } = self.safeguard;
        let machine = &self.machine;
        let mut table = Table::new(&["the run with many secrets", ""]);
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        let count = |count: usize| thousands(u64::try_from(count).unwrap_or(u64::MAX));
        row("secrets", format!("{} in {} namespaces", count(self.secrets), count(self.namespaces)));
        row("quotas of Secrets Manager", "those of AWS".to_owned());
        row("events of secret2eks in progress", format!("at most {}", self.events_in_progress));
        row("processes of secret2eks", format!("at most {}", self.most_processes));
        row("External Secrets Operator", format!("`{}`", self.operator));
        row(
            "the safeguard, with all secrets deleted",
            format!(
                "limit {limit}: {} of {} objects kept, alerts sent: {alerts}{}",
                count(kept),
                count(deleted),
                if self.is_safe() { "" } else { " (NOT as it must be)" }
            ),
        );
        row("reconciles until all were offboarded", self.offboarding_runs.to_string());
        row("machine", format!("{}, {} cores", machine.cpu, machine.cores));
        row("date, commit", format!("{}, {}", machine.date, machine.commit));
        row("command", format!("`{}`", machine.command));
        table.markdown()
    }

    fn phases(&self) -> String {
        let heading = ["phase", "secrets", "until the last", "a second", "incidents", "peak memory"];
        let mut table = Table::new(&heading);
        for phase in &self.phases {
            table.row([
                phase.name.clone(),
                thousands(u64::try_from(phase.secrets).unwrap_or(u64::MAX)),
                format!("{:.1} s", phase.time_ms as f64 / 1_000.0),
                format!("{:.1}", phase.a_second()),
                phase.incidents.to_string(),
                megabytes(phase.peak_kb),
            ]);
        }
        table.markdown()
    }

    fn bottlenecks(&self) -> String {
        let mut table = Table::new(&["phase", "what kept it from a higher rate"]);
        for phase in &self.phases {
            table.row([phase.name.clone(), phase.bottleneck(self.machine.cores)]);
        }
        table.markdown()
    }

    /// What the function itself allows, whatever the emulator serves.
    fn work(&self) -> String {
        let mut table = Table::new(&["the function's own work", ""]);
        if let Some(us) = self.work_of_a_delivery_us() {
            let on_a_core = 1_000_000.0 / us.max(1) as f64;
            table.row(["CPU time of a delivery".to_owned(), milliseconds(us)]);
            table.row(["deliveries a second, a whole core".to_owned(), format!("{on_a_core:.0}")]);
        }
        for one in &self.deliveries {
            let cpu = on_its_share(one);
            let took = one.warm.median_us.max(1) as f64 / 1_000_000.0;
            let memory = one.memory_mb;
            let name = format!("deliveries a second by one process with {memory} MB, waits left out");
            table.row([name, format!("{:.0}", 1.0 / cpu)]);
            let name = format!("executions at once for 100 a second with {memory} MB, waits included");
            table.row([name, format!("{:.0}", (DELIVERIES_A_SECOND * took).ceil())]);
        }
        table.markdown()
    }

    fn alone(&self) -> String {
        let heading = ["secret2eks alone", "memory", "warm", "CPU", "first, start included", "peak memory"];
        let mut table = Table::new(&heading);
        for one in self.deliveries.iter().chain(&self.reconciles) {
            table.row([
                one.work.clone(),
                format!("{} MB", thousands(one.memory_mb.into())),
                one.warm.median(),
                one.warm_cpu.median(),
                one.first.median(),
                megabytes(one.peak_kb),
            ]);
        }
        table.markdown()
    }

    fn quotas(&self) -> String {
        let heading = [
            "calls of Secrets Manager",
            "quota a second",
            CREATED,
            CHANGED,
            RECONCILED,
            DELETED,
            OFFBOARDED,
            "most of the quota",
        ];
        let mut table = Table::new(&heading);
        for (operations, a_second) in QUOTAS {
            let phases = PHASES.map(|name| self.phase(name));
            let [one, two, three, four, five] = phases.map(|phase| calls(phase, operations));
            let parts = phases.into_iter().flatten().map(|phase| phase.part_of(operations, a_second));
            let most = parts.fold(0.0, f64::max) * 100.0;
            let name = operations.join(" with ");
            table.row([name, thousands(a_second), one, two, three, four, five, format!("{most:.1} %")]);
        }
        table.markdown()
    }

    fn processors(&self) -> String {
        let heading = ["busy cores", CREATED, CHANGED, RECONCILED, DELETED, OFFBOARDED];
        let mut table = Table::new(&heading);
        let parts: std::collections::BTreeSet<_> =
            self.phases.iter().flat_map(|phase| phase.cpu_ms.keys()).collect();
        let cell = |name: &str, cores: &dyn Fn(&Phase) -> f64| {
            self.phase(name).map_or_else(String::new, |phase| format!("{:.2}", cores(phase)))
        };
        for part in parts {
            let [one, two, three, four, five] = PHASES.map(|name| cell(name, &|phase| phase.cores_of(part)));
            table.row([part.clone(), one, two, three, four, five]);
        }
        let [one, two, three, four, five] = PHASES.map(|name| cell(name, &Phase::busy_cores));
        let all = format!("the whole machine, of {} cores", self.machine.cores);
        table.row([all, one, two, three, four, five]);
        table.markdown()
    }

    fn costs(&self) -> String {
        let mut table = Table::new(&["cost of a month, on paper", "how", "US$"]);
        let costs = cost::of(self);
        let sum: f64 = costs.iter().map(|cost| cost.dollars).sum();
        for cost in costs {
            table.row([cost.what.to_owned(), cost.how, format!("{:.2}", cost.dollars)]);
        }
        table.row(["all of it".to_owned(), String::new(), format!("{sum:.2}")]);
        table.markdown()
    }
}

/// The seconds for which a process computes with its share of a core.
fn on_its_share(one: &Invocations) -> f64 {
    let share = (percent(one.memory_mb) / 100.0).min(1.0);
    one.warm_cpu.median_us.max(1) as f64 / 1_000_000.0 / share
}

fn calls(phase: Option<&Phase>, operations: &[&str]) -> String {
    match phase.map(|phase| phase.calls_of(operations)) {
        None | Some([0, 0]) => String::new(),
        Some([served, 0]) => thousands(served),
        Some([served, refused]) => format!("{}, {} refused", thousands(served), thousands(refused)),
    }
}

#[cfg(test)]
mod tests {
    use crate::tenants::figures::example;

    #[test]
    fn the_tables_have_the_phases_the_quotas_the_parts_and_the_cost() {
        let text = example().screen();
        for expected in [
            "10,000 in 1,000 namespaces",
            "limit 100: 10,000 of 10,000 objects kept, alerts sent: 1 ",
            "`--concurrent=10`",
            "TagResource with UntagResource",
            "10,000, 3 refused",
            "the AWS emulator",
            "the whole machine, of 2 cores",
            "4000.00",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        let mut failed = example();
        failed.safeguard.alerts = 2;
        assert!(failed.screen().contains("NOT as it must be"));
    }

    #[test]
    fn the_function_alone_is_counted_at_its_share_of_a_core() {
        // 12 ms of CPU at 7.2 % of a core take 166 ms, and 300 ms for each of 100 a second are 30 at once.
        let text = example().work();
        let cell = |name: &str| {
            let line = text.lines().find(|line| line.contains(name)).unwrap_or_default();
            line.split('|').nth(2).unwrap_or_default().trim().to_owned()
        };
        assert_eq!(cell("waits left out"), "6");
        assert_eq!(cell("waits included"), "30");
        assert_eq!(cell("a whole core"), "667");
    }
}

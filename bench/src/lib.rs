//! Measures what the functions cost at the share of a core that Lambda gives them, beside a Python function that does the
//! same work. Writes the report, its plot and README's lines about speed.

mod aims;
mod calls;
mod clock;
mod cold_start;
mod delivery;
mod environment;
mod figures;
mod functions;
mod machine;
mod plan;
mod plot;
mod price;
mod process;
mod program;
mod readme;
mod release;
mod report;
mod rotation;
mod runtime_api;
mod share;
mod spread;
mod storm;
mod table;
mod tenants;
mod text;
mod watched;

pub use calls::Calls;
pub use cold_start::cold_starts;
pub use delivery::measure as measure_delivery;
pub use figures::{Figures, Machine};
pub use functions::{measure_handler, measure_watch};
pub use machine::{busy_percent, machine};
pub use plan::{Plan, Programs};
pub use release::Release;
pub use report::{screen, write};
pub use rotation::measure as measure_rotations;
pub use share::Shares;
pub use storm::Storm;
pub use tenants::Tenants;
pub use watched::Watched;

/// The memory sizes to measure, in MB. The last one is a whole core.
pub const MEMORY_MB: [u32; 5] = [128, 256, 512, 1_024, share::WHOLE_CORE_MB];

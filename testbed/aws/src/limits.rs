//! The request quotas of the emulator, and the counts of its calls and rotations.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Aws, Rotation, control};

const LIMIT: Duration = Duration::from_secs(30);

/// The calls of one operation since the limits were set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Calls {
    /// The calls within the limit. A call that failed for another reason is included.
    pub served: u64,
    /// The calls above the limit.
    pub refused: u64,
}

/// The last rotations of many secrets.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Outcomes {
    outcomes: BTreeMap<String, usize>,
    /// The records of some rotations that ended without success.
    pub unsuccessful: Vec<Rotation>,
}

impl Outcomes {
    /// The number of rotations that have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.of("running")
    }

    /// The number of rotations that succeeded.
    #[must_use]
    pub fn succeeded(&self) -> usize {
        self.of("succeeded")
    }

    /// The number of rotations that have ended, successful or not.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.outcomes.values().sum::<usize>() - self.running()
    }

    fn of(&self, outcome: &str) -> usize {
        self.outcomes.get(outcome).copied().unwrap_or_default()
    }
}

impl Aws {
    /// Switches on the request quotas of Secrets Manager, multiplied by `factor`. Amazon MQ's limit is multiplied, too.
    /// `None` switches the quotas off, as at the start. All buckets are full then, and all counts are zero.
    ///
    /// # Errors
    /// When the factor is not above zero, or is too large.
    pub async fn set_rate_limits(&self, factor: Option<f64>) -> Result<()> {
        self.post("limits", &json!({"factor": factor})).await.map(drop)
    }

    /// The calls of each operation of Secrets Manager, and of `DescribeBroker`, since the limits were last set.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn calls(&self) -> Result<BTreeMap<String, Calls>> {
        let url = format!("{}/_testbed/limits", self.endpoint());
        let mut answer = control::answer(control::client()?.get(url).timeout(LIMIT)).await?;
        Ok(serde_json::from_value(answer.get_mut("calls").map(Value::take).unwrap_or_default())?)
    }

    /// How the last rotations ended of all secrets whose ARN begins with `arn_prefix`.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn rotation_outcomes(&self, arn_prefix: &str) -> Result<Outcomes> {
        let url = format!("{}/_testbed/rotations", self.endpoint());
        let url = reqwest::Url::parse_with_params(&url, &[("prefix", arn_prefix)])?;
        Ok(serde_json::from_value(control::answer(control::client()?.get(url).timeout(LIMIT)).await?)?)
    }
}

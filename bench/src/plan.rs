//! What a run measures: how often, and which programs.

use anyhow::Result;
use testbed::cloud::Cloud;

use crate::MEMORY_MB;
use crate::environment::Size;
use crate::figures::{EMPTY, OURS, PEER};
use crate::program::{Deployed, Program};
use crate::release::Release;
use crate::share::Shares;

/// How often to measure, and with which shares of a core.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The runs of each kind.
    pub rotations: usize,
    /// The cold starts of each program.
    pub starts: usize,
    /// The place for control groups, if there is one.
    pub shares: Option<&'a Shares>,
}

impl<'a> Plan<'a> {
    /// All memory sizes, or only whole cores where there are no control groups.
    pub(crate) fn sizes(&self) -> Vec<Size<'a>> {
        let [.., whole] = MEMORY_MB;
        let shares = self.shares;
        match shares {
            Some(_) => MEMORY_MB.map(|memory_mb| Size { memory_mb, shares }).to_vec(),
            None => vec![Size { memory_mb: whole, shares }],
        }
    }

    /// The smallest and the largest of the sizes.
    pub(crate) fn ends(&self) -> Vec<Size<'a>> {
        let sizes = self.sizes();
        match sizes.as_slice() {
            [first, .., last] => vec![*first, *last],
            _ => sizes,
        }
    }
}

/// The programs that need no cluster.
#[derive(Debug)]
pub struct Programs {
    rotation_mq: Program,
    peer: Program,
    empty: Program,
    /// dlq-handler.
    pub dlq_handler: Program,
    /// rotation-watch.
    pub rotation_watch: Program,
}

impl Programs {
    /// The release builds and the Python function, with the environments of the deployed functions.
    ///
    /// # Errors
    /// When a function is not deployed, or the packages of the Python function are not installed.
    pub async fn of(cloud: &Cloud, release: &Release) -> Result<Self> {
        let logs = cloud.folder();
        let rotates = Deployed::read(cloud, cloud.stack.output("RotationFunctionName")?).await?;
        let handles = Deployed::read(cloud, cloud.stack.output("HandlerFunctionName")?).await?;
        let watches = Deployed::read(cloud, cloud.stack.output("WatchFunctionName")?).await?;
        let of = |name: &str, function: &str, deployed: &Deployed| {
            Program::of_rust(name, &release.program(function), deployed, logs)
        };
        Ok(Self {
            rotation_mq: of(OURS, "rotation-mq", &rotates),
            peer: Program::peer(PEER, &rotates, logs)?,
            empty: of(EMPTY, "empty-function", &rotates),
            dlq_handler: of("dlq-handler", "dlq-handler", &handles),
            rotation_watch: of("rotation-watch", "rotation-watch", &watches),
        })
    }

    /// The programs that rotate.
    #[must_use]
    pub fn rotating(&self) -> [Program; 2] {
        [self.rotation_mq.clone(), self.peer.clone()]
    }

    /// All programs.
    #[must_use]
    pub fn all(&self) -> [Program; 5] {
        [&self.empty, &self.rotation_mq, &self.dlq_handler, &self.rotation_watch, &self.peer]
            .map(Program::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_share_only_whole_cores_are_measured() {
        let plan = Plan { rotations: 20, starts: 20, shares: None };
        let found: Vec<_> = plan.sizes().iter().map(|size| size.memory_mb).collect();
        assert_eq!(found, [1_769]);
        assert_eq!(plan.ends().len(), 1);
    }
}

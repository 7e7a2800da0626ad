//! The locations of a cluster's programs: `cargo xtask` builds them, or variables name them.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The variable with a folder that contains `etcd`, `kube-apiserver` and `kubectl`, as for Kubernetes' tests (envtest).
/// It has no `kube-controller-manager`, which is always built.
pub const ASSETS_VARIABLE: &str = "KUBEBUILDER_ASSETS";
/// The variable with the path of External Secrets Operator.
pub const OPERATOR_VARIABLE: &str = "EXTERNAL_SECRETS_BIN";

/// The programs of a cluster, and the operator's custom resources.
#[derive(Debug, Clone)]
pub struct Installation {
    pub(super) etcd: PathBuf,
    pub(super) api_server: PathBuf,
    pub(super) controller_manager: PathBuf,
    pub(super) kubectl: PathBuf,
    pub(super) operator: PathBuf,
    pub(super) token_webhook: PathBuf,
    pub(super) custom_resources: PathBuf,
}

impl Installation {
    /// Finds the programs below `tools` (`target/testbed`), or at the paths in the variables.
    ///
    /// # Errors
    /// When a program is missing. The message names it and the command that builds it.
    pub fn find(tools: &Path) -> Result<Self> {
        let built = std::path::absolute(tools)?.join("kubernetes");
        let bin = built.join("bin");
        let assets = std::env::var_os(ASSETS_VARIABLE).map_or_else(|| bin.clone(), PathBuf::from);
        let operator = std::env::var_os(OPERATOR_VARIABLE);
        let found = Self {
            etcd: assets.join("etcd"),
            api_server: assets.join("kube-apiserver"),
            controller_manager: bin.join("kube-controller-manager"),
            kubectl: assets.join("kubectl"),
            operator: operator.map_or_else(|| bin.join("external-secrets"), PathBuf::from),
            token_webhook: bin.join("token-webhook"),
            custom_resources: built.join("crds"),
        };
        let missing = found.missing();
        if !missing.is_empty() {
            bail!(
                "a part of Kubernetes is missing: {}\n  next: cargo xtask kubernetes (builds it once)",
                missing.join(", ")
            );
        }
        Ok(found)
    }

    fn missing(&self) -> Vec<String> {
        let programs = [
            &self.etcd,
            &self.api_server,
            &self.controller_manager,
            &self.kubectl,
            &self.operator,
            &self.token_webhook,
        ];
        let programs = programs.into_iter().filter(|program| !program.is_file());
        let folder = Some(&self.custom_resources).filter(|folder| !folder.is_dir());
        programs.chain(folder).map(|path| path.display().to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_command_that_builds_it() {
        let error = Installation::find(Path::new("/nowhere")).map(drop).map_err(|error| error.to_string());
        let error = error.err().unwrap_or_default();
        assert!(error.contains("/nowhere/kubernetes/bin/token-webhook"), "{error}");
        assert!(error.contains("cargo xtask kubernetes"), "{error}");
    }
}

//! The programs of the Kubernetes part, and their sources.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::operator_sources::changes;
use crate::workspace;

/// A program.
#[derive(Debug)]
pub struct Part {
    /// The name of the program.
    pub name: &'static str,
    /// The folder of its go.mod.
    folder: &'static str,
    pub package: &'static str,
    /// The variable that names another program to use.
    given_by: Option<&'static str>,
    /// The seconds of a build on two cores.
    pub takes: u64,
}

/// The quick builds come first, so that an error in the project's own module shows early.
pub const PARTS: [Part; 6] = [
    Part { name: "token-webhook", folder: "token-webhook", package: ".", given_by: None, takes: 15 },
    Part {
        name: "etcd",
        folder: "etcd",
        package: "go.etcd.io/etcd/server/v3",
        given_by: Some("KUBEBUILDER_ASSETS"),
        takes: 65,
    },
    Part {
        name: "kubectl",
        folder: "kubectl",
        package: "k8s.io/kubernetes/cmd/kubectl",
        given_by: Some("KUBEBUILDER_ASSETS"),
        takes: 65,
    },
    Part {
        name: "kube-apiserver",
        folder: "kube-apiserver",
        package: "k8s.io/kubernetes/cmd/kube-apiserver",
        given_by: Some("KUBEBUILDER_ASSETS"),
        takes: 240,
    },
    // It shares most of its packages with the API server, which is built before. The assets of envtest do not have it.
    Part {
        name: "kube-controller-manager",
        folder: "kube-apiserver",
        package: "k8s.io/kubernetes/cmd/kube-controller-manager",
        given_by: None,
        takes: 120,
    },
    Part {
        name: "external-secrets",
        folder: "external-secrets",
        package: "github.com/external-secrets/external-secrets",
        given_by: Some("EXTERNAL_SECRETS_BIN"),
        takes: 150,
    },
];

/// The program whose module also contains the custom resources.
pub fn operator() -> &'static Part {
    let [.., operator] = &PARTS;
    operator
}

/// The folder of all build results.
pub fn folder() -> PathBuf {
    workspace::target().join("testbed/kubernetes")
}

impl Part {
    pub fn module(&self) -> PathBuf {
        workspace::root().join("testbed/kubernetes").join(self.folder)
    }

    pub fn program(&self) -> PathBuf {
        folder().join("bin").join(self.name)
    }

    pub fn stamp(&self) -> PathBuf {
        folder().join("bin").join(format!("{}.stamp", self.name))
    }

    pub fn is_ours(&self) -> bool {
        self.given_by.is_none_or(|variable| std::env::var_os(variable).is_none())
    }

    /// Everything that the build of the program depends on.
    pub fn built_from(&self) -> Result<String> {
        let mut text = format!("{}\n{}\n", self.package, self.linker_flags()?);
        for file in ["go.mod", "go.sum", "main.go"].map(|name| self.module().join(name)) {
            if file.exists() {
                let contents = fs::read_to_string(&file);
                text.push_str(&contents.with_context(|| format!("cannot read {}", file.display()))?);
            }
        }
        if self.name == operator().name {
            text.push_str(&changes());
        }
        Ok(text)
    }

    /// Omits the tables for debuggers. The linker sets the version of the API server and of kubectl. Without it, they
    /// report v0.0.0.
    pub fn linker_flags(&self) -> Result<String> {
        let module = self.module().join("go.mod");
        let text =
            fs::read_to_string(&module).with_context(|| format!("cannot read {}", module.display()))?;
        Ok(match required_version(&text, "k8s.io/kubernetes") {
            Some(version) => format!("-s -w {}", version_flags(version)),
            None => "-s -w".to_owned(),
        })
    }
}

/// The version that a go.mod requires of a module.
fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    let lines = go_mod.lines().map(|line| line.trim().trim_start_matches("require "));
    lines
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == module)
        .map(|(_, version)| version.split(' ').next().unwrap_or(version))
}

fn version_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    [("gitVersion", version), ("gitMajor", major), ("gitMinor", minor)]
        .map(|(name, value)| format!("-X k8s.io/component-base/version.{name}={value}"))
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_kubernetes_gets_the_version_that_its_module_requires() {
        let go_mod = "module x\n\nrequire (\n\tk8s.io/kube-openapi v0.1.0 // indirect\n\tk8s.io/kubernetes v1.35.4 // indirect\n)\n";
        let version = required_version(go_mod, "k8s.io/kubernetes");
        assert_eq!(version, Some("v1.35.4"));
        let flags = version_flags(version.unwrap_or_default());
        assert!(
            flags.contains("version.gitVersion=v1.35.4") && flags.contains("version.gitMinor=35"),
            "{flags}"
        );
        assert_eq!(
            required_version("require k8s.io/kubernetes v1.35.4\n", "k8s.io/kubernetes"),
            Some("v1.35.4")
        );
    }

    #[test]
    fn every_part_has_its_module_and_its_sums() {
        for part in &PARTS {
            assert!(
                part.module().join("go.mod").is_file() && part.module().join("go.sum").is_file(),
                "{part:?}"
            );
        }
    }
}

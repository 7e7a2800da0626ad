//! Runs a Kubernetes cluster with the AWS emulator until standard input ends:
//! `testbed-cluster <folder> [<tools folder>]`.
//!
//! For use by hand, and for the test that kills it and checks that no process remains.
#![expect(clippy::print_stdout, reason = "its output reports where the cluster is")]

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use aws::{Aws, Options};
use kubernetes::Kubernetes;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().context("usage: testbed-cluster <folder> [<tools folder>]")?;
    let tools = arguments.next().unwrap_or_else(|| PathBuf::from("target/testbed"));
    let python = Aws::install(&tools, &|text| println!("{text}"))?;
    let aws = Aws::start(&python, &folder.join("aws"), Options::default()).await?;
    let cluster = Kubernetes::start(&Kubernetes::find(&tools)?, &folder.join("cluster"), &aws).await?;
    println!("API server {} AWS {}", cluster.endpoint(), aws.endpoint());
    println!("kubectl --kubeconfig {}", cluster.folder().join("operator.kubeconfig").display());
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

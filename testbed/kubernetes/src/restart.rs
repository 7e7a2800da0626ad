//! Stops and starts parts of a running cluster.

use std::sync::PoisonError;

use anyhow::{Context as _, Result};
use aws::Aws;
use sandbox::certificates::Certificates;

use super::{Kubernetes, READY, accepts_connections, client, start};

impl Kubernetes {
    /// Ends the operator at once. The synced Secrets stay.
    pub async fn stop_operator(&self) {
        drop(self.operator.lock().await.take());
    }

    /// Starts the operator unless it runs, and waits until its health port accepts connections.
    ///
    /// # Errors
    /// When it does not start. The message contains the end of its log.
    pub async fn start_operator(&self) -> Result<()> {
        let mut running = self.operator.lock().await;
        if running.is_none() {
            let command = self.layout.operator(&self.installation, &self.ca_pem())?;
            let mut operator = start("external-secrets", &command, &self.layout)?;
            let port = self.layout.operator_health_port();
            operator.wait_until(READY, || accepts_connections(port)).await?;
            *running = Some(operator);
        }
        Ok(())
    }

    /// Starts the garbage collector unless it runs. It ends if the API server does not answer within 10 s.
    pub(super) async fn start_garbage_collector(&self) -> Result<()> {
        let mut running = self.garbage_collector.lock().await;
        if running.is_none() {
            let command = self.layout.garbage_collector(&self.installation, &self.ca_pem())?;
            *running = Some(start("kube-controller-manager", &command, &self.layout)?);
        }
        Ok(())
    }

    /// Ends the API server at once. etcd keeps the data.
    pub async fn stop_api_server(&self) {
        drop(self.api_server.lock().await.take());
    }

    /// Starts the API server unless it runs, on the same port, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start; the message holds the end of its log.
    pub async fn start_api_server(&self) -> Result<()> {
        {
            let mut running = self.api_server.lock().await;
            if running.is_none() {
                let command = self.layout.api_server(&self.installation, &self.certificates());
                *running = Some(start("kube-apiserver", &command, &self.layout)?);
            }
        }
        self.wait_for_the_api_server().await
    }

    /// Replaces the API server's certificate with one of a new authority, and restarts all that trusts it. The
    /// emulated EKS then returns the new authority. Clients that trust only the old authority cannot connect.
    ///
    /// # Errors
    /// When a part does not start again.
    pub async fn replace_api_server_certificates(&self, aws: &Aws) -> Result<()> {
        let count = std::fs::read_dir(&self.layout.folder)?.count();
        let certificates = Certificates::create(&self.layout.folder.join(format!("tls-{count}")))?;
        *self.certificates.write().unwrap_or_else(PoisonError::into_inner) = certificates;
        self.stop_operator().await;
        drop(self.garbage_collector.lock().await.take());
        self.stop_api_server().await;
        self.start_api_server().await?;
        tokio::try_join!(self.register(aws), self.start_operator(), self.start_garbage_collector())?;
        Ok(())
    }

    pub(super) async fn wait_for_the_api_server(&self) -> Result<()> {
        let http = client::plain(&self.ca_pem())?;
        let mut running = self.api_server.lock().await;
        let api_server = running.as_mut().context("the API server was stopped")?;
        let ready = format!("{}/readyz", self.endpoint());
        api_server.wait_until(READY, || client::is_ready(&http, &ready)).await
    }
}

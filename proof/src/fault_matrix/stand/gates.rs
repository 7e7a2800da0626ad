//! The gates of one stand, one in front of each dependency.

use std::sync::Arc;

use anyhow::Result;
use testbed::cloud::Cloud;
use testbed::tcp_proxy::TcpProxy;

use crate::fault_matrix::gate::Gate;
use crate::fault_matrix::place::Place;

/// A gate for each [`Place`], by its name.
#[derive(Debug)]
pub struct Gates {
    pub rotation_aws: Gate,
    pub management: Gate,
    pub amqps: Arc<TcpProxy>,
    pub notices: Gate,
    pub delivery_aws: Gate,
    pub kubernetes: Gate,
    pub handler_aws: Gate,
    pub alerts: Gate,
}

impl Gates {
    /// Creates gates in front of the parts of `cloud`.
    ///
    /// # Errors
    /// When no port is free, or there is no cluster.
    pub fn before(cloud: &Cloud) -> Result<Self> {
        let (cluster, aws) = (cloud.kubernetes()?, || Gate::before(cloud.aws.endpoint(), None));
        let gates = Self {
            rotation_aws: aws()?,
            management: Gate::before(&cloud.broker.management_url(), Some(&cloud.certificates))?,
            amqps: Arc::new(TcpProxy::start(cloud.broker.amqps_port())?),
            notices: aws()?,
            delivery_aws: aws()?,
            kubernetes: Gate::before(&cluster.endpoint(), Some(&cluster.certificates()))?,
            handler_aws: aws()?,
            alerts: aws()?,
        };
        // secret2eks reads the cluster's endpoint from EKS.
        gates.delivery_aws.http().replace_in_answers(&cluster.endpoint(), gates.kubernetes.url());
        Ok(gates)
    }

    /// The proxy in front of an HTTP place.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<&Gate> {
        match place {
            Place::RotationAws => Some(&self.rotation_aws),
            Place::Management => Some(&self.management),
            Place::Notices => Some(&self.notices),
            Place::DeliveryAws => Some(&self.delivery_aws),
            Place::Kubernetes => Some(&self.kubernetes),
            Place::HandlerAws => Some(&self.handler_aws),
            Place::Alerts => Some(&self.alerts),
            Place::Amqps => None,
        }
    }

    /// Accepts all connections again, and forgets the calls.
    ///
    /// # Errors
    /// When a proxy has ended.
    pub async fn open(&self) -> Result<()> {
        for gate in Place::ALL.into_iter().filter_map(|place| self.at(place)) {
            gate.open().await?;
        }
        self.amqps.forget_faults();
        self.amqps.listen(true).await
    }
}

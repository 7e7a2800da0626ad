//! A fault at a call, prepared before the attempt that makes the call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use testbed::cloud::kill_function;
use testbed::fault_proxy::{Call, Rule};
use testbed::tcp_proxy::TcpFault;

use super::{Stand, handler};
use crate::fault_matrix::call_name::{Names, call_name};
use crate::fault_matrix::fault::Fault;
use crate::fault_matrix::place::{Function, Place};
use crate::fault_matrix::point::Point;

/// On a busy machine, it takes long to find and kill a process.
const DEATH: Duration = Duration::from_secs(20);
/// A message may wait in a queue, or the handler may wait for a more specific message.
const COMING: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);

impl Stand<'_> {
    /// The broker sets no password until its gate is opened. A rotation fails, and must report the failure.
    pub fn let_rotations_fail(&self) {
        let no_password = |call: &Call| call.method == "PUT" && call.path.starts_with("/api/users/");
        let refusal = Fault::AlwaysAnswers(500).over_http(Place::Management);
        self.gates.management.http().inject(Rule::always(no_password, refusal));
    }

    /// The cluster answers no call until its gate is opened.
    pub fn let_deliveries_fail(&self) {
        let refusal = Fault::AlwaysAnswers(503).over_http(Place::Kubernetes);
        self.gates.kubernetes.http().inject(Rule::always(|_| true, refusal));
    }

    /// Ends the fault of [`Stand::let_deliveries_fail`]. Faults of other places stay.
    ///
    /// # Errors
    /// When a proxy has ended.
    pub async fn cluster_works_again(&self) -> Result<()> {
        self.gates.kubernetes.open().await
    }

    /// dlq-handler can call nothing for a time.
    ///
    /// # Errors
    /// When a proxy has ended.
    pub async fn handler_is_cut_off_for(&self, time: Duration) -> Result<()> {
        let gates = [&self.gates.handler_aws, &self.gates.alerts];
        gates.iter().for_each(|gate| gate.go_away());
        tokio::time::sleep(time).await;
        for gate in gates {
            gate.come_back().await?;
        }
        Ok(())
    }

    /// rotation-mq can reach neither port of the broker for a time.
    ///
    /// # Errors
    /// When a proxy has ended.
    pub async fn endpoint_is_away_for(&self, time: Duration) -> Result<()> {
        self.gates.management.go_away();
        self.gates.amqps.go_away();
        tokio::time::sleep(time).await;
        self.gates.management.come_back().await?;
        // The planned faults of later logins end, too.
        self.gates.amqps.forget_faults();
        self.gates.amqps.listen(true).await
    }

    /// Prepares the fault. The returned value reports later whether its call arrived.
    pub fn arm(&self, point: &Point, fault: Fault, names: &Names) -> Arc<Reached> {
        let reached = Arc::new(Reached::default());
        let function = fault.kills().then(|| match point.place.function() {
            Function::RotationMq => format!("{}-rotation-mq", self.name),
            Function::Secret2Eks => self.delivery.clone(),
            Function::DlqHandler => handler(&self.name),
        });
        let at_it = {
            let (reached, endpoint) = (Arc::clone(&reached), self.cloud.aws.endpoint().to_owned());
            move || {
                reached.begun.store(true, Ordering::SeqCst);
                if let Some(function) = &function {
                    kill_function(&endpoint, function);
                }
                reached.done.store(true, Ordering::SeqCst);
            }
        };
        let Some(gate) = self.gate(point.place) else {
            self.arm_login(point.nth, fault, Arc::new(at_it));
            return reached;
        };
        let (place, call, names) = (point.place, point.call.clone(), names.clone());
        let matches = move |found: &Call| call_name(place, found, &names) == call;
        let refuse = (fault == Fault::Refused).then(|| gate.refusal());
        let at_it = move || {
            at_it();
            if let Some(refuse) = &refuse {
                refuse();
            }
        };
        gate.arm(point.nth, matches, fault.over_http(place), fault.lasts(), at_it);
        reached
    }

    /// A login is one connection, and is never repeated. A refusal must be set up before the connection.
    fn arm_login(&self, nth: usize, fault: Fault, at_it: Arc<dyn Fn() + Send + Sync>) {
        if fault != Fault::Refused {
            self.gates.amqps.fault_at(nth, fault.over_tcp(), Some(at_it));
            return;
        }
        let proxy = Arc::clone(&self.gates.amqps);
        let go_away = move || {
            at_it();
            proxy.refuse();
        };
        if nth == 1 {
            go_away();
        } else {
            self.gates.amqps.fault_at(nth - 1, TcpFault::CutAfter(usize::MAX), Some(Arc::new(go_away)));
        }
    }
}

/// Whether the call of a fault has arrived.
#[derive(Debug, Default)]
pub struct Reached {
    begun: AtomicBool,
    done: AtomicBool,
}

impl Reached {
    /// Waits for the call for a while, because no attempt waits for the handler. Returns whether it has arrived.
    pub async fn comes(&self) -> bool {
        let began = Instant::now();
        while !self.begun.load(Ordering::SeqCst) && began.elapsed() < COMING {
            tokio::time::sleep(LOOK).await;
        }
        self.begun.load(Ordering::SeqCst)
    }

    /// Whether the call has arrived. A process to be killed is dead when this returns, so that its successor is not
    /// killed.
    ///
    /// # Errors
    /// When the process is not dead after a while.
    pub async fn ended(&self) -> Result<bool> {
        let began = Instant::now();
        while self.begun.load(Ordering::SeqCst) && !self.done.load(Ordering::SeqCst) {
            ensure!(began.elapsed() < DEATH, "the function was not killed within {DEATH:?}");
            tokio::time::sleep(LOOK).await;
        }
        Ok(self.done.load(Ordering::SeqCst))
    }
}

//! What the page says above each table.

use crate::price;

/// The text above each table, by its title.
pub fn introduction(title: &str) -> String {
    match title {
        "Aims" => "The aims of the project. A median counts.".to_owned(),
        "Time of a rotation" => "A *warm* rotation runs in a process that has rotated before. A *first* one runs in a new process, and its \
                                 start is included. A cell has the median, and in parentheses the fastest time, the 90th percentile and the \
                                 slowest time."
            .to_owned(),
        "Steps of a warm rotation" => "The medians.".to_owned(),
        "CPU time and memory" => "Of the process of the function alone. The peak memory is `VmHWM`, shared pages included.".to_owned(),
        "Price of a million rotations" => format!(
            "On x86 in us-east-1: US$ {:.10} for a GB-second and {:.2} for a million requests, read on {} at \
             [AWS Lambda pricing]({}). A rotation has {} requests. Lambda bills each begun millisecond of an invocation, until the \
             function asks for the next event. [Since August 2025](https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/), it also bills the \
             init phase, so a first rotation includes it. \
             What the other services cost is in [Quotas and cost](quotas-and-cost.md).",
            price::GB_SECOND,
            price::MILLION_REQUESTS,
            price::READ_ON,
            price::SOURCE,
            price::REQUESTS
        ),
        "Cold start" => "From the start of the process to its first request for an event, on whole cores. On Lambda, the download of \
                         the package and the start of a virtual machine come before it."
            .to_owned(),
        "Calls of a rotation" => "By step, when both users of the pair exist. No cluster is configured: with one, `finishSecret` also \
                                  invokes secret2eks."
            .to_owned(),
        "The other functions" => "rotation-watch checks secrets whose owners have been notified. dlq-handler opens an incident and sends \
                                  an alert for each message. secret2eks delivers a rotated secret, and waits for External Secrets \
                                  Operator: a warm process has a connection to the cluster, and a new one has none. The cells are as \
                                  above."
            .to_owned(),
        "Into the cluster" => "With the deployed release builds on whole cores. The application watches its mounted Secret. The testbed \
                               writes that volume itself, because it has no kubelet, and a kubelet may take a minute."
            .to_owned(),
        "A rotation storm" => "Secrets that are due at the same time, under the request quotas of an AWS account. The emulator serves \
                               fewer calls than AWS. So one factor multiplies all quotas and the number of rotations in progress, and \
                               a call waits as long for its turn as on AWS."
            .to_owned(),
        "Thousands of customers" => format!(
            "Measured by a run of its own, which the first table names. Each customer's secret goes to the namespace of its own tenant, and \
             nothing rotates it, so no receipt is written. In the first two phases, secret2eks follows the events of each call; in the \
             others, all events are lost. The emulator serves a few hundred calls a second on one core. So the *function's own work* is \
             measured apart from the waits for the emulator, the API server and the operator: the CPU time of all its processes for each \
             secret, and a process that has its share of a core. A person allows the reconcile to take all objects back; before, a run \
             with the limit of `TakeBackLimit` must take back none. A month costs what [Secrets Manager]({}) and Lambda ask; the stack \
             itself is in [Quotas and cost](quotas-and-cost.md).",
            price::SECRETS_SOURCE
        ),
        _ => String::new(),
    }
}
